"""Why a transmission isn't sent now, as far as the config, the store and the clock can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.backends import NoRouteError, choose
from gateway.cli import output
from gateway.cli.program import Program
from gateway.config.model import PoolConfig
from gateway.service import metering
from gateway.service.clock import Clock
from gateway.store import devices, outbox
from gateway.store.types import Direction, MessageRow, Status, TransmissionRow

if TYPE_CHECKING:
    from gateway.config.model import DeviceConfig
    from gateway.limits import Limiter
    from gateway.store.types import DeviceRow

DOWN = "the service doesn't run; start it with sms-gateway run, or systemctl start sms-gateway"


class Outlook:
    """What can be said of devices and their limits now."""

    def __init__(self, one: Program) -> None:
        self.config = one.config()
        self.service_runs = one.service_runs
        self.rows: dict[str, DeviceRow] = {}
        """The devices that were ever seen."""
        self.queued: dict[str, int] = {}
        """How many transmissions are queued, by lane."""
        self._one = one
        self._clock = Clock()
        if one.has_database:
            with one.store.read() as c:
                self.rows = {row.name: row for row in devices.all(c)}
                counts = outbox.counts(c)
            self.queued = {lane: count for (lane, status), count in counts.items() if status is Status.QUEUED}

    # --- of a transmission --------------------------------------------------------------------------------------

    def reasons(self, row: TransmissionRow, message: MessageRow) -> list[str]:
        """One sentence for each thing that keeps a transmission where it is."""
        if row.direction is Direction.IN:
            return [self._incoming(row, message)]
        if row.status is Status.QUEUED:
            return list(self._queued(row))
        return [self._settled(row)]

    def _incoming(self, row: TransmissionRow, message: MessageRow) -> str:
        if row.status is Status.RECEIVED:
            return "waits for the router" + ("" if self.service_runs else f"; {DOWN}")
        if row.status is Status.FAILED:
            return f"an app raised: {row.error or message.error or 'see the log'}"
        return "the router has run"

    def _settled(self, row: TransmissionRow) -> str:
        why = f": {row.error}" if row.error else ""
        sentences = {
            Status.HELD: f"waits for a person{why}; sms-gateway release {row.message_id}",
            Status.SENDING: f"is with {row.device}; " + ("its answer is awaited" if self.service_runs else DOWN),
            Status.SENT: f"was sent by {row.device} at {output.moment(row.sent_ms)}",
            Status.DELIVERED: f"was sent by {row.device}, and delivered at {output.moment(row.delivered_ms)}",
            Status.FAILED: f"failed{why or ', without a reason'}; sms-gateway resend {row.message_id} tries again",
            Status.UNKNOWN: f"left through {row.device}, and no answer came{why}",
            Status.EXPIRED: f"its time ran out at {output.moment(row.expires_ms)}",
            Status.CANCELLED: f"was cancelled{why}",
        }
        return sentences[row.status]

    def _queued(self, row: TransmissionRow) -> Iterator[str]:
        now_ms = self._clock.now_ms()
        if row.due_ms is not None and row.due_ms > now_ms:
            again = f", after attempt {row.attempts}: {row.error}" if row.attempts and row.error else ""
            yield f"is due at {output.moment(row.due_ms)}{again}"
        if not self.service_runs:
            yield DOWN
        name, _, preferred = row.lane.partition("@")
        yield from self._lane(name, preferred, row.parts)

    def _lane(self, name: str, preferred: str, parts: int) -> Iterator[str]:
        backend = self.config.backend.get(name)
        if isinstance(backend, PoolConfig):
            found = {device: self.obstacle(device, parts) for device in backend.devices}
            if all(found.values()):
                yield from (f"{device}: {why}" for device, why in found.items())
            elif found.get(preferred):
                yield f"{preferred}: {found[preferred]}; another device of {name} takes it"
        elif backend is not None:
            return
        elif name in self.config.devices or name in self.rows:
            why = self.obstacle(name, parts)
            if why:
                yield f"{name}: {why}"
        else:
            yield f"there is no device or backend {name} in this config any more"

    # --- of a device --------------------------------------------------------------------------------------------

    def obstacle(self, name: str, parts: int = 1) -> str | None:
        """Why a device can't take a message of so many parts now; None when nothing is known against it."""
        device, row = self.config.devices.get(name), self.rows.get(name)
        if device is not None and not device.enabled:
            return "is disabled in the config (enabled = false)"
        if row is not None and row.paused:
            return f"is paused; sms-gateway resume {name}"
        if self.service_runs and row is None:
            return "has never been up"
        if self.service_runs and row is not None and row.state != "up":
            return f"is {row.state}" + (f": {row.reason}" if row.reason else "")
        return self._limited(device, row, parts) if device else None

    def _limiter(self, device: DeviceConfig, row: DeviceRow | None) -> Limiter:
        sim = row and (row.iccid or row.imsi)
        subjects = [device.name, sim] if sim else [device.name]
        with self._one.store.read() as c:
            return metering.limiter(c, device, subjects, self._clock)

    def left(self, device: DeviceConfig) -> int | None:
        """How many parts may leave now; None without limits, and where nothing was sent yet."""
        if not self._one.has_database or (device.rate is None and not device.quota):
            return None
        return self._limiter(device, self.rows.get(device.name)).available(self._clock.mono())

    def _limited(self, device: DeviceConfig, row: DeviceRow | None, parts: int) -> str | None:
        if not self._one.has_database or (device.rate is None and not device.quota):
            return None
        limiter, now = self._limiter(device, row), self._clock.mono()
        wanted = parts if limiter.whole is None else min(parts, limiter.whole)
        at = limiter.next_at(now, wanted)
        if at <= now:
            return None
        limits = ", ".join(map(str, filter(None, [device.rate, *device.quota])))
        if math.isinf(at):
            return f"its limit ({limits}) is used up by what is under way"
        return f"its limit ({limits}) is used up until {output.moment(self._clock.at_ms(at))}"

    # --- of a message that isn't stored -------------------------------------------------------------------------

    def way(self, backend: str, number: str, at: datetime | None, parts: int) -> tuple[str | None, str]:
        """The device that would take a message, and when it would go or why not."""
        python = [name for name, each in self.config.backend.items() if not isinstance(each, PoolConfig)]
        try:
            choice = choose(self.config, backend, number, python=python)
        except NoRouteError as error:
            return None, f"never: {error}"
        when = output.moment(int(at.timestamp() * 1000)) if at else None
        if choice.python:
            return None, when or "now"
        against = {device: self.obstacle(device, parts) for device in choice.devices}
        device = next((name for name, why in against.items() if not why), choice.devices[0])
        if when is None and not self.service_runs:
            when = DOWN
        return device, when or against[device] or "now"
