"""The periodic work of the service, as jobs for ``schedule``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway import logs
from gateway.config.model import Config
from gateway.service.clock import Clock
from gateway.service.schedule import Job
from gateway.standing import clock_doubt
from gateway.store import devices as device_rows
from gateway.store import inbox, nodes, outbox, retention, steps, usage
from gateway.store.crashing import Point, point
from gateway.store.engine import Conn, Store
from gateway.store.gate import Gate
from gateway.store.settling import UnknownRule

log = logs.get(__name__)
DRAIN_S = 1.0
POLL_S = 2.0
HEALTH_S = 30.0
HOUSEKEEPING_S = 600.0
DAY_S = 86_400.0
SEEN_S = 600.0
"""How often a gateway that has nothing to do writes down that it lives (SQLite): each time costs the card a commit."""
BATCH = 500
FORGETTING_S = 20.0
"""How long old messages may be deleted in one go; the rest goes in the next run."""


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
    elsewhere: Callable[[Mapping[str, str]], object] = lambda _: None
    """How the devices of other gateways are."""


def jobs(store: Store, clock: Clock, epoch: int, hooks: Hooks) -> tuple[Job, ...]:
    """All jobs of the service; each is short."""
    lease_s, trust = hooks.config().gateway.lease, Trust()
    return (
        Job("draining", DRAIN_S, lambda: _drain(store, clock, hooks, trust), first_s=0.0),
        Job("polling", POLL_S, lambda: _poll(store, hooks)),
        Job("health", min(lease_s / 3, HEALTH_S), Lease(store, clock, epoch, hooks), first_s=0.0),
        Job("housekeeping", HOUSEKEEPING_S, lambda: _keep_house(store, clock), first_s=60.0),
        Job("forgetting", HOUSEKEEPING_S, Forgetting(store, clock, hooks), first_s=120.0),
    )


def recover(c: Conn, epoch: int, now_ms: int, config: Config) -> dict[str, int]:
    """Take over what dead owners had: ``sending`` becomes ``unknown`` and counts as having left now."""
    parts = outbox.recover(c, epoch, now_ms, Gate(config))
    inbox.recover(c, epoch, now_ms)
    return parts


class Trust:
    """Says when a network's time begins to speak against the wall clock, and when it no longer does."""

    def __init__(self) -> None:
        self._before: str | None = None

    def __call__(self, doubt: str | None) -> None:
        """``doubt``: why the clock is not trusted now."""
        if doubt is not None and self._before is None:
            log.error(doubt)
        elif doubt is None and self._before is not None:
            log.info("the clock agrees with the network's time again")
        self._before = doubt


def _drain(store: Store, clock: Clock, hooks: Hooks, trust: Trust) -> None:
    devices = hooks.config().devices
    rules = {
        name: UnknownRule(device.on_unknown, round(device.settle * 1000), device.attempts)
        for name, device in devices.items()
    }
    if store.path is None:
        with store.read() as c:
            gone = device_rows.elsewhere(c, hooks.config().gateway.node)[1]
        rules = {name: UnknownRule(*rule) for name, rule in gone.items()} | rules
    now_ms, unexpired_ms = clock.now_ms(), clock.unexpired_ms()
    older_than = {name: now_ms - round(device.parts_timeout * 1000) for name, device in devices.items()}

    def work(c: Conn) -> tuple[int, str | None]:
        doubt = clock_doubt(device_rows.skews(c))
        # What has expired must not be promoted first and sent; what was in doubt may be due again at once.
        changed = 0 if doubt else outbox.expire(c, unexpired_ms)
        changed += outbox.settle_unknowns(c, now_ms, rules)
        changed += outbox.promote(c, now_ms, only_repeated=doubt is not None)
        return changed + len(inbox.flush_incomplete(c, older_than, now_ms)), doubt

    changed, doubt = store.write(work)
    trust(doubt)
    if changed:
        point(Point.DOUBTS_SETTLED)
        hooks.wake()


def _poll(store: Store, hooks: Hooks) -> None:
    if store.path is None:
        with store.read() as c:
            states, _ = device_rows.elsewhere(c, hooks.config().gateway.node)
        hooks.elsewhere(states)
    hooks.wake()


class Lease:
    """Keeps this gateway's lease, and takes over the work of those that let theirs run out."""

    def __init__(self, store: Store, clock: Clock, epoch: int, hooks: Hooks) -> None:
        self._store, self._clock, self._epoch, self._hooks = store, clock, epoch, hooks
        self._lease_s = hooks.config().gateway.lease
        self._renewed_mono = clock.mono()
        self._judge_mono = -math.inf
        self._seen_mono = clock.mono()
        self._shut: frozenset[str] = frozenset()

    def __call__(self) -> None:
        """Renew it. Raises StoreError.

        Where the database was away for as long as a lease, nobody could: then nobody is judged until all others have
        had the time to come back.
        """
        now, now_ms = self._clock.mono(), self._clock.now_ms()
        if now - self._renewed_mono >= self._lease_s:
            self._judge_mono = now + self._lease_s
        judges, shut = now >= self._judge_mono, self._shut_now(now_ms)
        seen = now - self._seen_mono >= SEEN_S or bool(shut - self._shut)

        def work(c: Conn) -> tuple[bool, dict[str, int]]:
            alive = nodes.renew(c, self._epoch, now_ms, seen=seen)
            taken = recover(c, self._epoch, now_ms, self._hooks.config()) if alive and judges else {}
            return alive, taken

        alive, taken = self._store.write(work)
        self._renewed_mono, self._shut = now, shut
        if seen:
            self._seen_mono = now
        if taken:
            log.warning("took over the work of a gateway that is gone", parts=sum(taken.values()))
            self._hooks.wake()
        if not alive:
            self._hooks.lost()
        self._hooks.say()

    def _shut_now(self, now_ms: int) -> frozenset[str]:
        """The devices whose hours are over. When they end is written down at once: a clock that falls back while the
        gateway is off must not open them again (``metering``)."""
        given = [(name, each.opening, each.timezone) for name, each in self._hooks.config().devices.items()]
        wall = now_ms / 1000
        return frozenset(name for name, hours, zone in given if hours and hours.open_at(wall, zone) > wall)


def follow(store: Store, clock: Clock, step_s: float) -> None:
    """The wall clock was set by ``step_s``: what is a span and no moment moves along. Raises StoreError."""
    steps.shift(store, round(step_s * 1000), clock.now_ms())
    clock.follow(step_s)
    store.write(device_rows.forget_skews)


class Forgetting:
    """Deletes, once a day, what is older than the config's ``retention``."""

    def __init__(self, store: Store, clock: Clock, hooks: Hooks) -> None:
        self._store, self._clock, self._hooks = store, clock, hooks
        self._next_mono = clock.mono()

    def __call__(self) -> None:
        """Delete in small commits, if a day has passed. Raises StoreError."""
        start = self._clock.mono()
        if start < self._next_mono:
            return
        before_ms = self._clock.unexpired_ms() - round(self._hooks.config().gateway.retention * 1000)
        while self._store.write(lambda c: retention.forget(c, before_ms, BATCH)):
            if self._clock.mono() - start > FORGETTING_S:
                return
        self._next_mono = start + DAY_S


def _keep_house(store: Store, clock: Clock) -> None:
    store.write(lambda c: usage.compact(c, clock.now_ms()))
    store.housekeep()
