"""Rates and quotas: how many parts may leave, and when the next one may. Pure; time is an argument."""

from __future__ import annotations

import re
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
