"""Rates, and the exact sliding windows that count against them. Pure; time is an argument."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 31 * 86400.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` parts in any ``period`` seconds. A month is 31 days, so that no calendar month holds more."""

    count: int
    period: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``"10/minute"``. Raises ValueError with a sentence that says what is allowed."""
        match = re.fullmatch(r"\s*(\d+)\s*/\s*([a-z]+)\s*", text)
        if not match or match[2] not in PERIODS or int(match[1]) < 1:
            raise ValueError(
                f"{text!r} is not a rate; write a whole number from 1, a slash and one of {', '.join(PERIODS)}"
            )
        return cls(int(match[1]), PERIODS[match[2]])

    def __str__(self) -> str:
        name = next(name for name, seconds in PERIODS.items() if seconds == self.period)
        return f"{self.count}/{name}"


class Window:
    """Parts that count in the last ``rate.period`` seconds, exactly; memory is bounded for the largest quota.

    ``margin`` (seconds) makes every part count a little longer, so that a clock read twice can't open a window early.
    """

    MOST = 4096
    """Entries that are kept. Beyond, neighbours are merged into the later one, which frees them late, never early."""

    def __init__(self, rate: Rate, margin: float = 0.0) -> None:
        self.rate = rate
        self._span = rate.period + margin
        self._entries: deque[tuple[float, int]] = deque()
        self._used = 0

    def add(self, at: float, count: int) -> None:
        """Count parts at a moment; moments may come a little out of order."""
        if count <= 0:
            return
        self._used += count
        later: list[tuple[float, int]] = []
        while self._entries and self._entries[-1][0] > at:
            later.append(self._entries.pop())
        if self._entries and self._entries[-1][0] == at:
            count += self._entries.pop()[1]
        self._entries.append((at, count))
        self._entries.extend(reversed(later))
        if len(self._entries) > self.MOST:
            self._merge()

    def used(self, now: float) -> int:
        """How many parts count now."""
        while self._entries and self._entries[0][0] <= now - self._span:
            self._used -= self._entries.popleft()[1]
        return self._used

    def free_at(self, now: float, most: int) -> float:
        """When at most ``most`` (not below 0) parts count: ``now`` if that is so already."""
        used = self.used(now)
        for at, count in self._entries:
            if used <= most:
                break
            used -= count
            now = max(now, at + self._span)
        return now

    def _merge(self) -> None:
        entries = list(self._entries)
        pairs = zip(entries[::2], entries[1::2], strict=False)
        merged = [(later, first + second) for (_, first), (later, second) in pairs]
        self._entries = deque(merged + entries[len(merged) * 2 :])
