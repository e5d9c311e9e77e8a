"""What only the router asks of the store: keys, and the batches, receipts and lost calls of Python backends."""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile
from typing import Any

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.exc import IntegrityError

from gateway.store import inbox, nodes, outbox
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.journal import end_attempts
from gateway.store.rows import chunks, load_messages
from gateway.store.transitions import move, move_each
from gateway.store.types import MessageRow, NewMessage, Status

_t = s.transmission.c
_OF_KEY = select(s.message.c.seq).where(s.message.c.key == bindparam("wanted"))
_LEADING = (
    select(_t.message_seq)
    .where(_t.lane == bindparam("of_lane"), s.QUEUED, s.is_flag(_t.ready, 1))
    .where(or_(_t.expires_ms.is_(None), _t.expires_ms > bindparam("now")))
    .order_by(_t.rank, _t.id)
    .limit(bindparam("most"))
)
_REPORTABLE = (Status.QUEUED, Status.SENDING, Status.SENT, Status.UNKNOWN)


class UnstorableError(ValueError):
    """An id that is taken, or a connection of another database."""

    def __init__(self, id_: str) -> None:
        super().__init__(f"message {id_} can't be stored: its id is taken, or a connection is of another database")


def enqueue(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> tuple[MessageRow, bool]:
    """As ``outbox.enqueue``; raises UnstorableError where the caller's own id or connections don't fit."""
    try:
        return outbox.enqueue(c, new, now_ms, ageing_ms)
    except IntegrityError:
        raise UnstorableError(new.id) from None


def answer(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> None:
    """As ``outbox.add``; raises UnstorableError where the caller's own id or connections don't fit."""
    try:
        outbox.add(c, new, now_ms, ageing_ms)
    except IntegrityError:
        raise UnstorableError(new.id) from None


def put(c: Conn, new: inbox.NewIncoming, now_ms: int) -> MessageRow:
    """As ``inbox.put``; raises UnstorableError where the caller's own id or connection doesn't fit."""
    try:
        return inbox.put(c, new, now_ms)
    except IntegrityError:
        raise UnstorableError(new.id) from None


def by_key(c: Conn, key: str) -> MessageRow | None:
    """The message that was sent with this key."""
    seq = c.scalar(_OF_KEY, {"wanted": key})
    return load_messages(c, [seq])[0] if seq is not None else None


def leading_rows(c: Conn, lane: str, most: int, now_ms: int) -> int:
    """How many of the rows that would be claimed next, up to ``most``, belong to the same message."""
    found = c.scalars(_LEADING, {"of_lane": lane, "now": now_ms, "most": most}).all()
    return sum(1 for _ in takewhile(lambda seq: seq == found[0], found))


def report(c: Conn, transmission_id: int, status: Status, error: str | None, now_ms: int) -> bool:
    """Take a receipt for one transmission: SENT, DELIVERED, or FAILED with ``error``. False when it changes nothing."""
    this = _t.id == transmission_id
    before = Status(c.execute(select(_t.status).where(this)).scalar_one())
    if before not in _REPORTABLE or before is status:
        return False
    if status is Status.FAILED:
        return move(c, before, status, this, error=error, owner=None) == 1
    if before is not Status.SENT:  # a receipt may overtake the answer: then the message was sent, whatever follows
        move(c, before, Status.SENT, this, sent_ms=now_ms, error=None, owner=None)
    if status is Status.DELIVERED:
        move(c, Status.SENT, status, this, delivered_ms=now_ms, error=None)
    return True


def recover(c: Conn, epoch: int, backends: Collection[str], now_ms: int) -> int:
    """Make ``unknown`` what dead owners had handed to these Python backends. Returns how many.

    Devices are the business of their own service, which counts the parts that may have left.
    """
    lost: list[Row[Any]] = []
    for some in chunks(nodes.dead(c, epoch, now_ms) if backends else []):
        lost += c.execute(
            select(_t.id, s.attempt.c.id.label("attempt"))
            .join(s.attempt)
            .where(s.is_status(_t.status, Status.SENDING), _t.device.in_(backends), _t.owner.in_(some))
            .where(s.attempt.c.ended_ms.is_(None))
            .with_for_update(of=s.transmission)
        )
    error = "the gateway stopped before the answer came"
    move_each(
        c, Status.SENDING, Status.UNKNOWN, [{"id": row.id} for row in lost], owner=None, doubt_ms=now_ms, error=error
    )
    end_attempts(c, [(row.attempt, Status.UNKNOWN.value, error) for row in lost], now_ms)
    return len(lost)
