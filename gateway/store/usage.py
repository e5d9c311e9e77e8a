"""What has been used of rates and quotas.

``subject`` is an ICCID, an IMSI or a device's name; ``backend NAME`` or ``source ADDRESS`` for what they use together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, case, delete, func, select, update

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import insert
from gateway.store.types import UsageRow

_u = s.usage.c
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = ((2 * DAY, HOUR), (2 * HOUR, MINUTE))
"""(older than, merged into buckets of): coarse enough to be few, fine enough for the windows that still hold them."""


def add(c: Conn, subject: str, rows: Iterable[UsageRow]) -> None:
    """Count parts. Rows of one millisecond are added up."""
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        left, taken = sums.get(row.at_ms, (0, 0))
        sums[row.at_ms] = (left + row.left, taken + row.taken)
    if not sums:
        return
    upsert = insert(c, s.usage)
    more = {"left": _u.left + upsert.excluded.left, "taken": _u.taken + upsert.excluded.taken}
    c.execute(
        upsert.on_conflict_do_update(index_elements=["subject", "at_ms"], set_=more),
        [{"subject": subject, "at_ms": at, "left": left, "taken": taken} for at, (left, taken) in sums.items()],
    )


def subjects(c: Conn, devices: Iterable[str]) -> dict[str, str]:
    """Under what each of these devices counts: the SIM that was last seen in it, else its name."""
    d = s.device.c
    names = set(devices)
    seen = select(d.name, func.coalesce(d.iccid, d.imsi, d.name).label("subject")).where(d.name.in_(names))
    return {name: name for name in names} | {row.name: row.subject for row in c.execute(seen)}


def load(c: Conn, subject: str, since_ms: int, now_ms: int) -> list[UsageRow]:
    """What was used since ``since_ms``, the oldest first. Rows of the future (the clock fell back) count as now."""
    rows = select(s.usage).where(_u.subject == subject, _u.at_ms > since_ms).order_by(_u.at_ms)
    return [UsageRow(min(row.at_ms, now_ms), row.left, row.taken) for row in c.execute(rows)]


def shift(c: Conn, subject: str, by_ms: int, now_ms: int) -> None:
    """The wall clock was set by ``by_ms``, to ``now_ms``: what was used before moves along, so that nothing opens
    early.
    """
    earlier = _u.subject == subject, _u.at_ms <= now_ms - by_ms
    rows = c.execute(select(s.usage).where(*earlier)).all()
    c.execute(delete(s.usage).where(*earlier))
    add(c, subject, [UsageRow(row.at_ms + by_ms, row.left, row.taken) for row in rows])


def shift_all(c: Conn, by_ms: int, now_ms: int) -> None:
    """The same for every subject, and for when recipients were last written to."""
    for subject in c.scalars(select(_u.subject).distinct()).all():
        shift(c, subject, by_ms, now_ms)
    last = s.recipient.c.last_ms
    c.execute(update(s.recipient).where(last <= now_ms - by_ms).values(last_ms=last + by_ms))


def add_recipients(c: Conn, subject: str, last_ms: Mapping[str, int]) -> None:
    """Note when each of these identities was last written to."""
    if not last_ms:
        return
    upsert = insert(c, s.recipient)
    later = case(
        (upsert.excluded.last_ms > s.recipient.c.last_ms, upsert.excluded.last_ms), else_=s.recipient.c.last_ms
    )
    c.execute(
        upsert.on_conflict_do_update(index_elements=["subject", "identity"], set_={"last_ms": later}),
        [{"subject": subject, "identity": identity, "last_ms": at} for identity, at in last_ms.items()],
    )


def recipients(c: Conn, subject: str, since_ms: int, now_ms: int) -> dict[str, int]:
    """Who was written to since ``since_ms``, and when last. Times of the future (the clock fell back) count as now."""
    r = s.recipient.c
    rows = c.execute(select(r.identity, r.last_ms).where(r.subject == subject, r.last_ms > since_ms))
    return {row.identity: min(row.last_ms, now_ms) for row in rows}


def compact(c: Conn, now_ms: int, keep_ms: int = 32 * DAY) -> int:
    """Merge old rows, each moved only later in time, and drop those older than ``keep_ms``. Returns how many went."""
    gone = c.execute(delete(s.usage).where(_u.at_ms < now_ms - keep_ms)).rowcount
    gone += c.execute(delete(s.recipient).where(s.recipient.c.last_ms < now_ms - keep_ms)).rowcount
    for age, width in STEPS:
        buckets: dict[tuple[str, int], list[Row[Any]]] = {}
        for row in c.execute(select(s.usage).where(_u.at_ms < now_ms - age)):
            buckets.setdefault((row.subject, row.at_ms // width), []).append(row)
        for (subject, bucket), rows in buckets.items():
            if len(rows) > 1:
                inside = _u.subject == subject, _u.at_ms // width == bucket
                c.execute(delete(s.usage).where(*inside))
                add(c, subject, [UsageRow(max(row.at_ms for row in rows), _sum(rows, "left"), _sum(rows, "taken"))])
                gone += len(rows) - 1
    return gone


def _sum(rows: Iterable[Row[Any]], column: str) -> int:
    return sum(getattr(row, column) for row in rows)
