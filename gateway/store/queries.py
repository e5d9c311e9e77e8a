"""Reading messages: for the API, ``messages``, ``show`` and ``explain``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, or_, select

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import chunks, load_messages, select_transmissions, to_message, to_transmission
from gateway.store.types import (
    AttemptRow,
    Direction,
    MessageRow,
    PartRow,
    ReceiptRow,
    Status,
    TransmissionRow,
)

_t = s.transmission.c
_SEQ = select(s.message.c.seq).where(s.message.c.id == bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which transmissions to list. None is any."""

    direction: Direction | None = None
    status: Status | None = None
    backend: str | None = None
    identity: str | None = None
    device: str | None = None
    limit: int = 100
    after: int | None = None
    """Only transmissions with a larger id, the oldest first (``--follow``); else the newest ``limit``."""


def message(c: Conn, message_id: str) -> MessageRow | None:
    """One message with all its transmissions."""
    found = c.scalars(_SEQ, {"wanted": message_id}).all()
    return next(iter(load_messages(c, found)), None)


def messages(c: Conn, which: MessageFilter) -> list[tuple[TransmissionRow, MessageRow]]:
    """Transmissions with their message, the newest last. The MessageRow holds only the transmission listed."""
    wanted = _where(select_transmissions(), which).limit(which.limit)
    if which.after is not None:
        rows = c.execute(wanted.where(_t.id > which.after).order_by(_t.id)).all()
    else:
        rows = list(reversed(c.execute(wanted.order_by(_t.id.desc())).all()))
    of = _messages(c, {row.message_seq for row in rows})
    listed = []
    for row in rows:
        transmission = to_transmission(row, of[row.message_seq].id)
        listed.append((transmission, to_message(of[row.message_seq], [transmission])))
    return listed


def _where(wanted: Select[Any], which: MessageFilter) -> Select[Any]:
    if which.direction is not None:
        wanted = wanted.where(_t.direction == which.direction.value)
    if which.status is not None:
        wanted = wanted.where(s.is_status(_t.status, which.status))
    if which.backend is not None:
        wanted = wanted.where(s.backend.c.name == which.backend)
    if which.identity is not None:
        wanted = wanted.where(s.connection.c.identity == which.identity)
    if which.device is not None:
        wanted = wanted.where(_t.device == which.device)
    return wanted


def _messages(c: Conn, seqs: Iterable[int]) -> dict[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for some in chunks(seqs):
        found |= {row.seq: row for row in c.execute(select(s.message).where(s.message.c.seq.in_(some)))}
    return found


def transmission(c: Conn, transmission_id: int) -> tuple[TransmissionRow, MessageRow] | None:
    """One transmission with its message. The MessageRow holds only this transmission."""
    row = c.execute(select_transmissions().where(_t.id == transmission_id)).one_or_none()
    if row is None:
        return None
    of = _messages(c, [row.message_seq])[row.message_seq]
    found = to_transmission(row, of.id)
    return found, to_message(of, [found])


def attempts(c: Conn, transmission_id: int) -> list[AttemptRow]:
    """The attempts of one transmission with their parts, the oldest first."""
    parts: dict[int, list[PartRow]] = {}
    of_this = s.attempt.c.transmission_id == transmission_id
    journal = select(s.part).select_from(s.part.join(s.attempt)).where(of_this).order_by(s.part.c.number)
    for row in c.execute(journal):
        part = PartRow(row.number, row.outcome, row.reference, row.code, row.reason or "", row.answered_ms, row.receipt)
        parts.setdefault(row.attempt_id, []).append(part)
    rows = (
        select(s.attempt, s.node.c.name.label("node"))
        .select_from(s.attempt.outerjoin(s.node, s.node.c.epoch == s.attempt.c.epoch))
        .where(of_this)
        .order_by(s.attempt.c.id)
    )
    return [
        AttemptRow(
            id=row.id,
            number=row.number,
            device=row.device,
            node=row.node or "",
            started_ms=row.started_ms,
            ended_ms=row.ended_ms,
            outcome=row.outcome,
            error=row.error,
            parts=tuple(parts.get(row.id, [])),
        )
        for row in c.execute(rows)
    ]


def receipts(c: Conn, transmission_id: int) -> list[ReceiptRow]:
    """The receipts of one transmission, the oldest first."""
    r = s.receipt.c
    columns = (r.id, r.device, r.number, r.reference, r.status, r.code, r.reason, r.received_ms)
    rows = select(*columns).where(r.transmission_id == transmission_id).order_by(r.id)
    return [ReceiptRow(*row) for row in c.execute(rows)]


def responses(c: Conn, message_id: str) -> list[MessageRow]:
    """The messages that were sent in response to this one, the oldest first."""
    wanted = select(s.message.c.seq).where(s.message.c.in_response_to == message_id).order_by(s.message.c.seq)
    return load_messages(c, c.scalars(wanted).all())


def heard_from(c: Conn, identities: Iterable[str]) -> dict[str, str]:
    """By number, the device that last heard from it (for the strategy ``sticky``)."""
    found: dict[str, str] = {}
    for some in chunks(identities):
        rows = (
            select(s.connection.c.identity, _t.device)
            .select_from(s.transmission.join(s.connection))
            .where(s.connection.c.identity.in_(some), _t.direction == Direction.IN.value, _t.device.is_not(None))
            .order_by(_t.id)
        )
        found |= {row.identity: row.device for row in c.execute(rows)}
    return found


def oldest_queued(c: Conn) -> dict[str, int]:
    """By lane, since when (ms) the first transmission that is due has waited."""
    waiting = s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 1)
    found: dict[str, int] = {}
    lane = c.scalar(select(func.min(_t.lane)).where(*waiting))
    while lane is not None:  # from lane to lane: each is one look into the index, however many wait
        first = select(_t.created_ms).where(*waiting, _t.lane == lane).order_by(_t.rank, _t.id).limit(1)
        found[lane] = c.execute(first).scalar_one()
        lane = c.scalar(select(func.min(_t.lane)).where(*waiting, _t.lane > lane))
    return found


def ahead(c: Conn, transmission_id: int) -> int:
    """How many transmissions of the same lane would be claimed before this one."""
    this = c.execute(select(_t.lane, _t.rank).where(_t.id == transmission_id)).one_or_none()
    if this is None:
        return 0
    waiting = s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 1), _t.lane == this.lane
    earlier = or_(_t.rank < this.rank, and_(_t.rank == this.rank, _t.id < transmission_id))
    return c.scalar(select(func.count()).select_from(s.transmission).where(*waiting, earlier)) or 0
