"""Rules of the config that say which messages they are for, and the texts that they are answered with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.apps.handlers.keyword import compiled
from gateway.apps.outlet import strings
from gateway.config.values import nearest
from gateway.errors import HandlerError
from gateway.message import IncomingMessage

CONDITIONS = ("keyword", "pattern", "from", "backend")
_NAMES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a message must be like. What isn't given fits everything; what is given must all fit."""

    keyword: re.Pattern[str] | None = None
    """As of a KeywordHandler: at the beginning, as a word, in any case."""
    pattern: re.Pattern[str] | None = None
    """Anywhere in the text, in any case."""
    senders: tuple[str, ...] = ()
    """Beginnings of numbers, or whole names."""
    backends: tuple[str, ...] = ()

    def fits(self, msg: IncomingMessage) -> bool:
        """Whether a message is one of these."""
        connection = msg.connections[0]
        return (
            (self.keyword is None or self.keyword.match(msg.text) is not None)
            and (self.pattern is None or self.pattern.search(msg.text) is not None)
            and (not self.senders or connection.identity.startswith(self.senders))
            and (not self.backends or connection.backend.name in self.backends)
        )


def read(app: str, given: Any, keys: Sequence[str]) -> list[tuple[Rule, Mapping[str, Any]]]:
    """Read ``[[app.NAME.rule]]`` tables whose own keys are ``keys``. Raises TypeError or ValueError with the place."""
    items = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not all(isinstance(each, Mapping) for each in items):
        raise TypeError(f"rule must be written as [[app.{app}.rule]], in double brackets")
    found = []
    for place, table in enumerate(items, 1):
        allowed = (*CONDITIONS, *keys)
        for key in table:
            if key not in allowed:
                hint = nearest(key, allowed) or f"; the keys are {', '.join(allowed)}"
                raise ValueError(f"rule {place}: unknown key {key!r}{hint}")
        try:
            found.append((_rule(table), table))
        except (HandlerError, re.error, TypeError, ValueError) as error:
            raise ValueError(f"rule {place}: {error}") from None
    return found


def _rule(table: Mapping[str, Any]) -> Rule:
    for key in ("keyword", "pattern"):
        if key in table and (not isinstance(table[key], str) or not table[key]):
            raise TypeError(f"{key} must be a string that isn't empty, not {table[key]!r}")
    return Rule(
        compiled(table["keyword"], boundary=True) if "keyword" in table else None,
        re.compile(table["pattern"], re.IGNORECASE) if "pattern" in table else None,
        strings("from", table.get("from", ())),
        strings("backend", table.get("backend", ())),
    )


def values_of(msg: IncomingMessage) -> dict[str, str]:
    """Give what a text of the config may name: ``number``, ``name``, ``text``, ``backend``, ``time``."""
    connection = msg.connections[0]
    return {
        "number": connection.identity,
        "name": str(connection.contact) if connection.contact and connection.contact.name else connection.identity,
        "text": msg.raw_text,
        "backend": connection.backend.name,
        "time": msg.received_at.isoformat(timespec="seconds"),
    }


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into ``{names}``; what isn't one of them stays as it is, so no text of a stranger is ever read.

    >>> fill("{number} said: {text} {x}", {"number": "+1", "text": "{number}"})
    '+1 said: {number} {x}'
    """
    return _NAMES.sub(lambda match: values.get(match[1], match[0]), text)
