"""What a carrier has accepted and not reported on: the parts that it can be asked about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, or_, select, update

from drivers.base import Outcome, ReceiptStatus
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.types import Status

_t = s.transmission.c
_p = s.part.c


@dataclass(frozen=True, slots=True)
class Held:
    """One submit_sm that a carrier took. ``source``: the sender, where the message names one."""

    attempt: int
    number: int
    device: str
    reference: str
    destination: str
    source: str | None
    sent_ms: int


def _open() -> Select[Any]:
    return (
        select(_p.attempt_id, _p.number, s.attempt.c.device, _p.reference, s.connection.c.identity)
        .add_columns(s.message.c.fields, _t.sent_ms)
        .select_from(s.part.join(s.attempt).join(s.transmission).join(s.connection).join(s.message))
        .where(s.is_status(_t.status, Status.SENT), s.is_status(_p.outcome, Outcome.ACCEPTED))
        .where(_p.reference.is_not(None), or_(_p.receipt.is_(None), s.is_status(_p.receipt, ReceiptStatus.PENDING)))
    )


def of_message(c: Conn, message_id: str) -> list[Held]:
    """The parts of a message that are with a carrier."""
    wanted = _open().where(s.message.c.id == message_id).order_by(_p.attempt_id, _p.number)
    return _held(c.execute(wanted))


def overdue(c: Conn, device: str, since_ms: int, until_ms: int, most: int) -> list[Held]:
    """The parts that an account sent between these two times, the newest first."""
    sent = _t.sent_ms.between(since_ms, until_ms)
    wanted = _open().where(_t.device == device, s.attempt.c.device == device, sent)
    return _held(c.execute(wanted.order_by(_t.sent_ms.desc()).limit(most)))


def _held(rows: Iterable[Row[Any]]) -> list[Held]:
    """One for each PDU: a long text in one PDU has the same reference in all of its parts."""
    found: dict[tuple[int, str], Held] = {}
    for row in rows:
        source = (row.fields or {}).get("source")
        held = Held(
            row.attempt_id, row.number, row.device, row.reference, row.identity,
            source if isinstance(source, str) and source else None, row.sent_ms or 0,
        )  # fmt: skip
        found.setdefault((held.attempt, held.reference), held)
    return list(found.values())


def replaced(c: Conn, message_id: str, text: str) -> None:
    """The carrier has put ``text`` in the place of a message's text; what it was stays in ``fields``."""
    row = c.execute(select(s.message.c.text, s.message.c.fields).where(s.message.c.id == message_id)).one_or_none()
    if row is None:
        return  # it is forgotten by now
    fields = {"replaced_text": row.text, **(row.fields or {})}
    c.execute(update(s.message).where(s.message.c.id == message_id).values(text=text, fields=fields))
