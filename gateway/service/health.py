"""What is known of one device, and when it has to be written down."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from drivers.base import Health, State
from gateway.standing import WRONG_S
from gateway.store.types import DeviceRow

WRITE_EVERY_S = {"modem": 60.0, "smpp": 10.0}
"""How soon what is no change of state is written down; an account's window and pace change while it is at work."""
WAVERS_S = 600.0
"""How soon what only wavers is: a card wears with each commit, and a modem that has nothing to do wavers all day."""
STEP = 10
"""Percent by which a signal has changed and not only wavered."""
PLAIN = frozenset({"state", "reason", "signal", "operator", "imei", "imsi", "iccid"})
IDENTITY = ("imei", "imsi", "iccid", "maker", "model")
"""What stays known when a later ``Health`` does not say it."""


class DeviceState:
    """The last ``Health`` of a device, and what the owner adds to it: a pause, a block."""

    def __init__(self, name: str, kind: str, driver: str, node: str, wavers_s: float = WAVERS_S) -> None:
        """``wavers_s``: how soon a health that only wavers is written down."""
        self._name, self.kind, self._driver, self._node = name, kind, driver, node
        self._wavers_s = wavers_s
        self.health = Health(State.STARTING)
        self.paused = False
        self.blocked: str | None = None
        self.returned_ms: int | None = None
        """When it last came back after it was away, for ``explain``."""
        self.rule: tuple[str, int, int] | None = None
        """What becomes of ``unknown``, for other gateways when this one is gone: on_unknown, settle (ms), attempts."""
        self._written: tuple[State, str] | None = None
        self._shown = self.health
        """The health as it was last written down."""
        self._written_mono = -math.inf
        self._changed = True
        """Whether something else has changed since."""
        self.more: dict[str, Any] = {}
        """What the service knows besides: the balance, the SIMs' service centres."""

    def update(self, health: Health) -> None:
        """Take what the device says of itself."""
        known = {name: getattr(self.health, name) for name in IDENTITY if getattr(health, name) is None}
        self.health = replace(health, **known)

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
        """Whether the row has to be written: a changed state at once, other changes soon, what wavers now and then."""
        if (self.state, self.reason) != self._written:
            return True
        age_s = now - self._written_mono
        if self._changed or not wavers(self._shown, self.health):
            return age_s >= WRITE_EVERY_S[self.kind]
        return age_s >= self._wavers_s and self.health != self._shown

    def written(self, now: float) -> None:
        """The row is in the store."""
        self._written, self._shown = (self.state, self.reason), self.health
        self._changed, self._written_mono = False, now

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


def wavers(before: Health, after: Health) -> bool:
    """Whether the two say the same: signal, round trip and the modem's clock are never quite what they were."""
    if (before.signal is None) != (after.signal is None) or abs((before.signal or 0) - (after.signal or 0)) >= STEP:
        return False
    return _lasting(before) == _lasting(after)


def _lasting(health: Health) -> Health:
    skew_s = health.clock_skew_s
    details = {key: value for key, value in health.details.items() if key != "heard_s"}
    # Of the clock it only matters whether the network speaks for it.
    agrees = None if skew_s is None else float(abs(skew_s) <= WRONG_S)
    return replace(health, signal=None, round_trip_s=None, clock_skew_s=agrees, details=details)
