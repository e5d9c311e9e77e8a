"""Calls and USSD (3GPP TS 27.007 §6.6, §7.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.text import alphabet as gsm

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

RING_EVERY_S = 5.0
GSM7_CODING, UCS2_CODING = 15, 72


class Services:
    """What the network does besides messages."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._caller: str | None = None
        self._menu = ""

    def call(self, number: str, now: float) -> None:
        """A telephone rings until somebody hangs up."""
        ringing = self._caller is not None
        self._caller = number
        if not ringing:
            self._ring(now)

    def hang_up(self) -> None:
        """The call ends."""
        self._caller = None

    def _ring(self, now: float) -> None:
        if self._caller is None:
            return
        self._modem.speaker.line("RING", now)
        if self._modem.settings.get("+CLIP") == "1":
            self._modem.speaker.line(f'+CLIP: "{self._caller}",145,"",,"",0', now)
        self._modem.agenda.at_powered(now + RING_EVERY_S, self._ring)

    def ussd(self, raw: str, now: float) -> None:
        """A USSD code goes to the network, or an answer to the menu that is open.

        The answers are the option ``ussd``: ``"*100#"`` and, behind a menu, ``"*100#/1"``.
        """
        code = self._typed(raw)
        path = f"{self._menu}/{code}" if self._menu else code
        self._menu = ""
        if not self._modem.faults.ussd_silent:
            self._modem.agenda.at_powered(
                now + self._modem.options.send_time, lambda when: self._answer_ussd(path, when)
            )

    def end_ussd(self) -> None:
        """Leave the menu."""
        self._menu = ""

    def _answer_ussd(self, path: str, now: float) -> None:
        text = self._modem.options.ussd.get(path)
        if text is None:
            self._modem.speaker.line("+CUSD: 4", now)
            return
        is_menu = text.startswith(">")
        self._menu = path if is_menu else ""
        told, coding = self._told(text.removeprefix(">"))
        self._modem.speaker.line(f'+CUSD: {int(is_menu)},"{told}",{coding}', now)

    def _told(self, text: str) -> tuple[str, int]:
        """The text as this modem gives it, and its data coding scheme (3GPP TS 23.038 §5)."""
        try:
            septets = gsm.encode(text)
        except UnicodeEncodeError:
            return text.encode("utf-16-be").hex().upper(), UCS2_CODING
        if self._modem.maker.packed_ussd:
            return gsm.pack(septets).hex().upper(), GSM7_CODING
        if self._modem.charset == "UCS2":
            return text.encode("utf-16-be").hex().upper(), GSM7_CODING
        return text, GSM7_CODING

    def _typed(self, raw: str) -> str:
        """A code as text; it may come packed, or in UTF-16, both in hexadecimal."""
        try:
            octets = bytes.fromhex(raw)
        except ValueError:
            return raw
        if self._modem.maker.packed_ussd:
            # A carriage return fills up seven free bits (3GPP TS 23.038 §6.1.2.3.1).
            return gsm.decode(gsm.unpack(octets, len(octets) * 8 // 7)).rstrip("\r")
        return octets.decode("utf-16-be", "replace") if self._modem.charset == "UCS2" else raw
