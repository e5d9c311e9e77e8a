"""Changes of status, told once to each name that asked for them.

A trigger copies each change of an outgoing transmission, in its own commit, for every name in ``listener`` that has
``statuses``; where nobody asked it copies nothing. ``sending`` lasts moments and is left out. A copy is deleted when
it is acknowledged, or with its transmission.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import delete, or_, select, update

from gateway.store import nodes
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import chunks, select_transmissions, to_transmission
from gateway.store.types import Status, TransmissionRow

_c = s.change.c
_l = s.listener.c


def ask(c: Conn, name: str) -> bool:
    """Tell ``name`` of changes from now on. False when the name listens to messages already."""
    statuses = c.scalar(select(_l.statuses).where(_l.name == name))
    if statuses is None:
        c.execute(s.listener.insert().values(name=name, position=0, statuses=1))
    return statuses != 0


def forget(c: Conn, name: str) -> bool:
    """Forget a listener with all that it hasn't been told. False when there is none of the name."""
    return c.execute(delete(s.listener).where(_l.name == name)).rowcount > 0


def take(c: Conn, name: str, epoch: int, limit: int, now_ms: int) -> list[tuple[int, TransmissionRow]]:
    """The next changes for a reader of ``name``, the oldest first, each with its ticket for ``acknowledge``.

    The rows have the status and the error of the change, the rest is as it stands now. ``epoch`` is the reader: what
    a dead one had not acknowledged is given out again.
    """
    others = c.scalars(select(_c.epoch).where(_c.name == name, _c.epoch != epoch).distinct()).all()
    gone = set(others).intersection(nodes.dead(c, epoch, now_ms)) if others else ()
    free = or_(_c.epoch.is_(None), _c.epoch.in_(gone)) if gone else _c.epoch.is_(None)
    wanted = select(_c.id, _c.transmission_id, _c.status, _c.error).where(_c.name == name, free)
    rows = c.execute(wanted.order_by(_c.id).limit(limit).with_for_update(skip_locked=True)).all()
    for some in chunks(row.id for row in rows):
        c.execute(update(s.change).where(_c.id.in_(some)).values(epoch=epoch))
    stand = _transmissions(c, {row.transmission_id for row in rows})
    return [
        (row.id, replace(stand[row.transmission_id], status=Status(row.status), error=row.error))
        for row in rows
        if row.transmission_id in stand
    ]


def acknowledge(c: Conn, tickets: Iterable[int], epoch: int) -> None:
    """The reader is done with these changes; those that another reader has by now stay its business."""
    for some in chunks(tickets):
        c.execute(delete(s.change).where(_c.id.in_(some), _c.epoch == epoch))


def _transmissions(c: Conn, ids: Iterable[int]) -> dict[int, TransmissionRow]:
    found: dict[int, TransmissionRow] = {}
    named = select_transmissions().join(s.message, s.message.c.seq == s.transmission.c.message_seq)
    for some in chunks(ids):
        rows = named.add_columns(s.message.c.id.label("public_id")).where(s.transmission.c.id.in_(some))
        found |= {row.id: to_transmission(row, row.public_id) for row in c.execute(rows)}
    return found
