"""Values of a config that limit when, how fast and for how much messages leave."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from gateway.config.values import nearest, parse_duration, shown
from gateway.limits import DAYS, Hours
from gateway.limits.hours import weekdays

LONGEST_SPACING_S = 3600.0


def hours(value: Any) -> Hours:
    """``"08:00-20:00"``."""
    if isinstance(value, Hours):
        return value
    if not isinstance(value, str):
        raise ValueError(f'{shown(value)} is not a time of day; write it in quotes: "08:00-20:00"')  # noqa: TRY004
    return Hours.parse(value)


def days(value: Any) -> frozenset[int]:
    """``["mon", "tue"]``, as numbers from 0."""
    if isinstance(value, frozenset):
        return value
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"must be a list of days, some of {', '.join(DAYS)}")
    return weekdays(names)


def zone(value: Any) -> ZoneInfo:
    """A time zone by its name."""
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str) or value not in available_timezones():
        hint = nearest(value, {name.lower(): name for name in available_timezones()}) if isinstance(value, str) else ""
        raise ValueError(f'{shown(value)} is not a time zone; write one such as "Africa/Nairobi"{hint}')
    return ZoneInfo(value)


def spacing(value: Any) -> tuple[float, float]:
    """``"5s"``, or the shortest and the longest: ``["3s", "9s"]``."""
    items = value if isinstance(value, list | tuple) else [value]
    if len(items) not in (1, 2):
        raise ValueError('must be a pause such as "5s", or the shortest and the longest: ["3s", "9s"]')
    pauses = [each if isinstance(each, float) else parse_duration(each) for each in items]
    if pauses[-1] < pauses[0] or pauses[-1] > LONGEST_SPACING_S or not pauses[-1]:
        raise ValueError("must be pauses up to an hour, the shorter one first")
    return pauses[0], pauses[-1]


def cost(value: Any) -> float:
    """What one part costs, in whatever money."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"must be a number from 0, without quotes, not {shown(value)}")
    return float(value)


def span(value: Any) -> tuple[int, int | None]:
    """``"2"``, ``"1-3"``, or ``"4-"`` for four and more."""
    if isinstance(value, tuple):
        return value
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = re.fullmatch(r"\s*(\d+)\s*(?:(-)\s*(\d*)\s*)?", text, re.ASCII) if isinstance(text, str) else None
    if not match or (match[3] and int(match[3]) < int(match[1])):
        raise ValueError(f'{shown(value)} is not a range; write "1", "1-3", or "4-" for four and more')
    low = int(match[1])
    return low, int(match[3]) if match[3] else None if match[2] else low


def opening(hours: Hours | None, days: frozenset[int] | None) -> Hours | None:
    """The hours of these days; None for always."""
    if hours is None and days is None:
        return None
    hours = hours or Hours()
    return Hours(hours.start, hours.end, hours.days if days is None else days)
