"""What to do next about a modem that fails, and when. Pure: the time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

PAUSES_S = (0.2, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Between two attempts to open a modem again; the last one from then on."""
RESETS = 3
RESET_PERIOD_S = 3600.0
"""No more than RESETS resets in this time: a reset that did not help twice won't help at the tenth time."""
STEADY_S = 60.0
"""A modem that has worked for this long has recovered."""
FAILURES_BEFORE_RESET = 2


@dataclass(slots=True)
class Recovery:
    """The ladder of one modem: open it again, reset it, wait longer."""

    failures: int = 0
    """Failures in a row."""
    retry_mono: float = 0.0
    """Not before this time."""
    reopened: int = 0
    resets: int = 0
    _working_mono: float | None = None
    _reset_times: deque[float] = field(default_factory=deque)

    def working(self, now_mono: float) -> None:
        """The modem answers; after STEADY_S of that the ladder begins at its foot again."""
        if self._working_mono is None:
            self._working_mono = now_mono
            self.reopened += 1
        elif now_mono - self._working_mono >= STEADY_S:
            self.failures = 0

    def answered(self) -> None:
        """The network answered a message: as sure a sign as there is."""
        self.failures = 0

    def failed(self, now_mono: float) -> bool:
        """The modem fell silent. Returns whether to reset it before it is opened again."""
        self._wait(now_mono)
        while self._reset_times and now_mono - self._reset_times[0] > RESET_PERIOD_S:
            self._reset_times.popleft()
        if self.failures < FAILURES_BEFORE_RESET or len(self._reset_times) >= RESETS:
            return False
        self._reset_times.append(now_mono)
        self.resets += 1
        return True

    def absent(self, now_mono: float, pause_s: float) -> None:
        """The port is not there, or another process has it: nothing to recover, look again after ``pause_s``."""
        self._working_mono = None
        self.retry_mono = now_mono + pause_s

    def _wait(self, now_mono: float) -> None:
        self._working_mono = None
        self.retry_mono = now_mono + PAUSES_S[min(self.failures, len(PAUSES_S) - 1)]
        self.failures += 1
