"""What a person may do to a message: cancel, hold, release, resend; and what is refused, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def cancel(c: Conn, message_id: str, now_ms: int, reason: str | None = None) -> Changed:  # noqa: ARG001 - as all verbs
    """Cancel what has not been handed over yet. One that is cancelled already is left as it is, and not refused."""
    values = {"error": reason or "cancelled"}
    return _change(c, message_id, "cancelled", Status.CANCELLED, {Status.QUEUED, Status.HELD}, lambda _row: values)


def hold(c: Conn, message_id: str, now_ms: int) -> Changed:  # noqa: ARG001 - as all verbs
    """Keep what is queued until a person releases it."""
    return _change(c, message_id, "held", Status.HELD, {Status.QUEUED}, lambda _row: {})


def release(c: Conn, message_id: str, now_ms: int) -> Changed:
    """Queue what is held; its due time still counts. One that is queued already is not refused."""
    return _change(c, message_id, "released", Status.QUEUED, {Status.HELD}, lambda row: _ready(row, now_ms))


def resend(c: Conn, message_id: str, now_ms: int) -> Changed:
    """Queue again what failed, expired, was cancelled or is unknown.

    Attempts start from nothing, and an ``expires`` that is over is cleared. What is unknown, or was once, is marked as
    a possible duplicate.
    """
    again = {Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.UNKNOWN}

    def values(row: Row[Any]) -> Mapping[str, Any]:
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

    return _change(c, message_id, "sent again", Status.QUEUED, again, values)


def _ready(row: Row[Any], now_ms: int) -> Mapping[str, Any]:
    return {"ready": int(row.due_ms is None or row.due_ms <= now_ms)}


def _change(
    c: Conn,
    message_id: str,
    done: str,
    to: Status,
    allowed: set[Status],
    values: Callable[[Row[Any]], Mapping[str, Any]],
) -> Changed:
    """Move every transmission of a message that is in one of ``allowed``; those that are ``to`` already are left."""
    wanted = (
        select(s.transmission, s.connection.c.identity)
        .select_from(s.transmission.join(s.message).join(s.connection))
        .where(s.message.c.id == message_id)
        .order_by(_t.id)
        .with_for_update(of=s.transmission)
    )
    rows = c.execute(wanted).all()
    refused = []
    moves: dict[Status, list[dict[str, Any]]] = {}
    for row in rows:
        status = Status(row.status)
        if row.direction == Direction.IN:
            refused.append(f"{row.identity}: it can't be {done}, it came in")
        elif status in allowed:
            moves.setdefault(status, []).append({"id": row.id, **values(row)})
        elif status is not to:
            refused.append(f"{row.identity}: it can't be {done}, {_REASONS[status]}")
    count = sum(move_each(c, status, to, changes, owner=None) for status, changes in moves.items())
    return Changed(count, refused, bool(rows))
