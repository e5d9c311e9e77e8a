"""The modem's voice: whole answers, answers in two halves, answers octet by octet, or none."""

from __future__ import annotations

from drivers.virtual.agenda import Agenda
from drivers.virtual.faults import Faults, Silence


class Speaker:
    """Puts octets on the line in their order, at the pace that the faults allow."""

    def __init__(self, agenda: Agenda, faults: Faults) -> None:
        self._agenda = agenda
        self._faults = faults
        self._until = 0.0
        self._said = bytearray()
        self.mute = False
        """True while the modem has no power or is starting."""

    @property
    def pending(self) -> bool:
        """Whether there is something to ``take``."""
        return bool(self._said)

    def take(self) -> bytes:
        """What was said since the last call."""
        said = bytes(self._said)
        self._said.clear()
        return said

    def stop(self) -> None:
        """Forget what is still to be said."""
        self._until = 0.0

    def line(self, text: str, now: float) -> None:
        """Say a line, or several."""
        self.octets(f"\r\n{text}\r\n".encode("latin-1", "replace"), now)

    def octets(self, data: bytes, now: float) -> None:
        """Say octets after what is still being said."""
        if self.mute or self._faults.silence is Silence.ALL:
            return
        for when, piece in self._pieces(data, max(now, self._until)):
            if when <= now:
                self._said += piece
            else:
                self._until = when
                self._agenda.at_powered(when, lambda _, piece=piece: self._said.extend(piece))  # type: ignore[misc]

    def _pieces(self, data: bytes, start: float) -> list[tuple[float, bytes]]:
        if self._faults.byte_gap:
            return [(start + place * self._faults.byte_gap, bytes([octet])) for place, octet in enumerate(data, 1)]
        if self._faults.torn and len(data) > 1:
            middle = len(data) // 2
            return [(start, data[:middle]), (start + self._faults.torn, data[middle:])]
        return [(start, data)]
