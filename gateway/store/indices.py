"""The indices beside those that the columns of ``schema`` name. Only migrations and tests need them as objects.

They have a module of their own because SQLAlchemy imports every dialect that an index has a word for, and the dialect
of PostgreSQL costs a command on SQLite a tenth of a second.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Index, and_, literal_column

from gateway.store.schema import (
    QUEUED,
    change,
    handout,
    inpart,
    is_flag,
    is_status,
    message,
    metadata,
    node,
    parked,
    part,
    request,
    submission,
    transmission,
)

__all__ = ["metadata"]


def partial(name: str, *columns: Any, where: ColumnElement[bool], unique: bool = False) -> Index:
    """A partial index, alike on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_t = transmission.c

partial("ix_queue", _t.lane, _t.rank, _t.id, where=and_(QUEUED, is_flag(_t.ready, 1)))
partial("ix_due", _t.due_ms, where=and_(QUEUED, is_flag(_t.ready, 0)))
partial("ix_expires", _t.expires_ms, where=and_(is_status(_t.status, "queued", "held"), _t.expires_ms.is_not(None)))
partial("ix_sending", _t.owner, where=is_status(_t.status, "sending"))
partial("ix_received", _t.id, where=is_status(_t.status, "received"))
partial("ix_odd", _t.status, _t.id, where=is_status(_t.status, "held", "unknown", "failed", "expired", "cancelled"))
Index("ix_transmission_connection", _t.connection_id, _t.id)
partial("ix_key", message.c.key, where=message.c.key.is_not(None), unique=True)
partial("ix_done", message.c.done, where=message.c.done.is_not(None), unique=True)
partial("ix_response", message.c.in_response_to, where=message.c.in_response_to.is_not(None))
partial("ix_reference", part.c.reference, part.c.tail, where=part.c.reference.is_not(None))
partial("ix_group", inpart.c.sender, inpart.c.reference, where=inpart.c.reference.is_not(None))
partial("ix_inpart_group", inpart.c.group_id, where=inpart.c.group_id.is_not(None))
partial("ix_incomplete", inpart.c.device, where=and_(inpart.c.reference.is_not(None), inpart.c.message_seq.is_(None)))
partial(
    "ix_doubt",
    part.c.tail,
    where=and_(is_status(part.c.outcome, "unknown"), part.c.reference.is_(None), part.c.receipt.is_(None)),
)
Index("ix_change", change.c.name, change.c.id)
Index("ix_parked_receipt", parked.c.receipt_id)
_r = request.c
partial("ix_open_request", _r.device, _r.id, where=and_(_r.taken_ms.is_(None), _r.answered_ms.is_(None)))
partial("ix_alive", node.c.epoch, where=node.c.ended_ms.is_(None))
partial("ix_submission_message", submission.c.message_id, where=submission.c.open > literal_column("0"))
partial("ix_submission_ready", submission.c.id, where=is_flag(submission.c.open, 2))
partial(
    "ix_submission_part",
    submission.c.user,
    submission.c.reference,
    where=and_(submission.c.reference.is_not(None), submission.c.message_id.is_(None)),
)
Index("ix_handout_user", handout.c.user, handout.c.id)
