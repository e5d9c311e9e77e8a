"""The submits of a session that wait for their answer."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

LATE_ANSWERS: Final = 10_000
"""Unanswered submits of which a late answer is still recognised."""

Key = Any
"""The caller's name for a submit; hashable."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One submit. ``end``: the offset in the session's stream behind its last octet."""

    key: Key
    at: float
    end: int


class Window:
    """Submits by sequence_number, oldest first; all have the same response timer."""

    def __init__(self, size: int, response_s: float) -> None:
        self._size = size
        self._response_s = response_s
        self._waiting: OrderedDict[int, Sent] = OrderedDict()
        self._late: OrderedDict[int, Sent] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def resize(self, size: int) -> None:
        """Allow this many from now on."""
        self._size = size

    @property
    def room(self) -> int:
        """How many more may be added."""
        return self._size - len(self._waiting)

    @property
    def deadline(self) -> float:
        """When the oldest one's timer runs out."""
        return self.oldest.at + self._response_s if self._waiting else float("inf")

    @property
    def oldest(self) -> Sent:
        """The one that waits longest. Raises StopIteration when none waits."""
        return next(iter(self._waiting.values()))

    def add(self, sequence: int, submit: Sent) -> None:
        """One more is under way."""
        self._waiting[sequence] = submit

    def answered(self, sequence: int) -> tuple[Sent, bool] | None:
        """The submit that an answer belongs to, and whether it is late; None when there is none, or it had one."""
        submit = self._waiting.pop(sequence, None)
        if submit is not None:
            return submit, False
        submit = self._late.pop(sequence, None)
        return None if submit is None else (submit, True)

    def overdue(self, now: float) -> list[Sent]:
        """Take out those whose timer has run out; their answers are late from now on."""
        found = []
        while self.deadline <= now:
            sequence, submit = self._waiting.popitem(last=False)
            self._late[sequence] = submit
            found.append(submit)
        while len(self._late) > LATE_ANSWERS:
            self._late.popitem(last=False)
        return found

    def clear(self) -> list[Sent]:
        """Take out all that wait."""
        left = list(self._waiting.values())
        self._waiting.clear()
        return left
