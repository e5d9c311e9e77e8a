"""Giving a SIM its PIN at most once without a person: each try is in the store before it reaches the SIM."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import PinNeeded, PinOutcome
from gateway.config.secrets import Secret
from gateway.errors import ConfigurationError
from gateway.store import pins
from gateway.store.engine import Conn


@dataclass(frozen=True, slots=True)
class PinStep:
    """What the store said: a try that is written down, or why there must be none."""

    try_id: int | None = None
    refused: str | None = None


class PinDesk:
    """The PIN of one device. The worker calls ``write`` inside its commit and ``pin`` after it."""

    def __init__(self, device: str, secret: Secret | None) -> None:
        self._device, self._secret = device, secret
        self._needed: PinNeeded | None = None
        self._try_id: int | None = None
        self._outcome: tuple[int, bool | None] | None = None
        self._pin = ""
        self.blocked: str | None = None
        """Why the SIM stays closed, in one sentence."""

    @property
    def pending(self) -> bool:
        """Whether there is something to write."""
        return self._outcome is not None or (self._needed is not None and self._try_id is None)

    def needed(self, event: PinNeeded) -> None:
        """The SIM asks for its PIN."""
        if self._try_id is None:
            self._needed = event

    def outcome(self, event: PinOutcome) -> None:
        """The SIM has answered."""
        if self._try_id is not None:
            self._outcome = (self._try_id, event.accepted)
        self._try_id = None
        said = "the SIM refused its PIN" if event.accepted is False else "the SIM did not answer its PIN"
        self.blocked = None if event.accepted else f"{said}; unlock allows another try"

    def ended(self) -> None:
        """The device's process has ended: an answer will not come any more."""
        if self._try_id is not None:
            self._outcome = (self._try_id, None)
        self._needed = self._try_id = None

    def write(self, c: Conn, now_ms: int) -> PinStep:
        """Write down an outcome, and the try that is about to be made if one may be."""
        if self._outcome is not None:
            pins.outcome(c, *self._outcome, now_ms)
        if self._needed is None or self._try_id is not None:
            return PinStep()
        if self._secret is None:
            return PinStep(refused="the SIM wants a PIN and the config has none")
        try:
            # A person who corrects the file and unlocks must not see the old PIN given again.
            self._pin = self._secret.fresh()
        except ConfigurationError as error:
            return PinStep(refused=str(error))
        if reason := pins.refused(c, self._needed.sim, self._needed.tries_left):
            return PinStep(refused=reason)
        return PinStep(pins.remember(c, self._needed.sim, self._device, self._needed.tries_left, now_ms))

    def pin(self, step: PinStep) -> str | None:
        """``write`` is committed: the PIN to give now, None for none."""
        self._outcome = None
        if step.refused is not None:
            self.blocked, self._needed = step.refused, None
        if step.try_id is None:
            return None
        self._try_id, self._needed = step.try_id, None
        return self._pin
