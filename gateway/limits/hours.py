"""Hours and weekdays: when something may happen, on the clock of a zone. Pure; time is an argument."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86400.0
_MIDNIGHT = 24 * 60
_HORIZON_S = 2 * DAY_S
"""Within two days every zone has had a morning."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from ``start`` to ``end`` (minutes since midnight) on ``days`` (0 is Monday).

    An ``end`` that isn't after ``start`` is on the next day; the night belongs to the day on which it begins.
    """

    start: int = 0
    end: int = _MIDNIGHT
    days: frozenset[int] = frozenset(range(7))

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read ``"08:00-20:00"``. Raises ValueError with a sentence that says what is allowed."""
        match = re.fullmatch(r"\s*(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)\s*", text, re.ASCII)
        times = [int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])] if match else []
        if not match or int(match[2]) > 59 or int(match[4]) > 59 or times[0] >= _MIDNIGHT or times[1] > _MIDNIGHT:
            raise ValueError(f'{text!r} is not a time of day; write "08:00-20:00", or "20:00-06:00" over midnight')
        if times[0] == times[1]:
            raise ValueError(f"{text!r} begins and ends at the same time; the whole day needs no hours")
        return cls(times[0], times[1])

    def __str__(self) -> str:
        named = "" if len(self.days) == 7 else " on " + ", ".join(DAYS[day] for day in sorted(self.days))
        return f"{_clock(self.start)}-{_clock(self.end)}{named}"

    @property
    def rest(self) -> Hours:
        """The other hours of each day."""
        return Hours(self.end % _MIDNIGHT, self.start or _MIDNIGHT, self.days)

    def open_at(self, at: float, zone: tzinfo | None = None) -> float:
        """When it is open next (POSIX seconds, as ``at`` is): ``at`` when it is open then.

        ``zone`` None is the host's. A time of day that a change of the clock leaves out is the moment of the change.
        """
        today = datetime.fromtimestamp(at, zone).date()
        for ahead in range(-1, 9):
            day = today + timedelta(days=ahead)
            until = self.end if self.end > self.start else self.end + _MIDNIGHT
            if day.weekday() in self.days and at < _stamp(day, until, zone):
                return max(at, _stamp(day, self.start, zone))
        raise ValueError("hours without a day are never open")


def opening(hours: Hours, at: float, zones: Sequence[tzinfo | None]) -> float:
    """When it is open in all of these zones at once (POSIX seconds); in the host's where they never agree."""
    moment = at
    while moment < at + _HORIZON_S:
        latest = max((hours.open_at(moment, zone) for zone in zones), default=hours.open_at(moment))
        if latest == moment:
            return moment
        moment = latest
    return hours.open_at(at)


class ShutWatch:
    """Hours for one device, which a clock that falls back while they are shut doesn't open again."""

    def __init__(self, hours: Hours, zone: tzinfo | None = None) -> None:
        self.hours, self._zone = hours, zone
        self._shut_wall, self._until_mono = float("-inf"), float("-inf")

    def open_at(self, now: float, wall: float) -> float:
        """When it is open next, in monotonic seconds. ``now`` is that clock, ``wall`` POSIX seconds, of one moment.

        The clock of the wall decides. Only when it says a time before one at which it was shut already, it stays shut
        for as long as was still to go then, a day at most.
        """
        pause = self.hours.open_at(wall, self._zone) - wall
        if pause > 0:
            if wall >= self._shut_wall or now >= self._until_mono:
                self._shut_wall, self._until_mono = wall, now + min(pause, DAY_S)
            return now + pause
        if wall < self._shut_wall and now < self._until_mono:
            return self._until_mono
        self._shut_wall = self._until_mono = float("-inf")
        return now


def weekdays(names: Collection[str]) -> frozenset[int]:
    """Read ``["mon", "tue"]``. Raises ValueError for another word, and for none."""
    for name in names:
        if name not in DAYS:
            raise ValueError(f"{name!r} is not a day; write {', '.join(DAYS)}")
    if not names:
        raise ValueError(f"names no day; write some of {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)


def _stamp(day: date, minutes: int, zone: tzinfo | None) -> float:
    ahead, rest = divmod(minutes, _MIDNIGHT)
    return datetime.combine(day + timedelta(days=ahead), time(rest // 60, rest % 60), zone).timestamp()


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
