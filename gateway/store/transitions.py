"""Which status may follow which, and the two statements that change one. Nothing else writes a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, update

from gateway.store import schema as s
from gateway.store.engine import Conn
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


def move(c: Conn, expected: Status, to: Status, where: ColumnElement[bool], **values: Any) -> int:
    """Give every transmission that is ``expected`` and fits ``where`` the status ``to``. Returns how many."""
    _require(expected, to)
    changed = update(s.transmission).where(s.is_status(s.transmission.c.status, expected), where)
    return c.execute(changed.values(status=to.value, **values)).rowcount


def move_each(c: Conn, expected: Status, to: Status, rows: Sequence[Mapping[str, Any]], **values: Any) -> int:
    """The same for single transmissions; each row has ``id`` and, alike in all, further columns. Returns how many."""
    _require(expected, to)
    if not rows:
        return 0
    own: dict[str, Any] = {column: bindparam(f"new_{column}") for column in rows[0] if column != "id"}
    changed = (
        update(s.transmission)
        .where(s.transmission.c.id == bindparam("row_id"), s.is_status(s.transmission.c.status, expected))
        .values(status=to.value, **values, **own)
    )
    bound = [{"row_id" if key == "id" else f"new_{key}": value for key, value in row.items()} for row in rows]
    return c.execute(changed, bound).rowcount


def _require(expected: Status, to: Status) -> None:
    if to not in TRANSITIONS[expected]:
        raise ValueError(f"a transmission that is {expected} can't become {to}")
