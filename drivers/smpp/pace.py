"""How fast an account goes and how long it waits: throttling and back-off. Pure; time is an argument."""

from __future__ import annotations

import random
from collections import deque
from typing import Final

MEASURE_S: Final = 1.0
"""What was accepted in this time is the carrier's rate, while it refuses."""
DOUBLED_IN_S: Final = 0.5
"""Right after the first refusal, when little is known: how soon the rate doubles."""
HELD: Final = 0.95
"""What a refusal leaves of the rate at least once the limit is known: the carrier's limit lies just above."""
NEAR: Final = 0.97
CLOSE_IN_PER_S: Final = 0.05
PROBE_PER_S: Final = 0.005
"""Additive increase, in shares of the limit: quickly up to ``NEAR`` of it, slowly beyond."""
FORGET_S: Final = 600.0
"""Without a refusal for so long there is no limit to keep."""
LOWEST_PER_S: Final = 0.5
BURST_S: Final = 0.02
"""A burst is what makes a carrier refuse: at most what so much time is worth may collect."""


class Throttle:
    """Finds the rate that a carrier takes, from ESME_RTHROTTLED and ESME_RMSGQFUL.

    The first refusal brings the account down to what was accepted; from there it goes up fast to the next refusal,
    which tells the limit, and then stays just under it: additive increase, multiplicative decrease.
    """

    def __init__(self) -> None:
        self.refusals = 0
        self._rate: float | None = None
        self._limit: float | None = None
        """The rate at which the carrier refused last; None while it is being looked for."""
        self._highest = 0.0
        self._tokens = 0.0
        self._at = 0.0
        self._deaf_until = self._refused_at = float("-inf")
        self._accepted: deque[float] = deque(maxlen=20_000)

    @property
    def factor(self) -> float:
        """What is left of the highest rate that was tried, 0 to 1; 1.0 while nothing is limited."""
        return 1.0 if self._rate is None else min(1.0, self._rate / self._highest)

    @property
    def rate(self) -> float | None:
        """Submits per second that may leave; None: no limit is known."""
        return self._rate

    def accepted(self, now: float) -> None:
        """The carrier took one."""
        self._accepted.append(now)

    def refused(self, now: float, round_trip_s: float) -> None:
        """The carrier refused one as too fast; what was under way already when the pace changed tells nothing new."""
        self.refusals += 1
        self._refused_at = now
        if now < self._deaf_until:
            return
        self._deaf_until = now + max(0.1, 2 * round_trip_s)
        if self._rate is None:
            seconds = min(MEASURE_S, max(0.1, now - self._accepted[0])) if self._accepted else MEASURE_S
            self._rate = max(LOWEST_PER_S, self._count(now, seconds) / seconds)
            self._limit = self._rate if seconds == MEASURE_S else None
        else:
            seconds = MEASURE_S if self._limit else DOUBLED_IN_S / 2
            measured = self._count(now, seconds) / seconds
            self._limit = self._rate
            self._rate = max(LOWEST_PER_S, min(self._rate * HELD, max(measured, self._rate / 2)))
        self._tokens, self._at = 0.0, now
        self._highest = max(self._highest, self._limit or self._rate)

    def allowance(self, now: float) -> int:
        """How many may leave now; say with ``took`` how many did."""
        if self._rate is None or now - self._refused_at > FORGET_S:
            self._rate = self._limit = None
            return 1 << 30
        passed, self._at = now - self._at, now
        self._tokens = min(self._tokens + passed * self._rate, max(2.0, self._rate * BURST_S))
        if self._limit is None:
            self._rate *= 2 ** (min(passed, DOUBLED_IN_S) / DOUBLED_IN_S)
            self._highest = max(self._highest, self._rate)
        else:
            share = CLOSE_IN_PER_S if self._rate < NEAR * self._limit else PROBE_PER_S
            self._rate += min(passed, 1.0) * share * self._limit
        return int(self._tokens)

    def took(self, count: int) -> None:
        """So many leave now."""
        if self._rate is not None:
            self._tokens -= count

    def pause(self) -> float:
        """Seconds until ``allowance`` is at least one; half a burst at least, so that few wake-ups carry many."""
        if self._rate is None or self._tokens >= 1:
            return 0.0
        return max(BURST_S / 2, (1 - self._tokens) / self._rate)

    def _count(self, now: float, seconds: float) -> int:
        """How many were accepted in the last seconds."""
        while self._accepted and self._accepted[0] < now - MEASURE_S:
            self._accepted.popleft()
        return sum(at >= now - seconds for at in self._accepted)


class Backoff:
    """Pauses between attempts: doubled each time up to ``longest_s``, with full jitter so that many gateways do not
    come back in step."""

    def __init__(self, longest_s: float, first_s: float = 1.0, jitter: random.Random | None = None) -> None:
        self._first, self._longest = min(first_s, longest_s), longest_s
        self._step = self._first
        self._jitter = jitter or random.Random()  # noqa: S311 - no secret depends on it

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        step, self._step = self._step, min(self._step * 2, self._longest)
        return self._jitter.uniform(step / 2, step)

    def reset(self) -> None:
        """The last attempt has held."""
        self._step = self._first
