"""What users of the SMPP server hand in: parts that wait for each other, and messages whose receipts they want."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from drivers.base import Encoding, Incoming
from drivers.text import segments
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.joining import storable
from gateway.store.rows import chunks
from gateway.store.types import Status

LATE_MS = 86_400_000
"""How long a part waits for the others."""
LOOK = 500
"""Receipts that are made at once."""

_s = s.submission.c
_t = s.transmission.c
_FINAL = {
    Status.DELIVERED: "DELIVRD",
    Status.FAILED: "UNDELIV",
    Status.EXPIRED: "EXPIRED",
    Status.CANCELLED: "DELETED",
}
"""What a receipt says of a status that doesn't change any more (SMPP 3.4 appendix B)."""
SUCCESS_OR_FAILURE, FAILURE = 1, 2
"""registered_delivery (SMPP 3.4 §5.2.17)."""


def wanted(registered: int) -> bool:
    """Whether a receipt is wanted at all."""
    return registered & 3 in (SUCCESS_OR_FAILURE, FAILURE)


def text_of(incoming: Incoming) -> str:
    """The text of a submission that is a message by itself; none of a binary one."""
    if incoming.encoding is Encoding.BINARY:
        return ""
    return storable(segments.join(incoming.encoding, [(incoming.payload, *incoming.shift)]))


def keep(c: Conn, incoming: Sequence[Incoming], message_ids: Mapping[str, str], now_ms: int) -> None:
    """Store submissions. ``message_ids``: by key, the gateway's message; those that have none are parts that wait."""
    rows = [
        {
            "id": each.fields["id"],
            "user": each.fields["user"],
            "message_id": message_ids.get(each.key),
            "wishes": dict(each.fields),
            "open": int(each.key in message_ids and wanted(each.fields["registered"])),
            "sender": storable(each.sender),
            "to": storable(each.to or ""),
            "reference": (each.reference or 0) if each.total > 1 else None,
            "total": each.total,
            "number": each.index,
            "encoding": each.encoding.value,
            "locking": each.shift[0],
            "single": each.shift[1],
            "payload": each.payload if each.total > 1 else None,
            "created_ms": now_ms,
        }
        for each in incoming
    ]
    if rows:
        c.execute(s.submission.insert(), rows)


def whole(c: Conn, user: str, of: Incoming, now_ms: int) -> tuple[list[str], str, bytes] | None:
    """The parts that belong to ``of``, once all are there: their ids, the text, the octets of a binary message.

    Of parts that came twice the later ones count, and all of them belong to the message.
    """
    same = (
        _s.user == user, _s.reference == (of.reference or 0), _s.message_id.is_(None), _s.reference.is_not(None),
        _s.total == of.total, _s.sender == storable(of.sender), _s.to == storable(of.to or ""),
        _s.created_ms > now_ms - LATE_MS,
    )  # fmt: skip
    rows = c.execute(select(s.submission).where(*same).order_by(_s.created_ms, _s.id)).all()
    parts = {row.number: row for row in rows}
    if set(parts) != set(range(1, of.total + 1)):
        return None
    ordered = [parts[number] for number in sorted(parts)]
    if of.encoding is Encoding.BINARY:
        return [row.id for row in rows], "", b"".join(row.payload for row in ordered)
    text = segments.join(of.encoding, [(row.payload, row.locking, row.single) for row in ordered])
    return [row.id for row in rows], storable(text), b""


def join(c: Conn, ids: Iterable[str], message_id: str) -> None:
    """These parts have become a message."""
    for some in chunks(ids):
        rows = c.execute(select(_s.id, _s.wishes).where(_s.id.in_(some))).all()
        for row in rows:
            opened = int(wanted(row.wishes["registered"]))
            c.execute(
                update(s.submission).where(_s.id == row.id).values(message_id=message_id, open=opened, payload=None)
            )


def look_again(c: Conn) -> None:
    """Judge all that is open anew: which devices report may have changed meanwhile."""
    c.execute(update(s.submission).where(s.is_flag(_s.open, 1)).values(open=2))


def settled(c: Conn, silent: Collection[str], now_ms: int) -> int:
    """Make receipts of what has come to an end. ``silent``: devices that never report, so ``sent`` is the end.

    Returns how many were looked at.
    """
    rows = c.execute(
        select(_s.id, _s.user, _s.wishes, _t.status, _t.device)
        .select_from(s.submission.join(s.message, s.message.c.id == _s.message_id).join(s.transmission))
        .where(s.is_flag(_s.open, 2))
        .order_by(_s.id)
        .limit(LOOK)
        .with_for_update(of=s.submission)
    ).all()
    ended = [row for row in rows if row.status in _FINAL or (row.status == Status.SENT and row.device in silent)]
    made = [
        {"user": row.user, "receipt": receipt, "due_ms": now_ms, "created_ms": now_ms}
        for row in ended
        if (receipt := _receipt(row.id, row.wishes, Status(row.status), now_ms))
    ]
    if made:
        c.execute(s.handout.insert(), made)
    done = {row.id for row in ended}
    for state, ids in ((0, done), (1, {row.id for row in rows} - done)):
        for some in chunks(ids):
            c.execute(update(s.submission).where(_s.id.in_(some)).values(open=state))
    return len(rows)


def _receipt(submission_id: str, wishes: Mapping[str, Any], status: Status, now_ms: int) -> dict[str, Any] | None:
    state = _FINAL.get(status, "ACCEPTD")
    if wishes["registered"] & 3 == FAILURE and status in (Status.DELIVERED, Status.SENT):
        return None
    kept = ("source", "destination", "submitted", "tlvs")
    done = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%y%m%d%H%M")
    return {"id": submission_id, "state": state, "done": done, **{name: wishes[name] for name in kept}}
