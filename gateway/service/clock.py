"""The two clocks of the service, and the step between them.

The wall clock of a small computer jumps (no battery, a late time server); CLOCK_MONOTONIC does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 2.0
"""A difference that is a step and not drift or a slow adjustment."""


class Clock:
    """Wall and monotonic time; both sources are arguments."""

    def __init__(self, wall: Callable[[], float] = time.time, mono: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._mono = wall, mono
        self._offset = self._steady = wall() - mono()
        self.was_set = False
        """Whether it was set since the start."""

    def mono(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return self._mono()

    def now_ms(self) -> int:
        """Wall time, in milliseconds since 1970, UTC."""
        return round(self._wall() * 1000)

    def steady_ms(self) -> int:
        """Wall time as it was at the start plus the monotonic time since: never jumps."""
        return round((self._steady + self._mono()) * 1000)

    def unexpired_ms(self) -> int:
        """The earlier of both: what has expired by it has expired, however the wall clock was set meanwhile."""
        return min(self.now_ms(), self.steady_ms())

    def follow(self, step_s: float) -> None:
        """Let ``steady_ms`` take a step of the wall clock too: what was stored before has been moved along.

        From now on it is believed whatever a network says: somebody has set it.
        """
        self._steady += step_s
        self.was_set = True

    def at_ms(self, mono: float) -> int:
        """The wall time, in milliseconds, of a moment of CLOCK_MONOTONIC."""
        return self.now_ms() - round((self._mono() - mono) * 1000)

    def drift_s(self) -> float:
        """How far the wall clock has moved away from the monotonic one since the start, in seconds."""
        return self._wall() - self._mono() - self._offset


class StepGuard:
    """Notices steps of the wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._seen = clock, clock.drift_s()

    def step_s(self) -> float:
        """The step since the last call, in seconds; 0.0 when there was none."""
        drift = self._clock.drift_s()
        step, self._seen = drift - self._seen, drift
        return step if abs(step) >= STEP_S else 0.0
