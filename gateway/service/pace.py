"""Pauses between tries, and the signs of life that the watchdog looks at."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Pauses that double from ``first_s`` to ``longest_s``, each made up to a quarter shorter by chance."""

    first_s: float
    longest_s: float
    chance: random.Random = field(default_factory=random.SystemRandom)
    _tries: int = 0

    def pause_s(self) -> float:
        """The next pause, in seconds."""
        pause = min(self.longest_s, self.first_s * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return pause * (1 - self.chance.random() / 4)

    def reset(self) -> None:
        """Begin again: it went well."""
        self._tries = 0


@dataclass(slots=True)
class Beat:
    """When a loop last went round. ``limit_s``: the longest that one round may take."""

    name: str
    limit_s: float
    moved_mono: float

    def late(self, now_mono: float) -> bool:
        """Whether the loop stands still."""
        return now_mono - self.moved_mono > self.limit_s
