"""What to do next about a modem that fails, and when. Pure: the time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

PAUSES_S = (0.2, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Between two attempts to open a modem again; the last one from then on."""
PERIOD_S = 3600.0
STEADY_S = 60.0
"""A modem that has worked for this long has recovered."""


class Step(StrEnum):
    """The rungs of the ladder, from the gentlest."""

    REOPEN = "reopen"
    RESET = "reset"
    """AT+CFUN=1,1 (3GPP TS 27.007 §8.2)."""
    USB = "usb"
    """Its USB device is re-authorized."""
    HUB = "hub"
    """Its port of the hub is switched off and on."""


BUDGET = {Step.RESET: 3, Step.USB: 2, Step.HUB: 1}
"""How often in PERIOD_S: a step that did not help twice won't help at the tenth time."""
AFTER = {Step.RESET: 2, Step.USB: 4, Step.HUB: 6}
"""The failure in a row at which a step is tried first."""


@dataclass(slots=True)
class Recovery:
    """The ladder of one modem: open it again, restart it by ever harder means, wait longer."""

    allowed: frozenset[Step] = frozenset({Step.RESET})
    failures: int = 0
    """Failures in a row."""
    retry_mono: float = 0.0
    """Not before this time."""
    reopened: int = 0
    done: dict[Step, int] = field(default_factory=dict)
    """How often each step was tried since the start."""
    _working_mono: float | None = None
    _times: dict[Step, deque[float]] = field(default_factory=dict)

    @classmethod
    def allowing(cls, steps: Iterable[str]) -> Recovery:
        """A ladder of these steps, by their words. Raises ValueError for a word that is none."""
        return cls(frozenset(Step(word) for word in steps))

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

    def failed(self, now_mono: float) -> Step:
        """The modem fell silent. Returns what to do before it is opened again: the hardest step that is due, is
        allowed and has budget left."""
        self._working_mono = None
        self.retry_mono = now_mono + PAUSES_S[min(self.failures, len(PAUSES_S) - 1)]
        self.failures += 1
        for step in (Step.HUB, Step.USB, Step.RESET):
            if step in self.allowed and self.failures >= AFTER[step] and self.left(step, now_mono):
                self._times[step].append(now_mono)
                self.done[step] = self.done.get(step, 0) + 1
                return step
        return Step.REOPEN

    def left(self, step: Step, now_mono: float) -> int:
        """How often a step may still be tried in this period."""
        times = self._times.setdefault(step, deque())
        while times and now_mono - times[0] > PERIOD_S:
            times.popleft()
        return BUDGET[step] - len(times)

    def absent(self, now_mono: float, pause_s: float) -> None:
        """The port is not there, or another process has it: nothing to recover, look again after ``pause_s``."""
        self._working_mono = None
        self.retry_mono = now_mono + pause_s

    def told(self, now_mono: float) -> dict[str, Any]:
        """The counters, for whoever looks at the modem's health."""
        steps = sorted(self.allowed)
        return {
            "reopened": self.reopened,
            "failures": self.failures,
            "recovery": {str(step): self.done.get(step, 0) for step in steps},
            "recovery_left": {str(step): self.left(step, now_mono) for step in steps},
        }
