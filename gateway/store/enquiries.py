"""What users of the SMPP server ask about their submissions, and what of them they may still change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, update

from drivers.base import Asked, Encoding, Inquiry, Reply
from drivers.text import segments
from gateway.store import schema as s
from gateway.store import verbs
from gateway.store.engine import Conn
from gateway.store.types import Status

_s = s.submission.c
_t = s.transmission.c
ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE = 1, 2, 3, 4, 5
_STATES = {
    Status.DELIVERED: DELIVERED,
    Status.FAILED: UNDELIVERABLE,
    Status.EXPIRED: EXPIRED,
    Status.CANCELLED: DELETED,
}
"""message_state of an end (SMPP 3.4 §5.2.28); until then a message is on its way."""
_PART: Select[Any] = select(_s.id, _s.message_id, _s.user, _s.sender)
_MESSAGE = (
    select(s.message.c.id, s.message.c.encoding, s.message.c.fields, _t.id.label("transmission"), _t.status, _t.parts)
    .add_columns(func.coalesce(_t.delivered_ms, _t.sent_ms, _t.created_ms).label("at_ms"))
    .select_from(s.message.join(s.transmission))
)


def answer(c: Conn, asked: Asked, now_ms: int) -> Reply:
    """Do what a user asks, as far as it can still be done; what isn't the user's own is not found."""
    # Submissions are kept where a receipt is wanted or more parts are awaited; others are their message.
    part: Row[Any] | None = c.execute(_PART.where(_s.id == asked.reference, _s.user == asked.user)).first()
    if part is not None and part.message_id is None:
        return _of_part(c, asked, part)
    named = asked.reference if part is None else part.message_id
    row = c.execute(_MESSAGE.where(s.message.c.id == named)).first()
    fields = (row.fields or {}) if row is not None else {}
    if row is None or fields.get("user") != asked.user or not _same(fields.get("source"), asked.source):
        return Reply(asked.key, done=False)
    if asked.what is Inquiry.QUERY:
        return _state(asked, row)
    if asked.what is Inquiry.CANCEL:
        return Reply(asked.key, done=verbs.cancel(c, row.id, now_ms).count > 0)
    return Reply(asked.key, done=_replace(c, row, asked.text))


def _same(sender: str | None, address: str) -> bool:
    return (sender or "").removeprefix("+") == address.removeprefix("+")


def _of_part(c: Conn, asked: Asked, part: Row[Any]) -> Reply:
    """A part that waits for others; cancelled it is forgotten, and so its message never becomes whole."""
    if not _same(part.sender, asked.source) or asked.what is Inquiry.REPLACE:
        return Reply(asked.key, done=False)
    if asked.what is Inquiry.CANCEL:
        c.execute(delete(s.submission).where(_s.id == part.id))
    return Reply(asked.key, done=True, state=ENROUTE)


def _state(asked: Asked, row: Row[Any]) -> Reply:
    state = _STATES.get(Status(row.status), ENROUTE)
    if state == ENROUTE:
        return Reply(asked.key, done=True, state=state)
    final = datetime.fromtimestamp(row.at_ms / 1000, UTC).strftime("%y%m%d%H%M%S000+")
    return Reply(asked.key, done=True, state=state, final=final)


def _replace(c: Conn, row: Row[Any], text: str) -> bool:
    """What has not left and is one part, by a text that is one part too; a receipt stays as it was asked for."""
    waits = row.status in (Status.QUEUED, Status.HELD)
    binary = "data" in (row.fields or {})
    if not waits or not text or binary or row.parts != 1 or row.encoding not in (None, Encoding.GSM7.value):
        return False
    parts = segments.split(text, reference=0)
    if len(parts) != 1 or parts[0].encoding is not Encoding.GSM7:
        return False
    c.execute(update(s.message).where(s.message.c.id == row.id).values(text=text))
    c.execute(update(s.transmission).where(_t.id == row.transmission).values(encoding=Encoding.GSM7.value))
    return True
