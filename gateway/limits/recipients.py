"""At most so many different recipients in a time. Pure; time is an argument."""

from __future__ import annotations

import math
from collections import Counter

from gateway.limits.windows import Rate


class Recipients:
    """The recipients of the last ``rate.period`` seconds: a new one may only be added while there are fewer than
    ``rate.count``; one of them may always be written to again.

    A recipient is ``reserve``d when a message is handed over, and ``settle``d with the time at which it left, or None.
    """

    def __init__(self, rate: Rate, margin: float = 0.01) -> None:
        self.rate = rate
        self._span = rate.period + margin
        self._last: dict[str, float] = {}
        self._open: Counter[str] = Counter()

    def known(self, now: float) -> frozenset[str]:
        """Those who count now."""
        for identity, at in list(self._last.items()):
            if at <= now - self._span:
                del self._last[identity]
        return frozenset(self._last) | frozenset(self._open)

    def left(self, now: float) -> int:
        """How many new ones may be added now."""
        return max(0, self.rate.count - len(self.known(now)))

    def open_at(self, now: float) -> float:
        """When the next new one may be added: ``now`` if at once, inf if only a result can tell."""
        surplus = len(self.known(now)) - self.rate.count
        if surplus < 0:
            return now
        ends = sorted(at + self._span for identity, at in self._last.items() if identity not in self._open)
        return ends[surplus] if surplus < len(ends) else math.inf

    def reserve(self, identity: str) -> None:
        """Something for this recipient is handed over: they count until it is settled."""
        self._open[identity] += 1

    def settle(self, identity: str, left_at: float | None) -> None:
        """What was handed over left at ``left_at``; None: it did not."""
        self._open[identity] -= 1
        if self._open[identity] <= 0:
            del self._open[identity]
        if left_at is not None:
            self.add(identity, left_at)

    def add(self, identity: str, at: float) -> None:
        """Count a recipient at a moment."""
        self._last[identity] = max(at, self._last.get(identity, -math.inf))
