"""Devices as they were last seen, with totals and pauses that last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy import update as sql_update

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.outbox import counts
from gateway.store.rows import insert
from gateway.store.types import DeviceRow, Status

_d = s.device.c
_t = s.transmission.c
_COUNT = (
    sql_update(s.device)
    .where(_d.name == bindparam("of"))
    .values(
        sent_total=_d.sent_total + bindparam("sent"),
        failed_total=_d.failed_total + bindparam("failed"),
        received_total=_d.received_total + bindparam("received"),
    )
)
_SEEN = (
    *("kind", "driver", "node", "state", "reason", "signal", "operator"),
    *("imei", "imsi", "iccid", "health", "updated_ms"),
)
_NEW: dict[str, Any] = dict.fromkeys(("kind", "driver", "node", "state", "reason"), "")
_NEW |= dict.fromkeys(("paused", "updated_ms", "sent_total", "failed_total", "received_total"), 0)


def update(c: Conn, row: DeviceRow, now_ms: int) -> None:
    """Write how a device is. Totals, counts and ``paused`` are left as they are."""
    seen = {name: getattr(row, name) for name in _SEEN}
    seen |= {"health": dict(row.health) or None, "updated_ms": now_ms}
    _upsert(c, row.name, seen)


def _upsert(c: Conn, name: str, values: dict[str, Any]) -> None:
    new = insert(c, s.device).values(**{**_NEW, **values, "name": name})
    c.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))


def get(c: Conn, name: str) -> DeviceRow | None:
    """One device, with what stands in the queue for it."""
    return next((row for row in all(c) if row.name == name), None)


def all(c: Conn) -> list[DeviceRow]:  # noqa: A001 - reads as devices.all(c)
    """All devices that were ever seen, by name, with what stands in the queue for them."""
    queued = {lane: count for (lane, status), count in counts(c).items() if status is Status.QUEUED}
    busy = select(_t.device, func.count()).where(s.is_status(_t.status, Status.SENDING)).group_by(_t.device)
    sending = {name: count for name, count in c.execute(busy)}  # noqa: C416 - a Row is no pair for mypy
    rows = c.execute(select(s.device).order_by(_d.name))
    return [_to_device(row, queued.get(row.name, 0), sending.get(row.name, 0)) for row in rows]


def _to_device(row: Any, queued: int, sending: int) -> DeviceRow:
    seen = {name: getattr(row, name) for name in (*_SEEN, "name", "sent_total", "failed_total", "received_total")}
    seen |= {"health": row.health or {}, "paused": bool(row.paused)}
    return DeviceRow(**seen, queued=queued, sending=sending)


def elsewhere(c: Conn, node: str) -> tuple[dict[str, str], dict[str, Sequence[Any]]]:
    """The devices of other gateways: by name, the state of those whose gateway lives (``down`` where it doesn't), and
    how those of a gateway that is gone settle what is ``unknown`` (``DeviceRow.health["rule"]``).
    """
    living = select(s.node.c.name).where(s.node.c.role == "service", s.node.c.ended_ms.is_(None))
    wanted = select(_d.name, _d.state, _d.paused, _d.health, _d.node.in_(living).label("lives"))
    states: dict[str, str] = {}
    rules: dict[str, Sequence[Any]] = {}
    for row in c.execute(wanted.where(_d.node != node, _d.node != "")):
        states[row.name] = ("paused" if row.paused else row.state) if row.lives else "down"
        if not row.lives and (rule := (row.health or {}).get("rule")):
            rules[row.name] = rule
    return states, rules


def skews(c: Conn) -> dict[str, float | None]:
    """By device that is up, how far its network's time is ahead of its host's (s); None where it isn't known."""
    rows = c.execute(select(_d.name, _d.health).where(_d.state == "up"))
    return {row.name: (row.health or {}).get("clock_skew_s") for row in rows}


def forget_skews(c: Conn) -> None:
    """The clock of the host was set: what the networks said of it is past."""
    for row in c.execute(select(_d.name, _d.health)).all():
        if (row.health or {}).get("clock_skew_s") is not None:
            health = {key: value for key, value in row.health.items() if key != "clock_skew_s"}
            c.execute(sql_update(s.device).where(_d.name == row.name).values(health=health))


def add_totals(c: Conn, name: str, sent: int = 0, failed: int = 0, received: int = 0) -> None:
    """Count transmissions that were sent, that failed, and messages that came in."""
    if not c.execute(_COUNT, {"of": name, "sent": sent, "failed": failed, "received": received}).rowcount:
        _upsert(c, name, {"sent_total": sent, "failed_total": failed, "received_total": received})


def set_paused(c: Conn, name: str, paused: bool) -> None:
    """Remember a pause, for a device that was never seen too."""
    _upsert(c, name, {"paused": int(paused)})


def up(c: Conn) -> set[str]:
    """The devices that were up when they were last heard of, and aren't paused."""
    return set(c.scalars(select(_d.name).where(_d.state == "up", _d.paused == 0)))


def paused(c: Conn, name: str) -> bool:
    """Whether a person paused the device."""
    return bool(c.scalar(select(_d.paused).where(_d.name == name)))
