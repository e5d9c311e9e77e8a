"""Every secret of a config, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.config.model import Config
from gateway.config.secrets import SOURCES, Secret

Place = tuple[str, ...]
NAMES = re.compile(r"(?i)(pass(word|phrase)?|secret|token|pin|key|^authorization)$")
"""Keys that hold a secret, in the options of apps and backends: nothing else says so of those."""


def secrets(config: Config) -> Iterator[tuple[Place, Secret]]:
    """Where each secret stands, and the secret."""
    base = config.path.absolute().parent if config.path else None
    return _within(config, base, ())


def _within(value: Any, base: Path | None, place: Place) -> Iterator[tuple[Place, Secret]]:
    if isinstance(value, Secret):
        yield tuple(key for key in place if key != "options"), value
    elif isinstance(value, BaseModel):
        named = type(value).model_fields.items()
        yield from _inside({field.alias or name: getattr(value, name) for name, field in named}, base, place)
    elif place and (NAMES.search(place[-1]) or _is_parameter(place, value)) and _is_secret(value):
        yield from _within(Secret.parse(value, base), base, place)
    elif isinstance(value, Mapping):
        yield from _inside(value, base, place)


def _inside(table: Mapping[str, Any], base: Path | None, place: Place) -> Iterator[tuple[Place, Secret]]:
    for key, value in table.items():
        yield from _within(value, base, (*place, key))


def _is_parameter(place: Place, value: Any) -> bool:
    """Whether this is a parameter or header of a backend over HTTP that stands elsewhere, whatever it is called."""
    return place[0] == "backend" and place[-2:-1] in (("extra",), ("headers",)) and isinstance(value, Mapping)


def _is_secret(value: Any) -> bool:
    """Whether an option reads like one: words, or a table that says where they are."""
    if isinstance(value, Mapping):
        return (
            len(value) == 1 and next(iter(value)) in SOURCES and all(isinstance(each, str) for each in value.values())
        )
    return isinstance(value, str)
