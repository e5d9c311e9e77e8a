"""The queue of what goes out: storing it, and what the clock does to it.

Claiming, settling and the verbs of a person have modules of their own; they are all reached from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select, update

from gateway.errors import GatewayError
from gateway.store import schema as s
from gateway.store.claiming import ClaimRequest, claim, recover
from gateway.store.engine import Conn
from gateway.store.rows import insert, load_messages
from gateway.store.settling import UnknownRule, late, settle, settle_unknowns
from gateway.store.transitions import TRANSITIONS, move
from gateway.store.types import Direction, MessageRow, NewMessage, NewTransmission, Status
from gateway.store.verbs import Changed, cancel, hold, release, resend

__all__ = [
    "TRANSITIONS",
    "Changed",
    "ClaimRequest",
    "KeyConflictError",
    "UnknownRule",
    "cancel",
    "claim",
    "counts",
    "enqueue",
    "expire",
    "hold",
    "late",
    "next_due",
    "promote",
    "recover",
    "release",
    "resend",
    "settle",
    "settle_unknowns",
]

_t = s.transmission.c


class KeyConflictError(GatewayError):
    """A ``key`` was used before with another text or other recipients. ``first_id`` is that message."""

    def __init__(self, key: str, first_id: str, what: str) -> None:
        self.first_id = first_id
        super().__init__(f"the key {key!r} belongs to message {first_id}, which has {what}")


def enqueue(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> tuple[MessageRow, bool]:
    """Store a message with all its recipients; False when its ``key`` was there already (the first is returned).

    ``ageing_ms``: how long a message waits to gain one point of priority. Raises KeyConflictError when the key's
    first message has another text or other recipients.
    """
    stored = insert(c, s.message).values(_message(new, now_ms))
    if new.key is not None:
        taken = s.message.c.key.is_not(None)
        stored = stored.on_conflict_do_nothing(index_elements=[s.message.c.key], index_where=taken)
    seq = c.scalar(stored.returning(s.message.c.seq))
    if seq is None:
        return _first_of_key(c, new), False
    due = now_ms if new.due_ms is None else max(new.due_ms, now_ms)
    bonus = new.priority * ageing_ms
    common = {
        "message_seq": seq,
        "direction": Direction.OUT.value,
        "ready": int(due <= now_ms),
        "rank": due - bonus,
        "bonus": bonus,
        "due_ms": new.due_ms,
        "expires_ms": new.expires_ms,
        "created_ms": now_ms,
    }
    c.execute(s.transmission.insert(), [{**common, **_transmission(each)} for each in new.transmissions])
    return load_messages(c, [seq])[0], True


def _message(new: NewMessage, now_ms: int) -> dict[str, Any]:
    return {
        "id": new.id,
        "direction": Direction.OUT.value,
        "kind": new.kind,
        "text": new.text,
        "fields": dict(new.fields) or None,
        "in_response_to": new.in_response_to,
        "created_ms": now_ms,
        "priority": new.priority,
        "key": new.key,
        "flash": int(new.flash),
        "encoding": new.encoding,
        "on_unknown": new.on_unknown,
    }


def _transmission(new: NewTransmission) -> dict[str, Any]:
    return {
        "connection_id": new.connection_id,
        "lane": new.lane,
        "status": new.status.value,
        "parts": new.parts,
        "encoding": new.encoding,
        "error": new.error,
    }


def _first_of_key(c: Conn, new: NewMessage) -> MessageRow:
    assert new.key is not None
    first = load_messages(c, [c.execute(select(s.message.c.seq).where(s.message.c.key == new.key)).scalar_one()])[0]
    if first.text != new.text:
        raise KeyConflictError(new.key, first.id, "another text")
    recipients = sorted(each.connection.id for each in first.transmissions)
    if recipients != sorted(each.connection_id for each in new.transmissions):
        raise KeyConflictError(new.key, first.id, "other recipients")
    return first


def promote(c: Conn, now_ms: int) -> int:
    """Make ready what has become due. Returns how many."""
    waiting = s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 0), _t.due_ms <= now_ms
    return c.execute(update(s.transmission).where(*waiting).values(ready=1)).rowcount


def expire(c: Conn, now_ms: int) -> int:
    """End what has outlived its ``expires`` in the queue. Returns how many."""
    return sum(
        move(c, status, Status.EXPIRED, _t.expires_ms <= now_ms, error=f"expired while it was {status}")
        for status in (Status.QUEUED, Status.HELD)
    )


def next_due(c: Conn, lanes: Sequence[str]) -> int | None:
    """When the next waiting transmission of these lanes becomes due (ms), None when none waits."""
    waiting = s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 0), _t.lane.in_(lanes)
    found: int | None = c.scalar(select(_t.due_ms).where(*waiting).order_by(_t.due_ms).limit(1))
    return found


def counts(c: Conn) -> dict[tuple[str, Status], int]:
    """How many outgoing transmissions stand in ``queued``, ``held``, ``sending`` and ``unknown``, by lane."""
    found: Counter[tuple[str, Status]] = Counter()
    queued = s.is_status(_t.status, Status.QUEUED)
    groups = [(Status.QUEUED, and_(queued, s.is_flag(_t.ready, ready))) for ready in (1, 0)]
    groups += [(each, s.is_status(_t.status, each)) for each in (Status.HELD, Status.SENDING, Status.UNKNOWN)]
    for status, which in groups:
        for lane, count in c.execute(select(_t.lane, func.count()).where(which).group_by(_t.lane)):
            found[lane, status] += count
    return dict(found)
