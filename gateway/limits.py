"""Rates and quotas: how many parts may leave, and when the next one may. Pure; time is an argument."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit stands. ``open_at``: when the next part may leave, the moment asked about if at once, inf if
    only a result can free it."""

    rate: Rate
    quota: bool
    left: int
    open_at: float


class Limiter:
    """The rate and the quotas of one device: exact sliding windows in monotonic seconds.

    A part goes ``reserve`` → ``left`` → ``settle``, or ``reserve`` → ``release`` when it never left. Until it has
    left it counts as leaving now; until it is settled it counts as taken now. So no window of a rate's period holds
    more parts that left than its count, however late a part leaves after it was handed over.
    """

    def __init__(self, rates: Sequence[Rate] = (), quotas: Sequence[Rate] = (), margin: float = 0.01) -> None:
        """``rates`` count parts that leave, ``quotas`` those that were or may have been taken. ``margin``: seconds."""
        self._rates = [Window(rate, margin) for rate in rates]
        self._quotas = [Window(quota, margin) for quota in quotas]
        self._reserved = 0
        self._flying = 0

    @property
    def whole(self) -> int | None:
        """The largest number of parts that can ever leave at once; None without limits."""
        return min((window.rate.count for window in (*self._rates, *self._quotas)), default=None)

    def available(self, now: float) -> int | None:
        """How many parts may leave now; None without limits."""
        return min((standing.left for standing in self.describe(now)), default=None)

    def reserve(self, count: int, now: float) -> None:  # noqa: ARG002 - until it leaves, "now" moves on
        """Parts are handed over: they count as leaving now until ``left``, ``settle`` or ``release`` says when."""
        self._reserved += count

    def left(self, at: float, count: int = 1) -> None:
        """Reserved parts left the host at ``at``; they still count as in flight for quotas."""
        moved = min(count, self._reserved)
        self._reserved -= moved
        self._flying += moved
        for window in self._rates:
            window.add(at, count)

    def settle(self, now: float, count: int = 1, taken: bool = True, left_at: float | None = None) -> None:
        """The outcome of parts is known. ``taken``: the network took them or may have; they left at ``left_at``.

        Without ``left_at`` nobody saw them leave: they count as having left now.
        """
        if left_at is None:
            self.left(now, count)
        self._land(count)
        if taken:
            for window in self._quotas:
                window.add(now if left_at is None else left_at, count)

    def release(self, count: int, now: float) -> None:  # noqa: ARG002 - all of them are told the time
        """Parts that were reserved and never left, or were taken back on the way out."""
        kept = min(count, self._reserved)
        self._reserved -= kept
        self._flying = max(0, self._flying - (count - kept))

    def next_at(self, now: float, count: int = 1) -> float:
        """When ``count`` parts may leave: ``now`` when they may at once, inf when only a result can free them.

        More than the smallest limit never fit at once; then it is when as many as ever fit.
        """
        return max((self._opens(window, now, count) for window in (*self._rates, *self._quotas)), default=now)

    def describe(self, now: float) -> tuple[Standing, ...]:
        """Every limit as it stands, for ``status``."""
        return tuple(
            Standing(
                window.rate,
                quota,
                max(0, window.rate.count - window.used(now) - self._pending(window)),
                self._opens(window, now, 1),
            )
            for quota, windows in ((False, self._rates), (True, self._quotas))
            for window in windows
        )

    def _pending(self, window: Window) -> int:
        """Parts that count as now in this window until their result says when."""
        return self._reserved + (self._flying if window in self._quotas else 0)

    def _opens(self, window: Window, now: float, count: int) -> float:
        most = window.rate.count - min(count, window.rate.count) - self._pending(window)
        return math.inf if most < 0 else window.free_at(now, most)

    def _land(self, count: int) -> None:
        flown = min(count, self._flying)
        self._flying -= flown
        self._reserved = max(0, self._reserved - (count - flown))
