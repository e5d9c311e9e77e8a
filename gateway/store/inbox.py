"""What comes in: stored once, and handed to the router once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Table, and_, bindparam, func, or_, select, update

from gateway.store import nodes
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.arrivals import SaveResult, flush_incomplete, save
from gateway.store.engine import Conn
from gateway.store.joining import storable
from gateway.store.rows import chunks, load_messages, per_database
from gateway.store.transitions import moving
from gateway.store.types import Direction, MessageRow, Status

if TYPE_CHECKING:
    from gateway.store.rows import Insert

__all__ = [
    "NewIncoming",
    "SaveResult",
    "begin",
    "claim",
    "finish",
    "flush_incomplete",
    "put",
    "recover",
    "release",
    "save",
    "storable",
    "waiting",
]

_t = s.transmission.c
_m = s.message.c
DONE = "done"

_NEW_MESSAGE = s.message.insert().returning(_m.seq)
_NEW_TRANSMISSION = s.transmission.insert()
_RECEIVED = s.is_status(_t.status, Status.RECEIVED)
_WAITING = (
    select(_t.id, _t.message_seq)
    .where(_RECEIVED, _t.owner.is_(None))
    .order_by(_t.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = update(s.transmission).where(among(_t.id, "of")).values(owner=bindparam("by"))
_MINE = _RECEIVED, _t.owner == bindparam("by")
_BEGIN = update(s.transmission).where(_t.id == bindparam("of"), *_MINE).values(attempts=_t.attempts + 1)
_RELEASE = update(s.transmission).where(among(_t.id, "of"), *_MINE).values(owner=None)
_SEQ = select(_m.seq).where(_m.id == bindparam("of")).scalar_subquery()
_FINISH = {
    status: moving(Status.RECEIVED, status, and_(_t.message_seq == _SEQ, _t.owner == bindparam("by")), "owner", "error")
    for status in (Status.HANDLED, Status.FAILED)
}
_END = (
    update(s.message)
    .where(_m.id == bindparam("of"))
    .values(error=bindparam("new_error"), filtered=bindparam("new_filtered"), done=bindparam("new_done"))
)
_END_WITH_FIELDS = _END.values(fields=bindparam("new_fields"))


@per_database
def _next_done(insert: Callable[[Table], Insert]) -> Executable:
    value = s.counter.c.value
    counted = insert(s.counter).on_conflict_do_update(index_elements=["name"], set_={"value": value + 1})
    return counted.returning(value)


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
    in_response_to: str | None = None
    encoding: str = ""
    parts: int = 1
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
        "in_response_to": new.in_response_to,
    }
    if new.claimed_by is not None:
        nodes.busy(c, new.claimed_by, now_ms)
    seq = c.execute(_NEW_MESSAGE, values).scalar_one()
    transmission = {
        "message_seq": seq,
        "connection_id": new.connection_id,
        "direction": Direction.IN.value,
        "lane": "",
        "status": Status.RECEIVED.value,
        "parts": new.parts,
        "encoding": new.encoding,
        "owner": new.claimed_by,
        "attempts": int(new.claimed_by is not None),
        "created_ms": now_ms,
    }
    c.execute(_NEW_TRANSMISSION, transmission)
    return load_messages(c, [seq])[0]


def claim(c: Conn, epoch: int, limit: int, now_ms: int) -> list[MessageRow]:
    """The next messages for the router, the oldest first; each is claimed by one process. No app has them yet."""
    rows = c.execute(_WAITING, {"most": limit}).all()
    if rows:
        nodes.busy(c, epoch, now_ms)
    for some in chunks(row.id for row in rows):
        c.execute(_CLAIM, {"of": some, "by": epoch})
    return load_messages(c, [row.message_seq for row in rows])


def begin(c: Conn, epoch: int, claimed: MessageRow) -> bool:
    """An app sees this message as soon as this is committed. False when another process has it by now."""
    return c.execute(_BEGIN, {"of": claimed.transmissions[0].id, "by": epoch}).rowcount == 1


def release(c: Conn, epoch: int, claimed: Sequence[MessageRow]) -> None:
    """Give back messages that were claimed and not begun."""
    for some in chunks(each.transmissions[0].id for each in claimed):
        c.execute(_RELEASE, {"of": some, "by": epoch})


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
    if not c.execute(_FINISH[status], {"of": message_id, "by": epoch, "new_owner": None, "new_error": error}).rowcount:
        return False
    values: dict[str, Any] = {"of": message_id, "new_error": error, "new_filtered": int(filtered)}
    values["new_done"] = None if filtered else c.execute(_next_done(c), {"name": DONE, "value": 1}).scalar_one()
    if fields is None:
        c.execute(_END, values)
    else:
        c.execute(_END_WITH_FIELDS, {**values, "new_fields": dict(fields) or None})
    return True


def recover(c: Conn, epoch: int, now_ms: int) -> int:
    """Give back what dead processes had claimed, ``redelivered`` if an app may have seen it. Returns how many.

    After a power cut that is all of it: that an app had begun may not have reached the disk.
    """
    dead, count = nodes.dead(c, epoch, now_ms), 0
    unsure = nodes.of_earlier_boots(c, dead)
    for some in chunks(dead):
        orphaned = s.is_status(_t.status, Status.RECEIVED), _t.owner.in_(some)
        seen = _t.message_seq, or_(_t.attempts > 0, _t.owner.in_(unsure))
        begun = [seq for seq, was_seen in c.execute(select(*seen).where(*orphaned)) if was_seen]
        count += c.execute(update(s.transmission).where(*orphaned).values(owner=None)).rowcount
        for part in chunks(begun):
            c.execute(update(s.message).where(_m.seq.in_(part)).values(redelivered=1))
    return count


def waiting(c: Conn) -> int:
    """How many messages wait for the router."""
    received = select(func.count()).select_from(s.transmission).where(s.is_status(_t.status, Status.RECEIVED))
    return int(c.execute(received).scalar_one())
