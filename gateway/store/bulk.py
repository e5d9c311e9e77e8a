"""The verbs of a person on all that fits a filter."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from gateway.store import schema as s
from gateway.store.engine import Conn, Store
from gateway.store.types import Direction, Status
from gateway.store.verbs import VERBS, Verb, apply

_t = s.transmission.c
BATCH = 500
"""Transmissions in one commit: others must get their turn in between."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which outgoing transmissions. None is any; ``to`` is how their identity begins, ``before_ms`` when they were
    stored."""

    status: Status | None = None
    backend: str | None = None
    to: str | None = None
    before_ms: int | None = None


def count(c: Conn, verb: str, which: Selection) -> int:
    """How many transmissions fit and may be changed by ``verb`` now."""
    return c.scalar(_fitting(select(func.count()), VERBS[verb], which)) or 0


def change(store: Store, verb: str, which: Selection, now_ms: int) -> int:
    """Apply ``verb`` to all that fit and may be changed. Returns how many. Raises StoreError.

    What is stored meanwhile is left alone. When it breaks off, what was done stays done; the rest can be done again.
    """
    with store.read() as c:
        last: int = c.scalar(_fitting(select(func.max(_t.id)), VERBS[verb], which)) or 0
    total, done = 0, 0
    while done < last:
        changed, done = store.write(functools.partial(_batch, VERBS[verb], which, (done, last), now_ms))
        total += changed
    return total


def _batch(verb: Verb, which: Selection, between: tuple[int, int], now_ms: int, c: Conn) -> tuple[int, int]:
    """Change the next ones; how many, and the last one that was looked at."""
    after, last = between
    wanted = _fitting(select(s.transmission), verb, which).where(_t.id > after, _t.id <= last)
    rows = c.execute(wanted.order_by(_t.id).limit(BATCH).with_for_update(of=s.transmission)).all()
    common = {"error": "cancelled"} if verb.to is Status.CANCELLED else {}
    return apply(c, verb, rows, now_ms, **common), rows[-1].id if len(rows) == BATCH else last


def _fitting(wanted: Select[Any], verb: Verb, which: Selection) -> Select[Any]:
    statuses = verb.allowed if which.status is None else verb.allowed & {which.status}
    wanted = wanted.select_from(s.transmission.join(s.connection).join(s.backend))
    wanted = wanted.where(_t.direction == Direction.OUT.value, _t.status.in_(sorted(statuses)))
    if which.backend is not None:
        wanted = wanted.where(s.backend.c.name == which.backend)
    if which.to is not None:
        wanted = wanted.where(s.connection.c.identity.startswith(which.to, autoescape=True))
    if which.before_ms is not None:
        wanted = wanted.where(_t.created_ms < which.before_ms)
    return wanted
