"""``listen()``: each message that the router has run, in that order, once for each listener's name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, func, select, update

from gateway.store import nodes
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import insert, load_messages
from gateway.store.types import MessageRow

_m = s.message.c
_l = s.listening.c


def next(  # noqa: A001 - reads as listeners.next(c)
    c: Conn, name: str, epoch: int, now_ms: int, start: str = "oldest", backend: str | None = None
) -> tuple[int, MessageRow] | None:
    """The next message for a reader of ``name``, with its ticket for ``acknowledge``; None when there is none.

    ``epoch`` is the reader (``nodes.start`` with the role ``listen``): what a dead reader had not acknowledged is
    given out again. ``start`` (``oldest`` or ``newest``) counts when the name is new. Filtered messages are left out.
    """
    position = _position(c, name, start)
    done = _orphan(c, name, epoch, now_ms)
    if done is None:
        done = c.scalar(_following(position, backend))
        if done is None:
            return None
        c.execute(s.listening.insert().values(name=name, done=done, epoch=epoch))
        c.execute(update(s.listener).where(s.listener.c.name == name).values(position=done))
    return done, load_messages(c, [c.execute(select(_m.seq).where(_m.done == done)).scalar_one()])[0]


def _position(c: Conn, name: str, start: str) -> int:
    """Where the name's readers stand. The row stays locked, so that no two of them take the same message."""
    wanted = select(s.listener.c.position).where(s.listener.c.name == name).with_for_update()
    if c.scalar(select(s.listener.c.statuses).where(s.listener.c.name == name)):
        raise ValueError(f"the name {name!r} listens to statuses already; use another one for messages")
    position = c.scalar(wanted)
    if position is None:
        first = 0 if start == "oldest" else c.scalar(select(func.max(_m.done))) or 0
        c.execute(insert(c, s.listener).values(name=name, position=first).on_conflict_do_nothing())
        position = c.execute(wanted).scalar_one()
    return int(position)


def _following(position: int, backend: str | None) -> Select[tuple[Any]]:
    wanted = select(_m.done).where(_m.done > position).order_by(_m.done).limit(1)
    if backend is None:
        return wanted
    joined = s.message.join(s.transmission).join(s.connection).join(s.backend)
    return wanted.select_from(joined).where(s.backend.c.name == backend)


def _orphan(c: Conn, name: str, epoch: int, now_ms: int) -> int | None:
    """The first message that a dead reader of this name had been given."""
    others = select(_l.done, _l.epoch).where(_l.name == name, _l.epoch != epoch).order_by(_l.done)
    given = c.execute(others).all()
    if not given:
        return None
    dead = set(nodes.dead(c, epoch, now_ms))
    for row in given:
        if row.epoch in dead:
            c.execute(update(s.listening).where(_l.name == name, _l.done == row.done).values(epoch=epoch))
            return int(row.done)
    return None


def acknowledge(c: Conn, name: str, ticket: int, epoch: int) -> bool:
    """The reader is done with a message. False when another reader has it by now."""
    mine = _l.name == name, _l.done == ticket, _l.epoch == epoch
    return c.execute(delete(s.listening).where(*mine)).rowcount > 0
