"""The periodic work of the service, as jobs for ``schedule``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway import logs
from gateway.config.model import Config
from gateway.service.clock import Clock
from gateway.service.schedule import Job
from gateway.store import inbox, nodes, outbox, usage
from gateway.store.engine import Conn, Store
from gateway.store.settling import UnknownRule
from gateway.store.types import UsageRow

log = logs.get(__name__)
DRAIN_S = 1.0
POLL_S = 2.0
HEALTH_S = 30.0
HOUSEKEEPING_S = 600.0


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the jobs do to the rest of the service."""

    config: Callable[[], Config]
    wake: Callable[[], object]
    """Work may have become due: everyone looks now."""
    say: Callable[[], object]
    """Tell systemd how things are."""
    lost: Callable[[], object]
    """Another gateway has taken over the work of this one."""


def jobs(store: Store, clock: Clock, epoch: int, hooks: Hooks) -> tuple[Job, ...]:
    """All jobs of the service; each is short."""
    lease_s = hooks.config().gateway.lease
    return (
        Job("draining", DRAIN_S, lambda: _drain(store, clock, hooks), first_s=0.0),
        Job("polling", POLL_S, hooks.wake),
        Job("health", min(lease_s / 3, HEALTH_S), lambda: _health(store, clock, epoch, hooks), first_s=0.0),
        Job("housekeeping", HOUSEKEEPING_S, lambda: _keep_house(store, clock), first_s=60.0),
    )


def recover(c: Conn, epoch: int, now_ms: int) -> dict[str, int]:
    """Take over what dead owners had: ``sending`` becomes ``unknown`` and counts as having left now."""
    parts = outbox.recover(c, epoch, now_ms)
    for device, count in parts.items():
        usage.add(c, device, [UsageRow(now_ms, count, count)])
    inbox.recover(c, epoch, now_ms)
    return parts


def _drain(store: Store, clock: Clock, hooks: Hooks) -> None:
    devices = hooks.config().devices
    rules = {
        name: UnknownRule(device.on_unknown, round(device.settle * 1000), device.attempts)
        for name, device in devices.items()
    }
    now_ms, steady_ms = clock.now_ms(), clock.steady_ms()
    older_than = {name: now_ms - round(device.parts_timeout * 1000) for name, device in devices.items()}

    def work(c: Conn) -> int:
        # What has expired must not be promoted first and sent; what was in doubt may be due again at once.
        changed = outbox.expire(c, steady_ms) + outbox.settle_unknowns(c, now_ms, rules)
        return changed + outbox.promote(c, now_ms) + len(inbox.flush_incomplete(c, older_than, now_ms))

    if store.write(work):
        hooks.wake()


def _health(store: Store, clock: Clock, epoch: int, hooks: Hooks) -> None:
    now_ms = clock.now_ms()

    def work(c: Conn) -> tuple[bool, dict[str, int]]:
        return nodes.renew(c, epoch, now_ms), recover(c, epoch, now_ms)

    alive, taken = store.write(work)
    if taken:
        log.warning("took over the work of a gateway that is gone", parts=sum(taken.values()))
        hooks.wake()
    if not alive:
        hooks.lost()
    hooks.say()


def _keep_house(store: Store, clock: Clock) -> None:
    store.write(lambda c: usage.compact(c, clock.now_ms()))
    store.housekeep()
