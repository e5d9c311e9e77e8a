"""Forgetting what is old, in small batches, so that nobody waits for it."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, select

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.receipts import forget_parked
from gateway.store.types import Status

_OPEN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.RECEIVED)


def forget(c: Conn, before_ms: int, limit: int = 500) -> int:
    """Delete messages of before ``before_ms`` that are finished, with all that hangs on them, the oldest first.

    Returns how many, 0 when no more are left: at most ``limit``, and of messages with many recipients so few that about
    as many transmissions go. What still waits, is under way or in doubt stays, and so do connections and contacts.
    It reads the whole table when little is old: once a day is enough.
    """
    t = s.transmission.c
    waits = exists().where(t.message_seq == s.message.c.seq, t.status.in_([status.value for status in _OPEN]))
    m = s.message.c
    recipients = select(func.count()).where(t.message_seq == m.seq).scalar_subquery()
    old = select(m.seq, recipients).where(m.created_ms < before_ms, ~waits).order_by(m.seq).limit(limit)
    seqs: list[int] = []
    room = limit
    for seq, rows in c.execute(old):
        if room <= 0:
            break
        seqs.append(seq)
        room -= rows
    if seqs:
        c.execute(delete(s.message).where(s.message.c.seq.in_(seqs)))
    forget_parked(c, before_ms)
    unmatched = s.receipt.c.transmission_id.is_(None), s.receipt.c.received_ms < before_ms
    c.execute(delete(s.receipt).where(*unmatched))
    _s = s.submission.c
    gone = _s.message_id.is_(None) | ~exists().where(s.message.c.id == _s.message_id)
    c.execute(delete(s.submission).where(_s.created_ms < before_ms, gone))
    c.execute(delete(s.request).where(s.request.c.created_ms < before_ms))
    return len(seqs)
