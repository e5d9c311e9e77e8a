"""What is known of one device, and when it has to be written down."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from drivers.base import Health, State
from gateway.store.types import DeviceRow

WRITE_EVERY_S = {"modem": 60.0, "smpp": 10.0}
"""How soon what is no change of state is written down; an account's window and pace change while it is at work."""
PLAIN = frozenset({"state", "reason", "signal", "operator", "imei", "imsi", "iccid"})
IDENTITY = ("imei", "imsi", "iccid", "maker", "model")
"""What stays known when a later ``Health`` does not say it."""


class DeviceState:
    """The last ``Health`` of a device, and what the owner adds to it: a pause, a block."""

    def __init__(self, name: str, kind: str, driver: str, node: str) -> None:
        self._name, self.kind, self._driver, self._node = name, kind, driver, node
        self.health = Health(State.STARTING)
        self.paused = False
        self.blocked: str | None = None
        self.returned_ms: int | None = None
        """When it last came back after it was away, for ``explain``."""
        self.rule: tuple[str, int, int] | None = None
        """What becomes of ``unknown``, for other gateways when this one is gone: on_unknown, settle (ms), attempts."""
        self._written: tuple[State, str] | None = None
        self._due = -math.inf
        self._changed = True
        self.more: dict[str, Any] = {}
        """What the service knows besides: the balance, the SIMs' service centres."""

    def update(self, health: Health) -> None:
        """Take what the device says of itself."""
        known = {name: getattr(self.health, name) for name in IDENTITY if getattr(health, name) is None}
        health = replace(health, **known)
        self._changed = self._changed or health != self.health
        self.health = health

    def down(self, reason: str, state: State = State.DOWN) -> None:
        """The owner knows that the device can't be used."""
        self.update(Health(state, reason))

    def pause(self, *, on: bool) -> None:
        """A person paused or resumed the device."""
        self.paused, self._changed = on, True

    @property
    def state(self) -> State:
        """The device as the owner sees it."""
        if self.paused:
            return State.PAUSED
        return State.BLOCKED if self._is_blocked else self.health.state

    @property
    def reason(self) -> str:
        """Why it is so, in one sentence; empty when it is up."""
        blocked = self.blocked if self._is_blocked else None
        return "" if self.paused else blocked or self.health.reason

    @property
    def _is_blocked(self) -> bool:
        # Of a device that is not there, that is what a person has to know first.
        return self.blocked is not None and self.health.state is not State.ABSENT

    @property
    def sim(self) -> str | None:
        """The SIM's name: its ICCID, else its IMSI."""
        return self.health.iccid or self.health.imsi

    def know(self, **more: Any) -> None:
        """Learn what is shown besides the device's own words."""
        self._changed = self._changed or any(self.more.get(key) != value for key, value in more.items())
        self.more.update(more)

    def due(self, now: float) -> bool:
        """Whether the row has to be written: a changed state at once, the rest now and then."""
        return (self.state, self.reason) != self._written or (self._changed and now >= self._due)

    def written(self, now: float) -> None:
        """The row is in the store."""
        self._written, self._changed, self._due = (self.state, self.reason), False, now + WRITE_EVERY_S[self.kind]

    def row(self, now_ms: int) -> DeviceRow:
        """The device's row."""
        health = self.health
        rest = {key: value for key, value in asdict(health).items() if key not in PLAIN and value is not None}
        rest.update(self.more)
        if self.returned_ms is not None:
            rest["returned_ms"] = self.returned_ms
        if self.rule:
            rest["rule"] = self.rule
        return DeviceRow(
            self._name, self.kind, self._driver, self._node, str(self.state), self.reason, self.paused,
            health.signal, health.operator, health.imei, health.imsi, health.iccid, rest, updated_ms=now_ms,
        )  # fmt: skip
