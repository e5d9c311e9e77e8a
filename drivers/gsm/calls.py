"""Telephone calls: noticed, and hung up where the config says so (3GPP TS 27.007 §6.5, §7.6)."""

from __future__ import annotations

import re

from drivers.base import Notice
from drivers.gsm.at import At
from drivers.gsm.lines import Line

SAME_CALL_S = 10.0
"""A telephone rings every 5 s or so; what rings again within this time is the same call."""
_CALLER = re.compile(r'"(\+?[0-9*#]+)"')


class CallDesk:
    """The calls that come in to one modem; each is told once, with its number where the network gives it."""

    def __init__(self, *, hangup: bool) -> None:
        self._hangup = hangup
        self._rang_mono: float | None = None
        self._told = False

    def heard(self, at: At, line: Line, now_mono: float) -> list[Notice]:
        """Take a RING or a +CLIP. Raises ModemSilentError, PortError."""
        if self._rang_mono is None or now_mono - self._rang_mono > SAME_CALL_S:
            self._told = False
        elif line.name != "+CLIP" and not self._told:
            # A second ring, and no number between the two: there is none to wait for.
            self._rang_mono = now_mono
            return self._tell(at, None)
        self._rang_mono = now_mono
        if line.name != "+CLIP":
            return []
        found = _CALLER.search(line.value)
        return [] if self._told else self._tell(at, found.group(1) if found else None)

    def _tell(self, at: At, number: str | None) -> list[Notice]:
        self._told = True
        done = self._hangup and (at.command("AT+CHUP").ok or at.command("ATH").ok)
        text = f"a call came in from {number or 'a hidden number'}" + (" and was hung up" if done else "")
        return [Notice("call", text, {"number": number, "hung_up": done})]
