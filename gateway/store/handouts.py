"""What users of the SMPP server are to be given: stored until they have acknowledged it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import chunks, insert, load_messages
from gateway.store.types import MessageRow

LOOK = 500
"""Messages that are looked at in one turn for one user."""

_h = s.handout.c
_m = s.message.c


@dataclass(frozen=True, slots=True)
class Handout:
    """One message or receipt for a user. ``id`` is the driver's token."""

    id: int
    user: str
    message: MessageRow | None
    receipt: Mapping[str, Any] | None


def spread(c: Conn, user: str, backends: Collection[str] | None, now_ms: int) -> int:
    """Note for a user what came in since the last time, through these backends; None is all. Returns how many.

    A user that is new begins with what comes from now on. Filtered messages are left out.
    """
    name = f"smpp-server:{user}"
    newest = int(c.scalar(select(func.max(_m.done))) or 0)
    wanted = select(s.listener.c.position).where(s.listener.c.name == name).with_for_update()
    position = c.scalar(wanted)
    if position is None:
        c.execute(insert(c, s.listener).values(name=name, position=newest).on_conflict_do_nothing())
        return 0
    if position >= newest:
        return 0
    until = min(newest, position + LOOK)
    found = (
        select(_m.seq)
        .select_from(s.message.join(s.transmission).join(s.connection).join(s.backend))
        .where(_m.done > position, _m.done <= until)
        .order_by(_m.done)
    )
    if backends is not None:
        found = found.where(s.backend.c.name.in_(sorted(backends)))
    rows = [
        {"user": user, "message_seq": seq, "due_ms": now_ms, "created_ms": now_ms} for seq in c.scalars(found).all()
    ]
    if rows:
        c.execute(s.handout.insert(), rows)
    c.execute(update(s.listener).where(s.listener.c.name == name).values(position=until))
    return len(rows) + int(until < newest)


def claim(c: Conn, epoch: int, rooms: Mapping[str, int], now_ms: int) -> list[Handout]:
    """The next ones for users that are there, as many as each takes now."""
    rows: list[Any] = []
    for user, room in rooms.items():
        waiting = _h.user == user, _h.owner.is_(None), _h.due_ms <= now_ms
        wanted = select(s.handout).where(*waiting).order_by(_h.id).limit(room).with_for_update(skip_locked=True)
        rows += c.execute(wanted).all()
    for some in chunks(row.id for row in rows):
        c.execute(update(s.handout).where(_h.id.in_(some)).values(owner=epoch))
    seqs = [row.message_seq for row in rows if row.message_seq is not None]
    messages = dict(zip(seqs, load_messages(c, seqs), strict=True))
    return [Handout(row.id, row.user, messages.get(row.message_seq), row.receipt) for row in rows]


def done(c: Conn, ids: Iterable[int], epoch: int) -> None:
    """Their users have them."""
    for some in chunks(ids):
        c.execute(delete(s.handout).where(_h.id.in_(some), _h.owner == epoch))


def put_back(c: Conn, ids: Iterable[int], epoch: int, due_ms: int) -> None:
    """They could not be handed out, or nobody knows: again at ``due_ms``."""
    for some in chunks(ids):
        c.execute(update(s.handout).where(_h.id.in_(some), _h.owner == epoch).values(owner=None, due_ms=due_ms))


def recover(c: Conn) -> None:
    """Put back what servers had in hand whose process has ended."""
    ended = select(s.node.c.epoch).where(s.node.c.ended_ms.is_not(None))
    c.execute(update(s.handout).where(_h.owner.in_(ended)).values(owner=None))


def waiting(c: Conn) -> dict[str, int]:
    """How many wait, by user."""
    rows = c.execute(select(_h.user, func.count().label("waiting")).group_by(_h.user))
    return {row.user: int(row.waiting) for row in rows}
