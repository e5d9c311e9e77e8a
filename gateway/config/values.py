"""The kinds of values in a config. Each reads one TOML value or says in one sentence what is allowed."""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator, ValidationInfo

from gateway.limits import PERIODS, Rate

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DAY = UNITS["d"]
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for a typo, else an empty string."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def kind(value: Any) -> str:
    """What a person calls the type of a TOML value."""
    return KINDS.get(type(value), "a date or time")


def parse_duration(text: Any) -> float:
    """Seconds of ``"5s"``, ``"2m"``, ``"1h"``, ``"1d"``. Raises ValueError with what is allowed."""
    allowed = 'write a number and a unit in quotes: "5s", "2m", "1h" or "1d"'
    if not isinstance(text, str):
        raise ValueError(f"{shown(text)} is not a duration; {allowed}")  # noqa: TRY004 - pydantic collects ValueErrors
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is not a duration; {allowed}")
    return float(match[1]) * UNITS[match[2]]


def shown(value: Any) -> str:
    """A value as an error message quotes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str | int | float) else kind(value)


def duration(low: float = 0.0, high: float = 3650 * DAY) -> BeforeValidator:
    """A duration from ``low`` to ``high`` seconds; plain numbers come only from Python, as defaults."""

    def read(value: Any) -> float:
        seconds = parse_duration(value)
        if not low <= seconds <= high:
            raise ValueError(f"{value!r} is out of range; write {span(low)} to {span(high)}")
        return seconds

    return BeforeValidator(read)


def span(seconds: float) -> str:
    """Seconds as a config writes them: ``"90d"``."""
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % UNITS[unit] == 0:
            return f'"{seconds / UNITS[unit]:.0f}{unit}"'
    return f'"{seconds:g}s"'


def whole(low: int, high: int) -> BeforeValidator:
    """A whole number from ``low`` to ``high``."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {shown(value)}")
        return value

    return BeforeValidator(read)


def flag(value: Any) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, without quotes, not {shown(value)}")  # noqa: TRY004
    return value


def word(pattern: str = r"[\s\S]+", allowed: str = "a string that isn't empty", *, most: int = 1000) -> BeforeValidator:
    """A string that matches ``pattern``; ``allowed`` says so in words. ``most`` is counted in octets."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"must be {allowed}, not {shown(value)}")
        if len(value.encode()) > most:
            raise ValueError(f"must have at most {most} octets, not {len(value.encode())}")
        return value

    return BeforeValidator(read)


def choice(*names: str) -> BeforeValidator:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in names:
            hint = nearest(value, names) if isinstance(value, str) else ""
            raise ValueError(f"{shown(value)} is not allowed; write {one_of(names)}{hint}")
        return str(value)

    return BeforeValidator(read)


def one_of(names: Iterable[str]) -> str:
    """``"a", "b" or "c"``."""
    quoted = [f'"{name}"' for name in names]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def words(each: Callable[[str], Any] = str, *, least: int = 0) -> BeforeValidator:
    """A string or a list of strings, as a tuple; ``each`` may refuse one with a ValueError."""

    def read(value: Any) -> tuple[Any, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) and item for item in items):
            raise ValueError("must be a list of strings that aren't empty")
        if len(items) < least:
            raise ValueError(f"must have at least {least} entry")
        return tuple(each(item) for item in items)

    return BeforeValidator(read)


def rate(value: Any) -> Rate:
    """``"10/minute"``."""
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str):
        raise ValueError(f'{shown(value)} is not a rate; write one in quotes, such as "10/minute"')  # noqa: TRY004
    try:
        return Rate.parse(value)
    except ValueError as error:
        raise ValueError(f"{error}{nearest(value.partition('/')[2].strip(), PERIODS)}") from None


def quotas(value: Any) -> tuple[Rate, ...]:
    """``"200/day"`` or a list of such."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError('must be a list such as ["200/day", "3000/month"]')  # noqa: TRY004
    return tuple(rate(item) for item in items)


def table(value: Any) -> dict[str, Any]:
    """A free table: its keys are somebody else's business."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table, not {kind(value)}")  # noqa: TRY004
    return dict(value)


def beside(value: Any, info: ValidationInfo) -> Path:
    """A path; a relative one is relative to the folder of the config file."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise ValueError("must be a path in quotes")
    base: Path = (info.context or {}).get("base") or Path()
    return base.absolute() / Path(value).expanduser()


def network(text: str) -> str:
    """An IP network in CIDR notation."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f'{text!r} is not a network; write one such as "192.168.1.0/24"') from None


def region(value: Any) -> str:
    """A region whose national numbers can be read (ISO 3166-1 alpha-2, as phonenumbers knows them)."""
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value) or not _has_numbers(value):
        raise ValueError(f'{shown(value)} is not a region; write its two capital letters, such as "KE"')
    return value


def _has_numbers(region: str) -> bool:
    """Whether phonenumbers has a table for the region. It costs a second of a Pi's time to import, so it isn't: many a
    command never reads a national number.
    """
    package = importlib.util.find_spec("phonenumbers")
    folders = package.submodule_search_locations if package else None
    return any(Path(folder, "data", f"region_{region}.py").exists() for folder in folders or ())
