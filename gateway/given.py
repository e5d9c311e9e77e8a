"""What callers hand in, read strictly: a mistake is told at once, before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.store.types import Connection

_LONGEST_SAID = 500


def said(error: BaseException) -> str:
    r"""Give what the user's code raised as one line that can be stored, at most 500 characters.

    >>> said(ValueError("no such\nroom")), said(KeyError())
    ('ValueError: no such room', 'KeyError')
    """
    text = " ".join(storable_text(str(error)).split())
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return whole if len(whole) <= _LONGEST_SAID else whole[: _LONGEST_SAID - 1] + "…"


def storable_text(text: str) -> str:
    r"""Give a text that every database takes: what it doesn't becomes U+FFFD.

    >>> storable_text("a\0b\ud800")
    'a\ufffdb\ufffd'
    """
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def connections(given: object) -> list[Connection]:
    """Give the recipients as a list of their own. Raises TypeError for anything that isn't a connection."""
    if isinstance(given, Connection):
        return [given]
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise TypeError(f"connections must be Connection objects, as lookup_connections() gives, not {given!r}")
    found = list(given)
    for each in found:
        if not isinstance(each, Connection):
            raise TypeError(f"connections must be Connection objects, not {type(each).__name__}")
    return found


def json_fields(fields: Mapping[str, Any], what: str = "fields") -> None:
    """Check that a mapping can be stored as JSON. Raises TypeError."""
    try:
        json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be plain JSON values: {error}") from None
    if not all(isinstance(key, str) for key in fields):
        raise TypeError(f"the keys of {what} must be str")


def aware(name: str, value: datetime | timedelta | None, now: datetime | None = None) -> datetime | None:
    """Give a point in time in UTC. Raises ValueError when the value isn't one."""
    if value is None:
        return None
    if isinstance(value, timedelta) and now is not None:
        try:
            return now + value
        except OverflowError:
            raise ValueError(f"{name} is too far away: {value}") from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    allowed = "an aware datetime" + (" or a timedelta from now" if now else "")
    raise ValueError(f"{name} must be {allowed}, not {value!r}")
