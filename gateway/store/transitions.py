"""Which status may follow which, and the statement that changes one. Nothing else writes a status."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, update

from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.rows import chunks, many
from gateway.store.types import Status

_S = Status

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    _S.QUEUED: frozenset({_S.SENDING, _S.HELD, _S.EXPIRED, _S.CANCELLED, _S.FAILED, _S.SENT, _S.DELIVERED}),
    _S.HELD: frozenset({_S.QUEUED, _S.CANCELLED, _S.EXPIRED}),
    _S.SENDING: frozenset({_S.SENT, _S.FAILED, _S.QUEUED, _S.UNKNOWN, _S.EXPIRED}),
    _S.SENT: frozenset({_S.DELIVERED, _S.FAILED}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.DELIVERED, _S.FAILED, _S.QUEUED}),
    _S.FAILED: frozenset({_S.QUEUED}),
    _S.EXPIRED: frozenset({_S.QUEUED}),
    _S.CANCELLED: frozenset({_S.QUEUED}),
    _S.DELIVERED: frozenset(),
    _S.RECEIVED: frozenset({_S.HANDLED, _S.FAILED}),
    _S.HANDLED: frozenset(),
}
"""``queued`` becomes ``sent`` or ``delivered`` when evidence arrives for an attempt that was about to be repeated."""


def moving(expected: Status, to: Status, where: ColumnElement[bool], *columns: str) -> Update:
    """The statement that gives every transmission that is ``expected`` and fits ``where`` the status ``to``.

    ``columns`` are written too, from parameters called ``new_COLUMN``. Raises ValueError for a change that may not be.
    """
    if to not in TRANSITIONS[expected]:
        raise ValueError(f"a transmission that is {expected} can't become {to}")
    new: dict[str, Any] = {column: bindparam(f"new_{column}") for column in columns}
    changed = update(s.transmission).where(where, s.is_status(s.transmission.c.status, expected))
    return changed.values(status=to.value, **new)


def move(c: Conn, expected: Status, to: Status, where: ColumnElement[bool], **values: Any) -> int:
    """Do what ``moving`` says, with ``values`` in further columns. Returns how many."""
    changed = moving(expected, to, where, *values)
    return c.execute(changed, {f"new_{column}": value for column, value in values.items()}).rowcount


def move_each(c: Conn, expected: Status, to: Status, rows: Sequence[Mapping[str, Any]], **values: Any) -> int:
    """The same for single transmissions; each row has ``id`` and, alike in all, further columns. Returns how many.

    Rows that differ in nothing but ``id``, as most do, are one statement, which takes a third of the time.
    """
    columns = tuple(column for column in (rows[0] if rows else ()) if column != "id")
    changed, changed_alike = _moving_some(expected, to, (*values, *columns))
    if not rows:
        return 0
    common = {f"new_{column}": value for column, value in values.items()}
    named = [(column, f"new_{column}") for column in columns]
    if all(row[column] == rows[0][column] for column in columns for row in rows):
        common |= {new: rows[0][column] for column, new in named}
        some = chunks(row["id"] for row in rows)
        return sum(c.execute(changed_alike, {"row_ids": ids, **common}).rowcount for ids in some)
    return many(
        c, changed, [{"row_id": row["id"], **common, **{new: row[column] for column, new in named}} for row in rows]
    )


@functools.cache
def _moving_some(expected: Status, to: Status, columns: tuple[str, ...]) -> tuple[Update, Update]:
    one, alike = s.transmission.c.id == bindparam("row_id"), among(s.transmission.c.id, "row_ids")
    return moving(expected, to, one, *columns), moving(expected, to, alike, *columns)
