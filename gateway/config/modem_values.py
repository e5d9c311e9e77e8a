"""The kinds of values that only modems have: national alphabets, the balance, steps of recovery."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.config import values

LANGUAGES = {
    "turkish": 1, "spanish": 2, "portuguese": 3, "bengali": 4, "gujarati": 5, "hindi": 6, "kannada": 7, "malayalam": 8,
    "oriya": 9, "punjabi": 10, "tamil": 11, "telugu": 12, "urdu": 13,
}  # fmt: skip
"""National language identifiers (3GPP TS 23.038 §6.2.1.2.4)."""
ONLY_SINGLE = frozenset({"spanish"})
STEPS = ("reset", "usb", "hub")
AMOUNT = r"(\d+(?:[.,]\d+)?)"


def national(value: Any) -> tuple[int, int]:
    """``{ locking = "turkish", single = "turkish" }``: the shift tables that may be used (3GPP TS 23.038 §6.2.1)."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not value or value.keys() - {"locking", "single"}:
        raise ValueError('must be a table such as { single = "turkish" } or { locking = "hindi", single = "hindi" }')
    return _language(value, "locking"), _language(value, "single")


def _language(value: Mapping[str, Any], table: str) -> int:
    name = value.get(table)
    known = [each for each in LANGUAGES if table == "single" or each not in ONLY_SINGLE]
    if name is None:
        return 0
    if name not in known:
        hint = values.nearest(name, known) if isinstance(name, str) else ""
        raise ValueError(f"{values.shown(name)} has no {table} shift table; there are {', '.join(known)}{hint}")
    return LANGUAGES[name]


def recover(value: Any) -> tuple[str, ...]:
    """Steps for a modem that fails: some of ``"reset"``, ``"usb"``, ``"hub"``; ``[]`` opens it again and no more."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not set(items) <= set(STEPS):
        raise ValueError(f"must be a list, some of {', '.join(STEPS)}")
    return tuple(dict.fromkeys(items))


def pattern(value: Any) -> str:
    """A regular expression with one group, in which the amount stands."""
    try:
        groups = re.compile(value).groups if isinstance(value, str) else 0
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"must be a regular expression with one group, as in {AMOUNT!r}")
    return str(value)


def amount(value: Any) -> float:
    """A number, of whatever the network counts in."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number without quotes, not {values.shown(value)}")  # noqa: TRY004
    return float(value)
