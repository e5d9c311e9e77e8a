"""A device's limits as they stand after what it has used."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from gateway.config.devices import DeviceConfig
from gateway.limits import Limiter, Recipients, ShutWatch
from gateway.service.clock import Clock
from gateway.store import nodes, usage
from gateway.store.engine import Conn


def limiter(c: Conn, device: DeviceConfig, subjects: Iterable[str], clock: Clock) -> Limiter:
    """The limits of ``device`` with what ``subjects`` (its name, its SIM) have used of them. Raises StoreError."""
    rates = [device.rate] if device.rate else []
    made = Limiter(
        rates,
        device.quota,
        spacing=device.spacing,
        hours=_hours(c, device, clock),
        recipients=Recipients(device.recipients) if device.recipients else None,
        slow_start=device.slow_start,
        chance=random.SystemRandom(),
    )
    if device.limited:
        _load(c, made, device, tuple(dict.fromkeys(subjects)), clock)
    return made


def _load(c: Conn, made: Limiter, device: DeviceConfig, subjects: tuple[str, ...], clock: Clock) -> None:
    now, now_ms = clock.mono(), clock.now_ms()
    rates = [device.rate] if device.rate else []
    periods = [rate.period for rate in (*rates, *device.quota)] + ([device.spacing[1]] if device.spacing else [])
    since_ms = now_ms - round(max(periods, default=0.0) * 1000)
    rows = [row for subject in subjects for row in usage.load(c, subject, since_ms, now_ms)]
    for row in sorted(rows, key=lambda row: row.at_ms):
        at = now - (now_ms - row.at_ms) / 1000
        made.reserve(row.left, at)
        made.left(at, row.left)
        made.settle(at, row.taken, taken=True, left_at=at)
        made.settle(at, row.left - row.taken, taken=False, left_at=at)
    if made.recipients and device.recipients:
        since_ms = now_ms - round(device.recipients.period * 1000)
        for subject in subjects:
            for identity, last_ms in usage.recipients(c, subject, since_ms, now_ms).items():
                made.recipients.add(identity, now - (now_ms - last_ms) / 1000)


def _hours(c: Conn, device: DeviceConfig, clock: Clock) -> Callable[[float], float] | None:
    opening = device.opening
    if opening is None:
        return None
    watch = ShutWatch(opening, device.timezone)
    last_ms = nodes.last_seen_ms(c)
    if last_ms > clock.now_ms():
        # The clock fell back while nothing ran: what was shut when it was last seen is not open now.
        watch.open_at(clock.mono(), last_ms / 1000)
    return lambda now: watch.open_at(now, clock.at_ms(now) / 1000)
