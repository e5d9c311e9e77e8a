"""What a person may do to a message: cancel, hold, release, resend; and what is refused, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.transitions import move_each
from gateway.store.types import Direction, Status

_t = s.transmission.c


@dataclass(frozen=True, slots=True)
class Changed:
    """What a person's verb did to a message. ``refused``: one sentence for each transmission that forbids it."""

    count: int
    refused: list[str] = field(default_factory=list)
    known: bool = True
    """False when there is no such message."""


_REASONS = {
    Status.QUEUED: "it is queued already",
    Status.HELD: "it is held (release it)",
    Status.SENDING: "it is with a device now",
    Status.SENT: "it was sent",
    Status.DELIVERED: "it was delivered",
    Status.FAILED: "it failed (resend it)",
    Status.UNKNOWN: "it may have been sent (resend it, or wait)",
    Status.EXPIRED: "it expired (resend it)",
    Status.CANCELLED: "it was cancelled (resend it)",
}


@dataclass(frozen=True, slots=True)
class Verb:
    """What a person may do: ``done`` in words, from which statuses, to which, and what is written besides."""

    done: str
    allowed: frozenset[Status]
    to: Status
    values: Callable[[Row[Any], int], Mapping[str, Any]]


def _again(row: Row[Any], now_ms: int) -> Mapping[str, Any]:
    expired = row.expires_ms is not None and row.expires_ms <= now_ms
    return {
        "rank": now_ms - row.bonus,
        "ready": 1,
        "due_ms": None,
        "expires_ms": None if expired else row.expires_ms,
        "attempts": 0,
        "error": None,
        "doubt_ms": None,
        "partial": int(row.status == Status.UNKNOWN and row.parts > 1),
        "possible_duplicate": int(row.possible_duplicate or row.status == Status.UNKNOWN),
    }


def _ready(row: Row[Any], now_ms: int) -> Mapping[str, Any]:
    return {"ready": int(row.due_ms is None or row.due_ms <= now_ms)}


_UNSENT = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.UNKNOWN})
VERBS: Mapping[str, Verb] = {
    "cancel": Verb("cancelled", frozenset({Status.QUEUED, Status.HELD}), Status.CANCELLED, lambda _r, _n: {}),
    "hold": Verb("held", frozenset({Status.QUEUED}), Status.HELD, lambda _r, _n: {}),
    "release": Verb("released", frozenset({Status.HELD}), Status.QUEUED, _ready),
    "resend": Verb("sent again", _UNSENT, Status.QUEUED, _again),
}


def cancel(c: Conn, message_id: str, now_ms: int, reason: str | None = None) -> Changed:
    """Cancel what has not been handed over yet. One that is cancelled already is left as it is, and not refused."""
    return _change(c, message_id, VERBS["cancel"], now_ms, error=reason or "cancelled")


def hold(c: Conn, message_id: str, now_ms: int) -> Changed:
    """Keep what is queued until a person releases it."""
    return _change(c, message_id, VERBS["hold"], now_ms)


def release(c: Conn, message_id: str, now_ms: int) -> Changed:
    """Queue what is held; its due time still counts. One that is queued already is not refused."""
    return _change(c, message_id, VERBS["release"], now_ms)


def resend(c: Conn, message_id: str, now_ms: int) -> Changed:
    """Queue again what failed, expired, was cancelled or is unknown.

    Attempts start from nothing, and an ``expires`` that is over is cleared. What is unknown, or was once, is marked as
    a possible duplicate.
    """
    return _change(c, message_id, VERBS["resend"], now_ms)


def _change(c: Conn, message_id: str, verb: Verb, now_ms: int, **common: Any) -> Changed:
    """Move every transmission of a message that may be; those that are where the verb leads are left."""
    wanted = (
        select(s.transmission, s.connection.c.identity)
        .select_from(s.transmission.join(s.message).join(s.connection))
        .where(s.message.c.id == message_id)
        .order_by(_t.id)
        .with_for_update(of=s.transmission)
    )
    rows = c.execute(wanted).all()
    refused, moved = [], []
    for row in rows:
        status = Status(row.status)
        if row.direction == Direction.IN:
            refused.append(f"{row.identity}: it can't be {verb.done}, it came in")
        elif status in verb.allowed:
            moved.append(row)
        elif status is not verb.to:
            refused.append(f"{row.identity}: it can't be {verb.done}, {_REASONS[status]}")
    return Changed(apply(c, verb, moved, now_ms, **common), refused, bool(rows))


def apply(c: Conn, verb: Verb, rows: Iterable[Row[Any]], now_ms: int, **common: Any) -> int:
    """Do it to these rows of ``transmission``, each in a status that allows it. Returns how many."""
    moves: dict[Status, list[dict[str, Any]]] = {}
    for row in rows:
        moves.setdefault(Status(row.status), []).append({"id": row.id, **verb.values(row, now_ms)})
    return sum(move_each(c, status, verb.to, changes, owner=None, **common) for status, changes in moves.items())
