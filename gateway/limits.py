"""Rates and quotas: how many parts may leave, and when the next one may. Pure; time is an argument."""

from __future__ import annotations

import re
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


class Limiter:
    """The rate and the quotas of one device, exact sliding windows in monotonic seconds."""

    def __init__(self, rates: Sequence[Rate] = (), quotas: Sequence[Rate] = (), margin: float = 0.01) -> None:
        raise NotImplementedError

    @property
    def whole(self) -> int | None:
        """The largest number of parts that can ever leave at once; None without limits."""
        raise NotImplementedError

    def available(self, now: float) -> int | None:
        """How many parts may leave now; None without limits."""
        raise NotImplementedError

    def reserve(self, count: int, now: float) -> None:
        """Parts are handed over: they count as leaving now until ``left``, ``took`` or ``release`` says when."""
        raise NotImplementedError

    def left(self, at: float, count: int = 1) -> None:
        """Reserved parts left the host at ``at``; they still count as in flight for quotas."""
        raise NotImplementedError

    def settle(self, now: float, count: int = 1, taken: bool = True, left_at: float | None = None) -> None:
        """The outcome is known: ``taken`` when the network took or may have taken them."""
        raise NotImplementedError

    def release(self, count: int, now: float) -> None:
        """Reserved parts that never left."""
        raise NotImplementedError

    def next_at(self, now: float, count: int = 1) -> float:
        """When ``count`` parts may leave: ``now`` when they may at once, inf when only a result can free them."""
        raise NotImplementedError
