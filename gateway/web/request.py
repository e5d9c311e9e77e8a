"""A request and its answer, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

MOST_PARAMETERS = 200
PLAIN, HTML, JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    body: str = ""
    status: int = 200
    kind: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):  # noqa: N818 - it says no, and nothing is wrong with us
    """The answer is no: a status, and one sentence for whoever asked."""

    def __init__(self, status: int, sentence: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.response = Response(f"{sentence}\n", status, headers=headers)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Header names are in small letters; ``peer`` is an IP address."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    peer: str = "127.0.0.1"
    secure: bool = False

    def parameters(self, charset: str = "utf-8") -> dict[str, str]:
        """The parameters of query and body, the body's before the query's. Raises Refusal.

        >>> Request("GET", "/in/x", "text=h%C3%A9+llo&a=1&a=2").parameters()
        {'text': 'hé llo', 'a': '2'}
        """
        found = _form(self.query, charset)
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not self.body:
            return found
        if kind == "application/json":
            plain = {key: value for key, value in self.json().items() if isinstance(value, str | int | float)}
            return {**found, **{key: str(value) for key, value in plain.items()}}
        if kind not in ("", "application/x-www-form-urlencoded"):
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be a form (urlencoded) or JSON")
        return {**found, **_form(self.body.decode("ascii", "replace"), charset)}

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal."""
        try:
            found = json.loads(self.body.decode())
        except (ValueError, RecursionError):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not JSON in UTF-8") from None
        if not isinstance(found, dict):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
        return found


def _form(text: str, charset: str) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(text, keep_blank_values=True, encoding=charset, errors="replace", max_num_fields=MOST_PARAMETERS)
        )
    except ValueError:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"there are more than {MOST_PARAMETERS} parameters") from None
