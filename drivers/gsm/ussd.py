"""USSD: a code to the network, and its answer (3GPP TS 27.007 §7.15)."""

from __future__ import annotations

import re
import time

from drivers.base import Ussd, UssdReply
from drivers.gsm.at import At
from drivers.gsm.lines import Line
from drivers.text import alphabet

LIMIT_S = 60.0
PLAIN = 15
"""Data coding scheme of a code in the default alphabet."""
STATES = {2: "the network ended the session", 3: "another program answered", 4: "not supported", 5: "network time-out"}
_REPLY = re.compile(r'(\d)(?:,\s*"((?:[^"]|"(?!\s*,|\s*$))*)"(?:,\s*(\d+))?)?', re.DOTALL)


class UssdDesk:
    """One question at a time; the network has one session a modem."""

    def __init__(self) -> None:
        self._asked: Ussd | None = None
        self._until = 0.0

    @property
    def deadline_mono(self) -> float | None:
        """When the open question is given up."""
        return self._until if self._asked else None

    def ask(self, at: At, question: Ussd) -> UssdReply | None:
        """Send a code. An immediate reply is a refusal. Raises ModemSilentError, PortError."""
        if self._asked:
            return UssdReply(question.token, None, error="another USSD code waits for its answer")
        if not re.fullmatch(r"[\x20-\x21\x23-\x7e]{1,182}", question.code):
            return UssdReply(question.token, None, error="a USSD code is 1 to 182 printable characters without quotes")
        self._asked, self._until = question, time.monotonic() + LIMIT_S
        reply = at.command(f'AT+CUSD=1,"{question.code}",{PLAIN}', 20.0)
        if not reply.ok:
            # Some modems (Huawei E17x among them) take the code only packed, in hexadecimal.
            packed = alphabet.pack(alphabet.encode(question.code)).hex().upper()
            reply = at.command(f'AT+CUSD=1,"{packed}",{PLAIN}', 20.0)
        if reply.ok:
            return None
        self._asked = None
        return UssdReply(question.token, None, error=f"the modem refused the code ({reply.final})")

    def answered(self, line: Line) -> list[UssdReply]:
        """Take a +CUSD in; nothing when nobody asked."""
        question, self._asked = self._asked, None
        found = _REPLY.match(line.value)
        if question is None or not found:
            return []
        state, text, coding = int(found.group(1)), found.group(2), found.group(3)
        error = STATES.get(state) if state > 2 or text is None else None
        read = None if text is None else decode(text, int(coding) if coding else PLAIN)
        return [UssdReply(question.token, read, open=state == 1, error=error)]

    def give_up(self, reason: str) -> list[UssdReply]:
        """The question, if there is one, gets no answer any more."""
        question, self._asked = self._asked, None
        return [UssdReply(question.token, None, error=reason)] if question else []


def decode(text: str, coding: int) -> str:
    """What a +CUSD string says (3GPP TS 23.038 §5): plain, packed septets or UTF-16 in hexadecimal."""
    octets = bytes.fromhex(text) if len(text) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", text) else None
    if octets is None:
        return text
    if (coding & 0xF0 == 0x40 and coding & 0x0C == 0x08) or coding == 0x11:
        return octets.decode("utf-16-be", "replace")
    if len(octets) >= 4 and len(octets) % 2 == 0 and octets[::2].count(0) == len(octets) // 2:
        return octets.decode("utf-16-be", "replace")
    unpacked = alphabet.decode(alphabet.unpack(octets, len(octets) * 8 // 7)).rstrip("\r@")
    # Digits alone are hexadecimal too: a balance of 1234 stays one.
    return text if text.isdigit() else unpacked
