"""A device's limits as they stand after what it has used."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.config.model import DeviceConfig
from gateway.limits import Limiter
from gateway.service.clock import Clock
from gateway.store import usage
from gateway.store.engine import Conn


def limiter(c: Conn, device: DeviceConfig, subjects: Iterable[str], clock: Clock) -> Limiter:
    """The limits of ``device`` with what ``subjects`` (its name, its SIM) have used of them. Raises StoreError."""
    rates = [device.rate] if device.rate else []
    made = Limiter(rates, device.quota)
    periods = [rate.period for rate in (*rates, *device.quota)]
    if not periods:
        return made
    now, now_ms = clock.mono(), clock.now_ms()
    since_ms = now_ms - round(max(periods) * 1000)
    rows = [row for subject in dict.fromkeys(subjects) for row in usage.load(c, subject, since_ms, now_ms)]
    for row in sorted(rows, key=lambda row: row.at_ms):
        at = now - (now_ms - row.at_ms) / 1000
        made.reserve(row.left, at)
        made.left(at, row.left)
        made.settle(at, row.taken, taken=True, left_at=at)
        made.settle(at, row.left - row.taken, taken=False, left_at=at)
    return made
