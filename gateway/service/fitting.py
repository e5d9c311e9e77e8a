"""From a device's config to its outgoing flow."""

from __future__ import annotations

from gateway.config.devices import ModemConfig, SmppConfig
from gateway.limits import Limiter
from gateway.parts import Splitter
from gateway.policy import DevicePolicy
from gateway.service.clock import Clock
from gateway.service.fleet import Fleet
from gateway.service.outgoing import Outgoing


def outgoing(settings: ModemConfig | SmppConfig, clock: Clock, fleet: Fleet) -> Outgoing:
    """The flow of a device, without what it has used of its limits yet."""
    policy = DevicePolicy(settings.attempts, settings.retry, settings.on_unknown, settings.settle)
    return Outgoing(
        policy, Limiter(), Splitter.of(settings), clock, receipts=settings.receipts, metered=settings.limited,
        subjects=lambda claimed: fleet.gate.subjects(claimed.lane, claimed.fields, settings.name),
    )  # fmt: skip
