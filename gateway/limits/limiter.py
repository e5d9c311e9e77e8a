"""All that limits one device, together. Pure; time and chance are arguments."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.limits.recipients import Recipients
from gateway.limits.windows import Rate, Window

RAMP_STEP_S = 0.25
"""How often a device that starts slowly may look whether more may leave."""
SLOWEST = 0.1
"""The share of a rate with which a slow start begins."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit stands. ``open_at``: when the next part may leave, the moment asked about if at once, inf if
    only a result can free it."""

    rate: Rate
    quota: bool
    left: int
    open_at: float


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A limit that is in the way: ``what`` names it, ``until`` is monotonic; inf if only a result can free it."""

    what: str
    until: float


class Limiter:
    """The limits of one device in monotonic seconds: exact sliding windows, hours, pauses, a slow start.

    A part goes ``reserve`` → ``left`` → ``settle``, or ``reserve`` → ``release`` when it never left. Until it has
    left it counts as leaving now; until it is settled it counts as taken now. So no window of a rate's period holds
    more parts that left than its count, however late a part leaves after it was handed over.
    """

    def __init__(
        self,
        rates: Sequence[Rate] = (),
        quotas: Sequence[Rate] = (),
        margin: float = 0.01,
        *,
        spacing: tuple[float, float] | None = None,
        hours: Callable[[float], float] | None = None,
        recipients: Recipients | None = None,
        slow_start: float = 0.0,
        chance: random.Random | None = None,
    ) -> None:
        """``rates`` count parts that leave, ``quotas`` those that were or may have been taken. ``margin``: seconds.

        ``spacing``: the shortest and the longest pause between two parts, in seconds. ``hours``: gives for a moment
        the next one at which parts may leave. ``slow_start``: seconds in which a device that returned comes to its
        full rate.
        """
        self._rates = [Window(rate, margin) for rate in rates]
        self._quotas = [Window(quota, margin) for quota in quotas]
        self.recipients = recipients
        self._spacing, self._hours, self._slow_s = spacing, hours, slow_start
        self._chance = chance or random.Random()  # noqa: S311 - a pause, not a secret
        self._rested_at = -math.inf
        self._returned, self._ramp_from = False, -math.inf
        self._reserved = 0
        self._flying = 0

    @property
    def whole(self) -> int | None:
        """The largest number of parts that can ever leave at once; None without limits."""
        counts = [window.rate.count for window in (*self._rates, *self._quotas)] + ([1] if self._spacing else [])
        return min(counts, default=None)

    def available(self, now: float) -> int | None:
        """How many parts may leave now; None without limits."""
        if self._hours and self._hours(now) > now:
            return 0
        counts = [standing.left for standing in self.describe(now)]
        if self._spacing:
            counts.append(int(self._reserved == 0 and now >= self._rested_at))
        return min(counts, default=None)

    def reserve(self, count: int, now: float) -> None:
        """Parts are handed over: they count as leaving now until ``left``, ``settle`` or ``release`` says when."""
        if self._returned:
            self._returned, self._ramp_from = False, now
        self._reserved += count

    def left(self, at: float, count: int = 1) -> None:
        """Reserved parts left the host at ``at``; they still count as in flight for quotas."""
        moved = min(count, self._reserved)
        self._reserved -= moved
        self._flying += moved
        for window in self._rates:
            window.add(at, count)
        if self._spacing and count:
            self._rested_at = max(self._rested_at, at + self._chance.uniform(*self._spacing))

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

    def returned(self) -> None:
        """The device was away and is back: from its next part on it starts slowly."""
        self._returned = self._slow_s > 0

    def follow(self, other: Limiter) -> None:
        """Take over where a slow start stands, from the limiter that this one replaces."""
        self._returned, self._ramp_from = other._returned, other._ramp_from

    def share(self, now: float) -> float:
        """How much of its rates a device may use: from ``SLOWEST`` at its return to 1."""
        if self._returned:
            return SLOWEST
        ramp = (now - self._ramp_from) / self._slow_s if self._slow_s > 0 else 1.0
        return min(1.0, max(SLOWEST, ramp))

    def next_at(self, now: float, count: int = 1) -> float:
        """When ``count`` parts may leave: ``now`` when they may at once, inf when only a result can free them.

        More than the smallest limit never fit at once; then it is when as many as ever fit.
        """
        return max((until for _, until in self._each(now, count)), default=now)

    def obstacles(self, now: float, count: int = 1) -> list[Obstacle]:
        """What keeps ``count`` parts back now, in words; nothing when they may leave."""
        return [
            Obstacle(what if isinstance(what, str) else self._named(what), until)
            for what, until in self._each(now, count)
            if until > now
        ]

    def _each(self, now: float, count: int) -> Iterator[tuple[str | Window, float]]:
        for window in (*self._rates, *self._quotas):
            yield window, self._opens(window, now, count)
        if self._hours:
            yield "it is outside its hours", self._hours(now)
        if self._spacing:
            yield "it pauses between two parts", math.inf if self._reserved else max(now, self._rested_at)

    def _named(self, window: Window) -> str:
        what = "quota" if window in self._quotas else "rate"
        return f"its {what} of {window.rate} is used up"

    def describe(self, now: float) -> tuple[Standing, ...]:
        """Every rate and quota as it stands, for ``status``."""
        return tuple(
            Standing(
                window.rate,
                quota,
                max(0, self._count(window, now) - window.used(now) - self._pending(window)),
                self._opens(window, now, 1),
            )
            for quota, windows in ((False, self._rates), (True, self._quotas))
            for window in windows
        )

    def _count(self, window: Window, now: float) -> int:
        """What a window holds at most: less than its rate's count in a slow start."""
        return math.ceil(window.rate.count * self.share(now)) if window in self._rates else window.rate.count

    def _pending(self, window: Window) -> int:
        """Parts that count as now in this window until their result says when."""
        return self._reserved + (self._flying if window in self._quotas else 0)

    def _opens(self, window: Window, now: float, count: int) -> float:
        count = min(count, window.rate.count)
        most = window.rate.count - count - self._pending(window)
        if most < 0:
            return math.inf
        at = window.free_at(now, most)
        if self.share(now) < 1 and window.used(now) > self._count(window, now) - count - self._pending(window):
            return max(at, now + RAMP_STEP_S)
        return at

    def _land(self, count: int) -> None:
        flown = min(count, self._flying)
        self._flying -= flown
        self._reserved = max(0, self._reserved - (count - flown))
