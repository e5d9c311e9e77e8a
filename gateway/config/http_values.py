"""The kinds of values that only HTTP has: URLs, names of parameters, texts that may be secret."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationInfo

from gateway.config import values
from gateway.config.secrets import Secret

PLACES = ("identity", "text", "id", "backend", "source", "in_response_to", "external_id")
"""What a backend knows of one message to one recipient."""
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


def url(value: Any) -> str:
    """An http or https URL; ``{identity}`` and the like may stand in its path and query."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        good = parts is not None and parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[!-~]+", value, re.ASCII):
        raise ValueError('must be an http or https URL in ASCII, such as "https://sms.example.com/send"')
    for place in re.findall(r"\{([^{}]*)\}", value):
        if place not in PLACES:
            hint = values.nearest(place, PLACES) or f"; write {values.one_of(PLACES)}"
            raise ValueError(f"{{{place}}} stands for nothing{hint}")
    return str(value)


def names(known: tuple[str, ...]) -> BeforeValidator:
    """A table from our words to the names that others have for them: ``{ identity = "to" }``."""

    def read(value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError(f'must be a table such as {{ {known[0]} = "to" }}, not {values.kind(value)}')  # noqa: TRY004
        for key, name in value.items():
            if key not in known:
                hint = values.nearest(key, known) or f"; the keys here are {', '.join(known)}"
                raise ValueError(f"{key!r} is unknown{hint}")
            if not isinstance(name, str) or not name:
                raise ValueError(f"the name of {key} must be a string that isn't empty, not {values.shown(name)}")
        return dict(value)

    return BeforeValidator(read)


def texts(value: Any, info: ValidationInfo) -> dict[str, Secret]:
    """A table of strings or secrets: ``{ from = "12345", key = { file = "partner.key" } }``."""
    if not isinstance(value, Mapping):
        raise ValueError(f'must be a table such as {{ from = "12345" }}, not {values.kind(value)}')  # noqa: TRY004
    found = {}
    for key, given in value.items():
        try:
            found[key] = Secret.parse(given, (info.context or {}).get("base"))
        except ValueError as error:
            raise ValueError(f"the value of {key!r} {error}") from None
    return found


def headers(value: Any, info: ValidationInfo) -> dict[str, Secret]:
    """A table of headers, each a string or a secret: ``{ x-api-key = { file = "partner.key" } }``."""
    found = texts(value, info)
    for name in found:
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r} can't be the name of a header (RFC 9110 §5.1)")
    return found


def pattern(value: Any) -> str:
    """A regular expression."""
    try:
        re.compile(value)
    except (TypeError, re.error) as error:
        raise ValueError(f"must be a regular expression, not {values.shown(value)}: {error}") from None
    return str(value)


def charset(value: Any) -> str:
    """A character set such as `"UTF-8"`."""
    try:
        codecs.lookup(value)
    except (LookupError, TypeError, ValueError):
        raise ValueError(f'must be a character set such as "UTF-8", not {values.shown(value)}') from None
    return str(value)


def path(value: Any) -> str:
    """A path such as ``"/sms/in"``."""
    if not isinstance(value, str) or not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value, re.ASCII):
        raise ValueError(f'must be a path such as "/sms/in", not {values.shown(value)}')
    return value
