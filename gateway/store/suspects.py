"""What a device had handed in shortly before its process died: the network may not have our answer and repeat it."""

from __future__ import annotations

from sqlalchemy import select

from gateway.store import schema as s
from gateway.store.engine import Conn

SETTLED_MS = 60_000
"""What was stored so long before the death was surely acknowledged."""
MOST = 10_000
START_MS = 600_000
"""How long after a start the death before it is still of interest: repetitions come soon after the first bind."""

_i = s.inpart.c
_n = s.node.c


def stored_since(c: Conn, device: str, died_ms: int) -> list[tuple[str, str]]:
    """(session, fingerprint) of each PDU of a device that was stored shortly before ``died_ms`` or later, in order."""
    recent = _i.device == device, _i.received_ms > died_ms - SETTLED_MS
    rows = c.execute(select(_i.session, _i.fingerprint).where(*recent).order_by(_i.id.desc()).limit(MOST)).all()
    return [(row.session, row.fingerprint) for row in reversed(rows)]


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
