"""What comes in: stored once, and handed to the router once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update

from gateway.store import nodes
from gateway.store import schema as s
from gateway.store.arrivals import SaveResult, flush_incomplete, save, storable
from gateway.store.engine import Conn
from gateway.store.rows import chunks, insert, load_messages
from gateway.store.transitions import move
from gateway.store.types import Direction, MessageRow, Status

__all__ = [
    "NewIncoming",
    "SaveResult",
    "claim",
    "finish",
    "flush_incomplete",
    "put",
    "recover",
    "save",
    "storable",
    "waiting",
]

_t = s.transmission.c
_m = s.message.c
DONE = "done"


@dataclass(frozen=True, slots=True)
class NewIncoming:
    """A message that was received without a device: ``receive()`` and the command of that name."""

    id: str
    connection_id: int
    backend: str
    identity: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    to: str | None = None
    received_ms: int | None = None
    claimed_by: int | None = None
    """Epoch of the process that runs its phases itself (blocking router); None leaves it to whoever claims."""


def put(c: Conn, new: NewIncoming, now_ms: int) -> MessageRow:
    """Store one message as received."""
    values = {
        "id": new.id,
        "direction": Direction.IN.value,
        "kind": "message",
        "text": storable(new.text),
        "fields": dict(new.fields) or None,
        "created_ms": now_ms,
        "received_ms": now_ms if new.received_ms is None else new.received_ms,
        "to": new.to,
    }
    seq = c.execute(s.message.insert().values(**values).returning(_m.seq)).scalar_one()
    transmission = {
        "message_seq": seq,
        "connection_id": new.connection_id,
        "direction": Direction.IN.value,
        "lane": "",
        "status": Status.RECEIVED.value,
        "encoding": "",
        "owner": new.claimed_by,
        "created_ms": now_ms,
    }
    c.execute(s.transmission.insert().values(**transmission))
    return load_messages(c, [seq])[0]


def claim(c: Conn, epoch: int, limit: int, now_ms: int) -> list[MessageRow]:  # noqa: ARG001 - as all of the store
    """The next messages for the router, the oldest first; each is claimed by one process."""
    wanted = (
        select(_t.id, _t.message_seq)
        .where(s.is_status(_t.status, Status.RECEIVED), _t.owner.is_(None))
        .order_by(_t.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = c.execute(wanted).all()
    for some in chunks(row.id for row in rows):
        c.execute(update(s.transmission).where(_t.id.in_(some)).values(owner=epoch))
    return load_messages(c, [row.message_seq for row in rows])


def finish(
    c: Conn,
    message_id: str,
    epoch: int,
    status: Status,
    now_ms: int,  # noqa: ARG001 - as all of the store
    error: str | None = None,
    fields: Mapping[str, Any] | None = None,
    filtered: bool = False,
) -> bool:
    """The router has run: HANDLED, or FAILED with ``error``. False when another process has the message by now.

    ``filtered`` messages are handled with that mark; no listener gets them.
    """
    seq = c.scalar(select(_m.seq).where(_m.id == message_id))
    if seq is None or not move(
        c, Status.RECEIVED, status, (_t.message_seq == seq) & (_t.owner == epoch), owner=None, error=error
    ):
        return False
    values: dict[str, Any] = {"error": error, "filtered": int(filtered)}
    if fields is not None:
        values["fields"] = dict(fields) or None
    if not filtered:
        values["done"] = _next_done(c)
    c.execute(update(s.message).where(_m.seq == seq).values(**values))
    return True


def _next_done(c: Conn) -> int:
    upsert = insert(c, s.counter).values(name=DONE, value=1)
    counted = upsert.on_conflict_do_update(index_elements=["name"], set_={"value": s.counter.c.value + 1})
    return int(c.execute(counted.returning(s.counter.c.value)).scalar_one())


def recover(c: Conn, epoch: int, now_ms: int) -> int:
    """Give back what dead processes had claimed, marked ``redelivered``. Returns how many."""
    count = 0
    for some in chunks(nodes.dead(c, epoch, now_ms)):
        orphaned = s.is_status(_t.status, Status.RECEIVED), _t.owner.in_(some)
        seqs = c.scalars(update(s.transmission).where(*orphaned).values(owner=None).returning(_t.message_seq)).all()
        for part in chunks(seqs):
            c.execute(update(s.message).where(_m.seq.in_(part)).values(redelivered=1))
        count += len(seqs)
    return count


def waiting(c: Conn) -> int:
    """How many messages wait for the router."""
    received = select(func.count()).select_from(s.transmission).where(s.is_status(_t.status, Status.RECEIVED))
    return int(c.execute(received).scalar_one())
