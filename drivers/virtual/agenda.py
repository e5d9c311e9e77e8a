"""What is to happen later, with the time as an argument."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[float], None]


class Agenda:
    """Actions with their times, the earliest first; equal times in the order in which they were noted."""

    def __init__(self) -> None:
        self._order = count()
        self._power = 0
        self._entries: list[tuple[float, int, int | None, Action]] = []

    def at(self, when: float, action: Action) -> None:
        """Call ``action(when)`` when it is time, whatever becomes of the modem: the network's business."""
        heapq.heappush(self._entries, (when, next(self._order), None, action))

    def at_powered(self, when: float, action: Action) -> None:
        """The same for the modem's own business, which a loss of power ends."""
        heapq.heappush(self._entries, (when, next(self._order), self._power, action))

    def lose_power(self) -> None:
        """Forget the modem's own business."""
        self._power += 1

    def next(self) -> float | None:
        """When there is something to do."""
        while self._entries and self._entries[0][2] not in (None, self._power):
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    def do_next(self, now: float) -> bool:
        """Do one thing that is due; False when there is none."""
        when = self.next()
        if when is None or when > now:
            return False
        when, _, _, action = heapq.heappop(self._entries)
        action(when)
        return True
