"""What callers hand in, read strictly: a mistake is told at once, before anything is stored."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from gateway.store.types import Connection

_LONGEST_SAID = 500
MOST_IDENTITY = 100
"""Characters of an identity."""
Word = TypeVar("Word", bound=enum.Enum)


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


def connection(given: object) -> Connection:
    """Give the one connection that a message is received from. Raises TypeError when it isn't one."""
    many = [given] if isinstance(given, Connection) else given
    many = list(many) if isinstance(many, Iterable) and not isinstance(many, str) else []
    if len(many) != 1 or not isinstance(many[0], Connection):
        raise TypeError(f"a message is received from exactly one Connection, not {given!r}")
    return many[0]


def identity(given: object) -> str:
    """Give an identity as text. Raises TypeError or ValueError for one that can't be stored."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise TypeError(f"an identity must be a str or an int, not {type(given).__name__}")
    text = str(given)
    if not text or len(text) > MOST_IDENTITY or "\0" in text or not text.isprintable():
        raise ValueError(f"an identity is 1 to {MOST_IDENTITY} printable characters, not {given!r}")
    return text


def word(what: str, given: object, words: type[Word]) -> Word:
    """Give a member of an enumeration by its value. Raises ValueError with those that there are."""
    try:
        return words(given)
    except ValueError:
        allowed = ", ".join(map(str, words))
        raise ValueError(f"{what} must be one of {allowed}, not {given!r}") from None


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
