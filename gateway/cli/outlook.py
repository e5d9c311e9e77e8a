"""How devices, backends and senders stand now, as far as the config, the store and the clock can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.cli import output
from gateway.cli.program import Program
from gateway.config.model import PoolConfig
from gateway.service import metering
from gateway.service.clock import Clock
from gateway.store import devices, outbox, queries
from gateway.store.gate import Gate, base
from gateway.store.types import Status

if TYPE_CHECKING:
    from gateway.config.devices import DeviceConfig
    from gateway.limits import Limiter
    from gateway.store.types import DeviceRow

DOWN = "the service doesn't run; start it with sms-gateway run, or systemctl start sms-gateway"


class Outlook:
    """What can be said of devices and their limits now."""

    def __init__(self, one: Program) -> None:
        self.config = one.config()
        self.gate = Gate(self.config)
        self.clock = Clock()
        self.service_runs = one.service_runs
        self.rows: dict[str, DeviceRow] = {}
        """The devices that were ever seen."""
        self.skews: dict[str, float | None] = {}
        """How far the networks' time is ahead, by device that is up."""
        self.queued: dict[str, int] = {}
        """How many transmissions are queued, by lane."""
        self.oldest: dict[str, int] = {}
        """Since when (ms) the first of them that is due waits, by lane."""
        self._one = one
        self._limiters: dict[str, Limiter] = {}
        if one.has_database:
            with one.store.read() as c:
                self.rows = {row.name: row for row in devices.all(c)}
                self.skews = devices.skews(c)
                counts = outbox.counts(c)
                self.oldest = queries.oldest_queued(c)
            self.queued = {lane: count for (lane, status), count in counts.items() if status is Status.QUEUED}

    def obstacle(self, name: str, parts: int = 1) -> str | None:
        """Why a device can't take a message of so many parts now; None when nothing is known against it."""
        return self.out_of_order(name) or "; ".join(self._limits(name, parts)) or None

    def out_of_order(self, name: str) -> str | None:
        """Why a device can't be used at all; None when it is up, or may be."""
        device, row = self.config.devices.get(name), self.rows.get(name)
        if device is not None and not device.enabled:
            return "is disabled in the config (enabled = false)"
        if row is not None and row.paused:
            return f"is paused; sms-gateway resume {name}"
        if self.service_runs and row is None:
            return "has never been up"
        if self.service_runs and row is not None and row.state != "up":
            return f"is {row.state}" + (f": {row.reason}" if row.reason else "")
        return None

    def _limits(self, name: str, parts: int) -> Iterator[str]:
        limiter = self.limiter(name)
        if limiter is None:
            return
        now = self.clock.mono()
        wanted = parts if limiter.whole is None else min(parts, limiter.whole)
        for each in limiter.obstacles(now, wanted):
            yield each.what + self._until(each.until)

    def _until(self, until: float) -> str:
        if math.isinf(until):
            return " by what is under way"
        return f" until {output.moment(self.clock.at_ms(until))}"

    def stranger(self, name: str, identity: str) -> str | None:
        """Why a device can't write to one more recipient now; None when it can, or knows this one."""
        limiter, now = self.limiter(name), self.clock.mono()
        people = limiter.recipients if limiter else None
        if people is None or people.left(now) or identity in people.known(now):
            return None
        return f"its limit of {people.rate} on different recipients is used up{self._until(people.open_at(now))}"

    def limiter(self, name: str) -> Limiter | None:
        """The limits of a device with what it has used; None without a database or a device of this config."""
        device = self.config.devices.get(name)
        if device is None or not self._one.has_database:
            return None
        if name not in self._limiters:
            row = self.rows.get(name)
            sim = row and (row.iccid or row.imsi)
            with self._one.store.read() as c:
                self._limiters[name] = metering.limiter(c, device, [name, sim] if sim else [name], self.clock)
        return self._limiters[name]

    def left(self, device: DeviceConfig) -> int | None:
        """How many parts may leave now; None without limits, and where nothing was sent yet."""
        limiter = self.limiter(device.name)
        return limiter.available(self.clock.mono()) if limiter else None

    def shared(self, lane: str, fields: dict[str, object], device: str | None, parts: int) -> Iterator[str]:
        """What the limits of the backend and of the sender have against a message now."""
        subjects = self.gate.subjects(lane, fields, device)
        if not subjects or not self._one.has_database:
            return
        now_ms = self.clock.now_ms()
        with self._one.store.read() as c:
            found = self.gate.ceilings(c, subjects, now_ms)
        for subject, ceiling in found.items():
            if not ceiling.take(parts):
                until = output.moment(max(now_ms, round(ceiling.wait(parts) * 1000)))
                yield f"the limit of the {subject} ({self.gate.told(subject)}) is used up until {until}"

    def returning(self, pool: PoolConfig) -> str | None:
        """Which device a pool waits for that has just come back; None when there is none."""
        now_ms = self.clock.now_ms()
        for name in pool.devices:
            back_ms = (row.health.get("returned_ms") if (row := self.rows.get(name)) else None) or 0
            again_ms = back_ms + round(pool.return_after * 1000)
            if back_ms and again_ms > now_ms and self.out_of_order(name) is None:
                return f"{name} has come back; the pool takes it again at {output.moment(again_ms)} (return_after)"
        return None

    def waiting(self, name: str) -> tuple[int, int | None]:
        """How many transmissions wait for a device, those of its pools too, and since when (ms) the first does."""
        lanes = {name, *(pool for pool, each in self.config.backend.items() if name in getattr(each, "devices", ()))}
        count = sum(count for lane, count in self.queued.items() if base(lane) in lanes)
        return count, min((since for lane, since in self.oldest.items() if base(lane) in lanes), default=None)
