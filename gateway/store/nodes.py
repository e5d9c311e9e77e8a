"""Owners of work: each process that claims takes an epoch, and keeps it alive by its lease.

On SQLite an owner without work has nothing to lose by its lease, so it need not be renewed: that would be all that an
idle gateway writes to its card, day and night.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, select, update

from gateway.store import boot
from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.types import Status

_n = s.node.c
_RENEW = (
    update(s.node)
    .where(_n.epoch == bindparam("mine"), _n.ended_ms.is_(None))
    .values(
        lease_until_ms=bindparam("now", type_=BigInteger) + _n.lease_ms,
        lease_until_up_ms=bindparam("up", type_=BigInteger) + _n.lease_ms,
    )
)
_RENEW_OLD = _RENEW.where(_n.lease_until_up_ms < bindparam("up") + _n.lease_ms / 2)
_HELD = select(_n.epoch).where(_n.epoch == bindparam("mine"), _n.ended_ms.is_(None)).with_for_update(read=True)

_t = s.transmission.c
_HOLDERS = (
    (_t.owner, (s.is_status(_t.status, Status.SENDING),)),
    (_t.owner, (s.is_status(_t.status, Status.RECEIVED),)),
    (s.listening.c.epoch, ()),
    (s.change.c.epoch, ()),
)
"""Where it is written who has what in hand: the column, and in which rows it counts."""


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
        host=boot.here(),
        pid=os.getpid(),
        pid_started=boot.started(os.getpid()) or 0,
        started_ms=now_ms,
        lease_ms=lease_ms,
        lease_until_ms=now_ms + lease_ms,
        lease_until_up_ms=boot.uptime_ms() + lease_ms,
    )
    return int(c.execute(new.returning(_n.epoch)).scalar_one())


def renew(c: Conn, epoch: int, now_ms: int, *, seen: bool = False) -> bool:
    """Keep the lease; False when the epoch was declared dead: give up all work and take a new one.

    ``seen``: write down that it lives now (``last_seen_ms``), also where an owner without work needs no lease.
    """
    if not seen and c.dialect.name == "sqlite" and not _has_work(c, epoch):
        return holds(c, epoch)
    return c.execute(_RENEW, {"mine": epoch, "now": now_ms, "up": boot.uptime_ms()}).rowcount == 1


def busy(c: Conn, epoch: int, now_ms: int) -> None:
    """The owner takes work: from now on its lease counts."""
    if c.dialect.name == "sqlite":
        c.execute(_RENEW_OLD, {"mine": epoch, "now": now_ms, "up": boot.uptime_ms()})


def _has_work(c: Conn, epoch: int) -> bool:
    return any(c.execute(select(owner).where(owner == epoch, *of).limit(1)).first() for owner, of in _HOLDERS)


def last_seen_ms(c: Conn) -> int:
    """What the wall clock said when this service, or the one before it, was last alive; 0 when there was none."""
    last = select(_n.lease_until_ms - _n.lease_ms).where(_n.role == "service").order_by(_n.epoch.desc()).limit(2)
    return max(c.scalars(last), default=0)


def holds(c: Conn, epoch: int) -> bool:
    """Whether an epoch may still claim work: nobody has declared it dead, or can before this transaction ends."""
    return c.scalar(_HELD, {"mine": epoch}) is not None


def end(c: Conn, epoch: int, now_ms: int) -> None:
    """The process has finished."""
    c.execute(update(s.node).where(_n.epoch == epoch, _n.ended_ms.is_(None)).values(ended_ms=now_ms))


def dead(c: Conn, epoch: int, now_ms: int, uptime_ms: int | None = None) -> list[int]:
    """The epochs that still hold work and whose process has ended, is gone, or let its lease run out.

    They are declared dead, so that a process that was only stopped finds its writes refused. Never ``epoch`` itself.
    ``uptime_ms``: this host's clock since boot, read when it is not given.
    """
    up = boot.uptime_ms() if uptime_ms is None else uptime_ms
    asking = os.getpid() if uptime_ms is None else None
    alive = select(s.node).where(_n.ended_ms.is_(None), _n.epoch != epoch).with_for_update(skip_locked=True)
    gone = [row.epoch for row in c.execute(alive).all() if _gone(c, row, now_ms, up, asking)]
    if gone:
        c.execute(update(s.node).where(_n.epoch.in_(gone)).values(ended_ms=now_ms))
    for owner, of in _HOLDERS:
        held = select(owner).join(s.node, _n.epoch == owner).where(*of)
        gone += c.scalars(held.where(_n.ended_ms.is_not(None), _n.epoch != epoch).distinct())
    return sorted(set(gone))


def of_earlier_boots(c: Conn, epochs: Sequence[int]) -> list[int]:
    """Those whose host has started anew since, so that the last changes before may be lost.

    A database server has a host of its own and keeps every change.
    """
    if c.dialect.name != "sqlite" or not epochs:
        return []
    found = c.execute(select(_n.epoch, _n.host).where(_n.epoch.in_(epochs)))
    return [row.epoch for row in found if not boot.same(row.host)]


def _gone(c: Conn, row: Row[Any], now_ms: int, uptime_ms: int, asking: int | None) -> bool:
    """No such process any more on this host, or a lease that ran out where one is kept.

    On this host the lease is judged by a clock that nobody sets: at the first time signal after a start, the wall
    clock may jump by weeks. Elsewhere a lease that ends far ahead was given by a clock that fell back since.
    A reader on this host may take its time with a message: only its end counts. A service that asks (``asking``)
    is alive, whatever its leases say: they ran out together when another program had locked the database for long.
    """
    if row.host == boot.here():
        if boot.started(row.pid) != row.pid_started:
            return True
        if row.pid == asking and row.role == "service":
            return False
        lapsed = row.role != "listen" and row.lease_until_up_ms <= uptime_ms
        return lapsed and (c.dialect.name != "sqlite" or _has_work(c, row.epoch))
    return not now_ms < row.lease_until_ms <= now_ms + 10 * row.lease_ms
