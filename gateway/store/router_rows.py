"""What only the router asks of the store: keys, and the batches, receipts and lost calls of Python backends."""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile
from typing import Any

from sqlalchemy import Row, or_, select

from gateway.store import nodes
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.journal import end_attempts
from gateway.store.rows import chunks, load_messages
from gateway.store.transitions import move, move_each
from gateway.store.types import MessageRow, Status

_t = s.transmission.c


def by_key(c: Conn, key: str) -> MessageRow | None:
    """The message that was sent with this key."""
    seq = c.execute(select(s.message.c.seq).where(s.message.c.key == key)).scalar()
    return load_messages(c, [seq])[0] if seq is not None else None


def leading_rows(c: Conn, lane: str, most: int, now_ms: int) -> int:
    """How many of the rows that would be claimed next, up to ``most``, belong to the same message."""
    alive = or_(_t.expires_ms.is_(None), _t.expires_ms > now_ms)
    waiting = select(_t.message_seq).where(_t.lane == lane, s.QUEUED, s.is_flag(_t.ready, 1), alive)
    found = c.execute(waiting.order_by(_t.rank, _t.id).limit(most)).scalars().all()
    return sum(1 for _ in takewhile(lambda seq: seq == found[0], found))


def report(c: Conn, transmission_id: int, status: Status, error: str | None, now_ms: int) -> bool:
    """Take a receipt for one transmission: DELIVERED, or FAILED with ``error``. False when it changes nothing."""
    this = _t.id == transmission_id
    before = c.execute(select(_t.status).where(this)).scalar()
    if before is None or Status(before) not in (Status.SENDING, Status.SENT, Status.UNKNOWN, Status.QUEUED):
        return False
    if status is Status.DELIVERED:
        # a receipt may overtake the answer: the message was sent, whatever is still to come
        if before == Status.SENDING:
            move(c, Status.SENDING, Status.SENT, this, sent_ms=now_ms)
            before = Status.SENT
        return move(c, Status(before), status, this, delivered_ms=now_ms, error=None, owner=None) == 1
    return move(c, Status(before), status, this, error=error, owner=None) == 1


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
