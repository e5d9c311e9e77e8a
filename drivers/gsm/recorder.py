"""The flight recorder: the last minutes of a modem's line, kept in memory for the day when something goes wrong.

Texts, numbers and PINs are masked before they are kept. Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from drivers.gsm.lines import FINALS, WORDS

KEPT_S = 300.0
KEPT_LINES = 4000
FROZEN = 3
"""How many faults are kept with the minutes before them."""
_PIN = re.compile(r"(\+CPIN|\+CLCK|\+CPWD)=.*", re.IGNORECASE)
_PDU = re.compile(r"\b[0-9A-Fa-f]{14,}\b")
_QUOTED = re.compile(r'"([^"]*)("|$)')
_DIGITS = re.compile(r"\d{5,}")
_PLAIN = frozenset({*FINALS, *WORDS})
_SHAPE = re.compile(r"(AT|[+^*#$%&>])", re.IGNORECASE)


@dataclass(slots=True)
class _Piece:
    at_mono: float
    outgoing: bool
    octets: bytearray


class Recorder:
    """What went over one modem's line, both ways. Used by one thread at a time."""

    def __init__(self) -> None:
        self._lines: deque[tuple[float, str]] = deque(maxlen=KEPT_LINES)
        self._piece: _Piece | None = None
        self._frozen: deque[str] = deque(maxlen=FROZEN)

    def sent(self, octets: bytes, now_mono: float) -> None:
        """The host wrote this."""
        self._add(octets, now_mono, outgoing=True)

    def heard(self, octets: bytes, now_mono: float) -> None:
        """The modem said this."""
        self._add(octets, now_mono, outgoing=False)

    def freeze(self, reason: str, now_mono: float) -> None:
        """A fault: keep the minutes before it."""
        self._frozen.append(f"== {reason}\n{self._told(now_mono)}")

    def dump(self, now_mono: float) -> str:
        """The latest faults with what came before them, then the last minutes; times count back from each heading."""
        return "\n".join([*self._frozen, f"== now\n{self._told(now_mono)}"])

    def _add(self, octets: bytes, now_mono: float, *, outgoing: bool) -> None:
        if self._piece and (self._piece.outgoing is not outgoing or len(self._piece.octets) > KEPT_LINES):
            self._close()
        if self._piece is None:
            self._piece = _Piece(now_mono, outgoing, bytearray())
        self._piece.octets += octets
        if self._piece.octets.endswith((b"\n", b"\r", b"\x1a", b"> ")):
            self._close()

    def _close(self) -> None:
        piece, self._piece = self._piece, None
        if piece is None:
            return
        for line in piece.octets.decode("latin-1").splitlines():
            if line.strip():
                self._lines.append((piece.at_mono, f"{'>' if piece.outgoing else '<'} {masked(line)}"))
        while self._lines and self._lines[0][0] < piece.at_mono - KEPT_S:
            self._lines.popleft()

    def _told(self, now_mono: float) -> str:
        self._close()
        return "".join(f"{at - now_mono:9.3f} {line}\n" for at, line in self._lines if at >= now_mono - KEPT_S)


def masked(line: str) -> str:
    r"""A line without what people wrote, numbers that name somebody, and PINs.

    >>> masked('+CLIP: "+447700900123",145')
    '+CLIP: "*13*",145'
    """
    text = line.strip().replace("\x1b", "<ESC>").replace("\x1a", "<Ctrl-Z>")
    text = _PIN.sub(r"\1=***", text)
    text = _PDU.sub(lambda found: f"<{len(found[0])} digits>", text)
    if not _SHAPE.match(text.removeprefix("<ESC>")) and text.upper() not in _PLAIN and not text.startswith("<"):
        return f"<{len(text)} characters>"
    text = _QUOTED.sub(_quoted, text)
    return _DIGITS.sub(lambda found: f"<{len(found[0])} digits>", text)


def _quoted(found: re.Match[str]) -> str:
    word = found[1]
    return f'"{word}"' if re.fullmatch(r"[A-Z]{2,4}[0-9]?", word) else f'"*{len(word)}*"'
