"""The queue of what goes out: storing it, and what the clock does to it.

Claiming, settling and the verbs of a person have modules of their own; they are all reached from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Table, and_, bindparam, func, select, update

from gateway.errors import GatewayError
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.claiming import ClaimRequest, claim, recover
from gateway.store.engine import Conn
from gateway.store.rows import load_messages, many, per_database
from gateway.store.settling import UnknownRule, late, settle, settle_unknowns
from gateway.store.transitions import TRANSITIONS, moving
from gateway.store.types import Direction, MessageRow, NewMessage, NewTransmission, Status
from gateway.store.verbs import Changed, cancel, hold, release, resend

if TYPE_CHECKING:
    from gateway.store.rows import Insert

__all__ = [
    "TRANSITIONS",
    "Changed",
    "ClaimRequest",
    "KeyConflictError",
    "UnknownRule",
    "add",
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
_NEW_MESSAGE = s.message.insert().returning(s.message.c.seq)
_NEW_TRANSMISSION = s.transmission.insert()
_WAITING = s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 0)
_PROMOTE = update(s.transmission).where(*_WAITING, _t.due_ms <= bindparam("now")).values(ready=1)
_PROMOTE_REPEATED = _PROMOTE.where(_t.attempts > 0)
_NEXT_DUE = select(_t.due_ms).where(*_WAITING, among(_t.lane, "lanes")).order_by(_t.due_ms).limit(1)
_EXPIRING = {
    status: moving(status, Status.EXPIRED, _t.expires_ms <= bindparam("now"), "error")
    for status in (Status.QUEUED, Status.HELD)
}
_OF_KEY = select(s.message.c.seq).where(s.message.c.key == bindparam("wanted"))


@per_database
def _new_key(insert: Callable[[Table], Insert]) -> Executable:
    known = s.message.c.key
    new = insert(s.message).on_conflict_do_nothing(index_elements=[known], index_where=known.is_not(None))
    return new.returning(s.message.c.seq)


class KeyConflictError(GatewayError):
    """A ``key`` was used before with another text or other recipients. ``first_id`` is that message."""

    def __init__(self, key: str, first_id: str, what: str) -> None:
        self.first_id = first_id
        super().__init__(
            f"the key {key!r} was used before, for message {first_id}, with {what}; a key stands for one message"
        )


def enqueue(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> tuple[MessageRow, bool]:
    """Store a message with all its recipients; False when its ``key`` was there already (the first is returned).

    ``ageing_ms``: how long a message waits to gain one point of priority. Raises KeyConflictError when the key's
    first message has another text or other recipients.
    """
    seq = _store(c, new, now_ms, ageing_ms)
    return (_first_of_key(c, new), False) if seq is None else (load_messages(c, [seq])[0], True)


def add(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> None:
    """As ``enqueue``, for who doesn't want to see what was stored."""
    if _store(c, new, now_ms, ageing_ms) is None:
        _first_of_key(c, new)


def _store(c: Conn, new: NewMessage, now_ms: int, ageing_ms: int) -> int | None:
    """The ``seq`` of the message; None when its ``key`` was there already."""
    stored = _NEW_MESSAGE if new.key is None else _new_key(c)
    seq: int | None = c.scalar(stored, _message(new, now_ms))
    if seq is None:
        return None
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
    many(c, _NEW_TRANSMISSION, [{**common, **_transmission(each)} for each in new.transmissions])
    return seq


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
    first = load_messages(c, [c.execute(_OF_KEY, {"wanted": new.key}).scalar_one()])[0]
    if first.text != new.text:
        raise KeyConflictError(new.key, first.id, "another text")
    recipients = sorted(each.connection.id for each in first.transmissions)
    if recipients != sorted(each.connection_id for each in new.transmissions):
        raise KeyConflictError(new.key, first.id, "other recipients")
    return first


def promote(c: Conn, now_ms: int, *, only_repeated: bool = False) -> int:
    """Make ready what has become due; ``only_repeated``: what was tried before, and waits for no moment of the clock.
    Returns how many."""
    return c.execute(_PROMOTE_REPEATED if only_repeated else _PROMOTE, {"now": now_ms}).rowcount


def expire(c: Conn, now_ms: int) -> int:
    """End what has outlived its ``expires`` in the queue. Returns how many."""
    return sum(
        c.execute(ending, {"now": now_ms, "new_error": f"expired while it was {status}"}).rowcount
        for status, ending in _EXPIRING.items()
    )


def next_due(c: Conn, lanes: Sequence[str]) -> int | None:
    """When the next waiting transmission of these lanes becomes due (ms), None when none waits."""
    found: int | None = c.scalar(_NEXT_DUE, {"lanes": list(lanes)})
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
