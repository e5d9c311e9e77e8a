"""Why a transmission isn't sent now, or a device sends nothing, in one sentence for each cause."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli import output
from gateway.cli.outlook import DOWN, Outlook
from gateway.cli.program import Program
from gateway.config.model import PoolConfig
from gateway.standing import clock_doubt
from gateway.store import optouts, queries
from gateway.store.gate import CONFIRMATION, OPTED_OUT, base
from gateway.store.types import Direction, MessageRow, Status, TransmissionRow


class Reasons:
    """Sentences about transmissions and devices."""

    def __init__(self, one: Program, outlook: Outlook) -> None:
        self._one, self._outlook = one, outlook
        self._config, self._clock = outlook.config, outlook.clock

    def of(self, row: TransmissionRow, message: MessageRow) -> list[str]:
        """One sentence for each thing that keeps a transmission where it is."""
        if row.direction is Direction.IN:
            return [self._incoming(row, message)]
        if row.status is Status.QUEUED:
            return list(self._queued(row, message))
        return [self._settled(row)]

    def of_device(self, name: str) -> list[str]:
        """One sentence for each thing that keeps a device from sending."""
        against = self._outlook.obstacle(name)
        return [DOWN] * (not self._outlook.service_runs) + ([against] if against else [])

    def _incoming(self, row: TransmissionRow, message: MessageRow) -> str:
        if row.status is Status.RECEIVED:
            return "waits for the router" + ("" if self._outlook.service_runs else f"; {DOWN}")
        if row.status is Status.FAILED:
            return f"an app raised: {row.error or message.error or 'see the log'}"
        return "the router has run"

    def _settled(self, row: TransmissionRow) -> str:
        why = f": {row.error}" if row.error else ""
        sentences = {
            Status.HELD: f"waits for a person{why}; sms-gateway release {row.message_id}",
            Status.SENDING: f"is with {row.device}; {'its answer is awaited' if self._outlook.service_runs else DOWN}",
            Status.SENT: f"was sent by {row.device} at {output.moment(row.sent_ms)}",
            Status.DELIVERED: f"was sent by {row.device}, and delivered at {output.moment(row.delivered_ms)}",
            Status.FAILED: f"failed{why or ', without a reason'}; sms-gateway resend {row.message_id} tries again",
            Status.UNKNOWN: f"left through {row.device}, and no answer came{why}",
            Status.EXPIRED: f"its time ran out at {output.moment(row.expires_ms)}",
            Status.CANCELLED: f"was cancelled{why}",
        }
        return sentences[row.status]

    def _queued(self, row: TransmissionRow, message: MessageRow) -> Iterator[str]:
        now_ms = self._clock.now_ms()
        if self._opted_out(row, message):
            yield f"{OPTED_OUT}; it is cancelled as soon as its turn comes"
        quiet_ms = self._outlook.gate.quiet_until(row.lane, row.connection.identity, message.priority, now_ms)
        if quiet_ms is not None:
            hours = self._outlook.gate.quiet(row.lane)
            yield f"the recipient's quiet hours ({hours}) last until {output.moment(quiet_ms)}"
        if row.due_ms is not None and row.due_ms > now_ms and row.due_ms != quiet_ms:
            again = f", after attempt {row.attempts}: {row.error}" if row.attempts and row.error else ""
            yield f"is due at {output.moment(row.due_ms)}{again}"
        doubt = clock_doubt(self._outlook.skews) if self._outlook.service_runs else None
        if doubt and row.due_ms is not None and row.due_ms <= now_ms and not row.attempts:
            yield f"waits for the time: {doubt}"
        if not self._outlook.service_runs:
            yield DOWN
        yield from self._lane(row)
        yield from self._outlook.shared(row.lane, dict(message.fields), row.device, row.parts)
        yield from self._ahead(row, now_ms)

    def _opted_out(self, row: TransmissionRow, message: MessageRow) -> bool:
        with self._one.store.read() as c:
            return message.kind != CONFIRMATION and bool(optouts.among(c, [row.connection.identity]))

    def _ahead(self, row: TransmissionRow, now_ms: int) -> Iterator[str]:
        if row.due_ms is not None and row.due_ms > now_ms:
            return
        with self._one.store.read() as c:
            count = queries.ahead(c, row.id)
        if count:
            yield f"{count} that waited longer or are more urgent go{'es' if count == 1 else ''} first"

    def _lane(self, row: TransmissionRow) -> Iterator[str]:
        name, _, preferred = row.lane.partition("@")
        backend = self._config.backend.get(name)
        if isinstance(backend, PoolConfig):
            yield from self._pool(backend, preferred, row)
        elif backend is not None:
            return
        elif name in self._config.devices or name in self._outlook.rows:
            why = self._device(name, row)
            if why:
                yield f"{name}: {why}"
        else:
            yield f"there is no device or backend {base(name)} in this config any more"

    def _pool(self, pool: PoolConfig, preferred: str, row: TransmissionRow) -> Iterator[str]:
        found = {device: self._device(device, row) for device in pool.devices}
        if all(found.values()):
            yield from (f"{device}: {why}" for device, why in found.items())
        elif found.get(preferred):
            yield f"{preferred}: {found[preferred]}; another device of {pool.name} takes it"
        elif returning := self._outlook.returning(pool):
            yield returning

    def _device(self, name: str, row: TransmissionRow) -> str | None:
        return self._outlook.obstacle(name, row.parts) or self._outlook.stranger(name, row.connection.identity)
