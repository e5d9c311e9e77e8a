"""Conversations as tests: ``number > text`` comes in, ``number < text`` must have gone out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway import api, session
from gateway.router import outgoing
from gateway.testing.doubles import BACKEND, TestRouter

_LINE = re.compile(r"\s*(?P<number>[^\s<>@]+)(?:@\d{8,14})?\s*(?P<way>[<>])(?: |$)?(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script: ``way`` is ``>`` for what comes in, ``<`` for what goes out."""

    place: int
    number: str
    way: str
    text: str

    def __str__(self) -> str:
        return f"line {self.place}: {self.number} {self.way} {self.text}"


def parse(text: str) -> list[Line]:
    """Read a script; blank lines and those that begin with ``#`` are left out. Raises ValueError with the line.

    >>> [str(line) for line in parse("+1 > echo hi")]
    ['line 1: +1 > echo hi']
    """
    lines = []
    for place, raw in enumerate(text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(raw)
        if match is None:
            raise ValueError(f"line {place} is not 'number > text' or 'number < text': {raw.strip()!r}")
        lines.append(Line(place, match["number"], match["way"], match["text"].strip()))
    return lines


def run_script(text: str, strict: bool = True, backend: str = BACKEND) -> None:
    """Play a conversation through the apps, and raise AssertionError where it goes another way.

    An expected line takes one message that went out before it and was not taken yet. ``strict``: what went out
    and no line took is an error, at the end. The router in use is taken if it is a TestRouter, else one
    with the apps of the config.

    >>> run_script('''
    ...     +254700000001 > hello
    ... ''')
    """
    lines = parse(text)
    with _router() as router:
        seen = len(router.outbound)
        taken: list[tuple[str, str]] = []
        for line in lines:
            (connection,) = api.lookup_connections(backend, [line.number])
            if line.way == ">":
                api.receive(line.text, connection)
                continue
            wanted, left = (connection.identity, line.text), _left(router, seen, taken)
            if wanted not in left:
                raise AssertionError(f"{line}\nwas expected; what went out and is not taken: {_shown(left)}")
            taken.append(wanted)
        left = _left(router, seen, taken)
        if strict and left:
            raise AssertionError(f"no line of the script takes what went out: {_shown(left)}")


def _left(router: TestRouter, seen: int, taken: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What went out, (identity, text), and was not taken yet."""
    found = [
        (connection.identity, msg.text.strip())
        for msg in router.outbound[seen:]
        if msg.processed
        for connection in outgoing.recipients(msg)
    ]
    for each in taken:
        found.remove(each)
    return found


def _shown(left: list[tuple[str, str]]) -> str:
    return "; ".join(f"{number} < {text}" for number, text in left) or "nothing"


@contextmanager
def _router() -> Iterator[TestRouter]:
    current = api.get_router() if session.known() else None
    if isinstance(current, TestRouter):
        yield current
        return
    made = TestRouter()
    with api.using(made):
        yield made
