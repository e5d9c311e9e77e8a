"""Owners of work: each process that claims takes an epoch, and keeps it alive by its lease."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from sqlalchemy import Row, or_, select, update

from gateway.store import schema as s
from gateway.store.engine import Conn

_n = s.node.c


def start(c: Conn, name: str, role: str, lease_ms: int, now_ms: int) -> int:
    """A new epoch for this process. ``role``: ``service``, ``drain`` or ``listen``.

    An earlier ``service`` of the same node is dead from now on (the state directory's lock says there is only one).
    """
    if role == "service":
        mine = _n.name == name, _n.role == role, _n.ended_ms.is_(None)
        c.execute(update(s.node).where(*mine).values(ended_ms=now_ms))
    new = s.node.insert().values(
        name=name,
        role=role,
        host=platform.node(),
        pid=os.getpid(),
        pid_started=_started(os.getpid()) or 0,
        started_ms=now_ms,
        lease_ms=lease_ms,
        lease_until_ms=now_ms + lease_ms,
    )
    return int(c.execute(new.returning(_n.epoch)).scalar_one())


def renew(c: Conn, epoch: int, now_ms: int) -> bool:
    """Keep the lease; False when the epoch was declared dead: give up all work and take a new one."""
    alive = update(s.node).where(_n.epoch == epoch, _n.ended_ms.is_(None))
    return c.execute(alive.values(lease_until_ms=now_ms + _n.lease_ms)).rowcount == 1


def end(c: Conn, epoch: int, now_ms: int) -> None:
    """The process has finished."""
    c.execute(update(s.node).where(_n.epoch == epoch, _n.ended_ms.is_(None)).values(ended_ms=now_ms))


def dead(c: Conn, epoch: int, now_ms: int) -> list[int]:
    """The epochs that still hold work and whose process has ended, is gone, or let its lease run out.

    They are declared dead, so that a process that was only stopped finds its writes refused. Never ``epoch`` itself.
    """
    alive = select(s.node).where(_n.ended_ms.is_(None), _n.epoch != epoch).with_for_update(skip_locked=True)
    gone = [row.epoch for row in c.execute(alive) if _gone(row, now_ms)]
    if gone:
        c.execute(update(s.node).where(_n.epoch.in_(gone)).values(ended_ms=now_ms))
    t = s.transmission.c
    owned = or_(s.is_status(t.status, "sending"), s.is_status(t.status, "received"))
    ended = select(t.owner).join(s.node, _n.epoch == t.owner).where(owned, _n.ended_ms.is_not(None), t.owner != epoch)
    given = s.listening.c.epoch
    listening = select(given).join(s.node, _n.epoch == given).where(_n.ended_ms.is_not(None))
    return sorted({*gone, *c.scalars(ended.distinct()), *c.scalars(listening.distinct())})


def _gone(row: Row[Any], now_ms: int) -> bool:
    """No such process any more on this host, or a lease that ran out.

    A lease that ends far ahead was given by a clock that fell back since. A reader on this host may take its time
    with a message: only its end counts.
    """
    if row.host == platform.node():
        if _started(row.pid) != row.pid_started:
            return True
        if row.role == "listen":
            return False
    return not now_ms < row.lease_until_ms <= now_ms + 10 * row.lease_ms


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22 of stat); None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])
