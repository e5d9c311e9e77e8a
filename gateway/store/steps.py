"""What moves along when the wall clock was set, so that nothing expires or opens because of it.

``expires``, the time for evidence and the pauses between attempts are spans that happen to be stored as moments;
``at`` is a moment and stays. Rows that are written after the step and before it was noticed tell the new time already.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, and_, exists, select, update

from gateway.store import schema as s
from gateway.store import usage
from gateway.store.engine import Conn, Store
from gateway.store.types import Status

BATCH = 2000
"""Rows that move in one commit, so that claims and results are not kept waiting."""
NOTICED_MS = 3000
"""How long a step may have gone unnoticed."""

_t = s.transmission.c
_a = s.attempt.c
_i = s.inpart.c
_OPEN = s.is_status(_t.status, Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN)
_TRIED = exists(select(_a.id).where(_a.transmission_id == _t.id))
_RETRIES = and_(s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 0), _TRIED)
_INCOMPLETE = and_(_i.reference.is_not(None), _i.message_seq.is_(None))


def shift(store: Store, by_ms: int, now_ms: int) -> int:
    """Move the spans of this host's queue by a step of ``by_ms`` that led to ``now_ms``; how many transmissions moved.

    A database that several hosts share stays as it is: their clocks did not jump. Raises StoreError.
    """
    if store.path is None:
        return 0
    store.write(lambda c: _few(c, by_ms, now_ms))
    moved, last = 0, 0
    while True:
        ids = store.write(lambda c, after=last: _queue(c, after, by_ms, now_ms))  # type: ignore[misc]
        if not ids:
            return moved
        moved, last = moved + len(ids), ids[-1]


def _before(column: Column[Any], by_ms: int, now_ms: int) -> ColumnElement[bool]:
    """Told by the clock as it was before the step. What a clock of another time has told, stays: who knows its step."""
    fresh = column.between(now_ms - NOTICED_MS, now_ms)
    return and_(column <= now_ms - by_ms, ~fresh)


def _queue(c: Conn, after: int, by_ms: int, now_ms: int) -> list[int]:
    """The next transmissions that wait, with their place in the queue."""
    wanted = select(_t.id).where(_OPEN, _t.id > after, _before(_t.created_ms, by_ms, now_ms))
    ids = [int(id_) for id_ in c.scalars(wanted.order_by(_t.id).limit(BATCH))]
    if ids:
        here = _t.id.between(ids[0], ids[-1]), _OPEN, _before(_t.created_ms, by_ms, now_ms)
        moved = {name: _t[name] + by_ms for name in ("expires_ms", "rank", "doubt_ms")}
        c.execute(update(s.transmission).where(*here).values(moved))
    return ids


def _few(c: Conn, by_ms: int, now_ms: int) -> None:
    """Retries, attempts under way, long messages that lack parts, and what the limits count."""
    under_way = select(_t.id).where(s.is_status(_t.status, Status.SENDING, Status.UNKNOWN))
    moves = (
        (s.transmission, _t.due_ms, and_(_RETRIES, _before(_t.created_ms, by_ms, now_ms))),
        (s.attempt, _a.started_ms, and_(_a.transmission_id.in_(under_way), _before(_a.started_ms, by_ms, now_ms))),
        (s.inpart, _i.received_ms, and_(_INCOMPLETE, _before(_i.received_ms, by_ms, now_ms))),
    )
    for table, column, where in moves:
        c.execute(update(table).where(where).values({column: column + by_ms}))
    if by_ms > 0:  # after a step back they lie in the future, where they count as now and open nothing
        usage.shift_all(c, by_ms, now_ms)
