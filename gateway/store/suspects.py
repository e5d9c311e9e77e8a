"""What was open between a device and the network when its service died: PDUs that the network may repeat, and a part
that a modem may still answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from drivers.base import Outcome
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.types import Status

SETTLED_MS = 60_000
"""What was stored so long before the death was surely acknowledged."""
MOST = 10_000
MOST_OWED = 8
START_MS = 600_000
"""How long after a start the death before it is still of interest: repetitions come soon after the first bind."""

_i = s.inpart.c
_n = s.node.c


def stored_since(c: Conn, device: str, died_ms: int) -> list[tuple[str, str]]:
    """(session, fingerprint) of each PDU of a device that was stored shortly before ``died_ms`` or later, in order."""
    recent = _i.device == device, _i.received_ms > died_ms - SETTLED_MS
    rows = c.execute(select(_i.session, _i.fingerprint).where(*recent).order_by(_i.id.desc()).limit(MOST)).all()
    return [(row.session, row.fingerprint) for row in reversed(rows)]


@dataclass(frozen=True, slots=True)
class Owed:
    """Parts of which one was with a modem when its service died, in the order in which they were to leave."""

    reference: int | None
    """TP-MR of the last answer before them."""
    parts: tuple[tuple[int, int], ...]
    """(attempt, part)"""
    started_ms: int
    """When the last of them was claimed."""


def unanswered(c: Conn, device: str) -> Owed | None:
    """What the death of its service left open at a device that takes one part after the other; None when nothing is.

    Those are the last attempts of the device, as far as they ended together, when they were found.
    """
    a, p = s.attempt.c, s.part.c
    newest = c.scalar(select(func.max(a.id))) or 0
    mine = a.device == device, a.id > newest - MOST
    last = c.execute(select(a.ended_ms, a.outcome).where(*mine).order_by(a.id.desc()).limit(1)).one_or_none()
    if last is None or last.outcome != Status.UNKNOWN:
        return None
    together = *mine, a.outcome == Status.UNKNOWN.value, a.ended_ms == last.ended_ms
    doubtful = s.is_status(p.outcome, Outcome.UNKNOWN), p.reference.is_(None)
    parts = select(p.attempt_id, p.number, a.started_ms).select_from(s.part.join(s.attempt)).where(*together, *doubtful)
    rows = c.execute(parts.order_by(p.attempt_id, p.number).limit(MOST_OWED)).all()
    if not rows:
        return None
    before = select(p.reference).select_from(s.part.join(s.attempt)).where(*mine, p.reference.is_not(None))
    said = c.scalar(before.order_by(p.attempt_id.desc(), p.number.desc()).limit(1))
    reference = int(said) if said and said.isdecimal() else None
    return Owed(reference, tuple((row.attempt_id, row.number) for row in rows), rows[-1].started_ms)


def died_ms(c: Conn, epoch: int, now_ms: int) -> int | None:
    """The last sign of life of the service before ``epoch`` on its node.

    None when there was none, when it ended by itself, or when ``epoch`` has been at work for long. A service that ends
    writes down when, within its lease; a dead one is declared so by its successor, or later.
    """
    ours = c.execute(select(_n.name, _n.role, _n.started_ms).where(_n.epoch == epoch)).one_or_none()
    if ours is None or now_ms > ours.started_ms + START_MS:
        return None
    before = _n.name == ours.name, _n.role == ours.role, _n.epoch < epoch
    last = c.execute(select(s.node).where(*before).order_by(_n.epoch.desc()).limit(1)).one_or_none()
    if last is None:
        return None
    by_itself = last.ended_ms is not None and last.ended_ms < min(ours.started_ms, last.lease_until_ms)
    return None if by_itself else int(last.lease_until_ms - last.lease_ms)
