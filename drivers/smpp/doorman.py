"""Who guessed wrong must wait: so guessing is slow, and cheap for us."""

from __future__ import annotations

from typing import Final

PAUSE_S: Final = 1.0
"""After a wrong password, so long everything from its address is refused unseen."""


class Doorman:
    """Remembers the addresses that wrong passwords came from. Times are seconds of any clock that only goes on."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def turned_away(self, address: str, now: float) -> bool:
        """Whether this address has to wait."""
        return now < self._until.get(address, 0.0)

    def refused(self, address: str, now: float) -> None:
        """A wrong password came from there."""
        self._until = {of: until for of, until in self._until.items() if until > now}
        self._until[address] = now + PAUSE_S
