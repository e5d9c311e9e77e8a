"""How a modem is, as its owner hears it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from drivers.base import HEALTH_EVERY_S, Health, State
from drivers.gsm.recovery import Recovery
from drivers.gsm.sending import Outbox
from drivers.gsm.session import Session

WINDOW = 10
"""Parts that may wait with the driver: so many that the radio link can be kept open between them."""


class Reporter:
    """Tells the owner every change, and what there is at least every ``HEALTH_EVERY_S``."""

    def __init__(self, send: Callable[..., None], outbox: Outbox, recovery: Recovery, driver: str) -> None:
        self._send = send
        self._outbox = outbox
        self._recovery = recovery
        self._driver = driver
        self.last = Health(State.STARTING, reason="opening the modem")
        self.due_mono = 0.0
        self.remark = ""
        """What a person should know of a modem that is up."""
        self._profile: str | None = None
        self._heard_mono: float | None = None

    @property
    def is_up(self) -> bool:
        """Whether messages may be sent."""
        return self.last.state is State.UP

    @property
    def why(self) -> str:
        """Why not."""
        return self.last.reason or f"the modem is {self.last.state}"

    def tell(self, session: Session | None, state: State, reason: str = "") -> None:
        """Report; what waits is handed back unless the modem is up."""
        if session:
            self._profile = session.profile.name
            health = session.health(state, reason, self._outbox.round_trip_s)
        else:
            health = dataclasses.replace(self.last, state=state, reason=reason, signal=None, registration=None)
        self.last = dataclasses.replace(
            health,
            window=WINDOW,
            in_flight=len(self._outbox),
            details={
                "driver": self._driver,
                "profile": self._profile,
                "heard_s": self._heard(session),
                **self._recovery.told(time.monotonic()),
            },
        )
        self.due_mono = time.monotonic() + HEALTH_EVERY_S
        self._send(self.last)
        if not self.is_up:
            self._outbox.hand_back(self.why)

    def _heard(self, session: Session | None) -> float | None:
        """How long ago the modem said anything, in seconds; None before its first word."""
        self._heard_mono = session.at.heard_mono if session else self._heard_mono
        return None if self._heard_mono is None else round(time.monotonic() - self._heard_mono, 1)

    def tell_change(self, session: Session | None, state: State, reason: str) -> None:
        """Report unless that is what was reported last."""
        if (self.last.state, self.last.reason) != (state, reason):
            self.tell(session, state, reason)

    def again(self, session: Session | None) -> None:
        """Report the same state again."""
        self.tell(session, self.last.state, self.last.reason)

    def tell_standing(self, session: Session, poll_s: float) -> None:
        """Report an open modem by how it stands with the network."""
        network = session.network
        if network.served:
            self.tell(session, State.UP, self.remark)
            return
        self.tell(session, State.DOWN, f"no network: registration is {network.registration}")
        # Looked at more often than the heartbeat: messages wait for it.
        self.due_mono = time.monotonic() + poll_s
