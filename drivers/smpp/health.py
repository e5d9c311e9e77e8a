"""What the owner hears about an account's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.base import Health, State
from drivers.smpp.account import Account
from drivers.smpp.bind import Bind
from drivers.smpp.outbox import Outbox

EVERY_S: Final = 10.0
SMOOTHING: Final = 0.1
AHEAD_S: Final = 0.1
"""For so long the submits that wait here last while the owner writes results down: a commit on a slow card."""
MOST_WINDOWS: Final = 8
MOST_AHEAD: Final = 400


class HealthReporter:
    """Makes a ``Health`` at every change and every ``EVERY_S`` seconds."""

    def __init__(self, account: Account) -> None:
        self.carrier = ""
        self.due = 0.0
        self._account = account
        self._round_trip: float | None = None
        self._last: tuple[State, str, int, int] | None = None
        self._was_up = False

    def round_trip(self, seconds: float) -> None:
        """One answer took so long."""
        known = self._round_trip
        self._round_trip = seconds if known is None else known + SMOOTHING * (seconds - known)

    def changed(self, binds: Sequence[Bind], outbox: Outbox, now: float, stopping: str = "") -> Health | None:
        """The account's health when it changed or is due, else None. ``stopping``: paused, or closing."""
        throttle = outbox.throttle
        state, reason = self._state(binds, stopping)
        senders = [bind for bind in binds if bind.can_submit]
        window = self._account.window * len(senders)
        ahead = self._ahead(window, throttle.rate)
        signature = (state, reason, round(throttle.factor * 20), ahead)
        if signature == self._last and now < self.due:
            return None
        self._last, self.due = signature, now + EVERY_S
        in_flight = sum(bind.connection.session.outstanding for bind in binds if bind.connection)
        return Health(
            state=state,
            reason=reason,
            operator=self.carrier or None,
            port=f"{self._account.host}:{self._account.port}",
            window=window + ahead,
            in_flight=in_flight + len(outbox),
            round_trip_s=self._round_trip,
            rate_factor=throttle.factor,
            details={
                "binds": len(binds),
                "bound": sum(bind.up for bind in binds),
                "window": self._account.window,
                "throttled": throttle.refusals,
                "rate_limit": throttle.rate,
            },
        )

    def _ahead(self, window: int, rate: float | None) -> int:
        """How many submits wait here, so that no window is empty meanwhile: more where answers come fast.

        In doublings, so that a round trip that wavers is no news.
        """
        windows = 1
        while self._round_trip and windows < MOST_WINDOWS and windows * self._round_trip < AHEAD_S:
            windows *= 2
        ahead = max(window, min(windows * window, MOST_AHEAD))
        return ahead if rate is None else min(ahead, max(window, round(rate * AHEAD_S)))

    def _state(self, binds: Sequence[Bind], stopping: str) -> tuple[State, str]:
        if stopping:
            return State.PAUSED if stopping == "paused" else State.DOWN, stopping
        down = [bind for bind in binds if not bind.up]
        needed = [bind for bind in binds if bind.can_submit] or list(binds)
        reason = next((bind.reason for bind in down if bind.reason), "")
        if any(bind.up for bind in needed):
            self._was_up = True
            return State.UP, f"{len(down)} of {len(binds)} binds are down: {reason}" if down else ""
        if any(bind.blocked for bind in binds):
            return State.BLOCKED, next(bind.reason for bind in binds if bind.blocked)
        if not self._was_up and all(bind.retry_at == 0 for bind in binds):
            return State.STARTING, "binding"
        return State.DOWN, reason or "binding"
