"""Whose answer is it? Messages that a modem never answered, and the answers that come late.

A modem counts its messages with TP-MR (3GPP TS 23.040 §9.2.3.6, modulo 256): two answers tell which of two
messages came first, and the last answer before tells which message a number belongs to. That is all the
evidence there is; where it does not decide, nobody is credited. Pure: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PartKey = tuple[int, int]
"""(token, part index) of ``drivers.base``."""
WRAP = 256
DOUBT_S = 300.0
"""No modem answers a message later than this; makers' manuals give at most 150 s."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A late answer that belongs to ``part``: accepted as ``reference``."""

    part: PartKey
    reference: int


@dataclass(slots=True)
class _Doubt:
    part: PartKey
    since_mono: float
    expected: int | None
    """The count that the modem gave it, where that can be told."""
    overtaken: bool = False
    """A later message was answered: a refusal, which has no count, would have come before that."""


class Doubts:
    """The parts that have left and were not answered, oldest first."""

    def __init__(self) -> None:
        self._open: list[_Doubt] = []
        self._next: int | None = None
        """The count of the next message to leave; None when it isn't known."""
        self._held: int | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, part: PartKey, now_mono: float) -> None:
        """``part`` got no answer in time. An answer that was held back meanwhile proves nothing."""
        self._held = None
        self._open.append(_Doubt(part, now_mono, self._next))
        self._count(self._next)

    @classmethod
    def remembered(cls, reference: int | None, parts: Iterable[tuple[PartKey, float]]) -> Doubts:
        """What an earlier owner of the line has left: the last answer's count, and the parts that left after it and
        were not answered, each with the time when it left, the oldest first."""
        doubts = cls()
        doubts._count(reference)
        for part, left_mono in parts:
            doubts.add(part, left_mono)
        return doubts

    def clear(self) -> None:
        """The modem was reset: what was open is never answered, and it may count from anywhere."""
        self._open.clear()
        self._held = self._next = None

    def expire(self, now_mono: float) -> None:
        """Forget what is too old to be answered."""
        kept = [doubt for doubt in self._open if now_mono - doubt.since_mono < DOUBT_S]
        if len(kept) < len(self._open):
            # Whether the modem has counted the forgotten ones isn't known.
            self._next = None
        self._open = kept

    def is_mine(self, reference: int) -> bool:
        """Whether an answer that came while a message waits is that message's own.

        False: it may be an earlier one's; it is held back until another answer comes, or the deadline.
        """
        if not self._open or reference == self._next:
            return True
        if self._next is None and self._held is not None and len(self._open) == 1:
            return True
        self._held = reference
        return False

    def accepted(self, reference: int) -> tuple[int, Credit | None]:
        """The waiting message was answered with ``reference``: its own reference, and a late answer that this proves.

        Of two answers to two messages the lower count is the earlier message's, whichever came first.
        """
        held, self._held = self._held, None
        if held is not None and self._next is None and (reference - held) % WRAP > WRAP // 2:
            held, reference = reference, held
        unknown = [doubt for doubt in self._open if doubt.expected is None]
        for back, doubt in enumerate(reversed(unknown), 1):
            doubt.expected = (reference - back) % WRAP
        for doubt in self._open:
            doubt.overtaken = True
        self._count(reference)
        return reference, self._credit(held)

    def late(self, reference: int) -> Credit | None:
        """An answer came while no message waited: whose it is, if that is sure."""
        if not self._open:
            self._count(reference)
            return None
        if len(self._open) == 1 and self._open[0].expected is None:
            self._open[0].expected = reference
            self._count(reference)
        return self._credit(reference)

    @property
    def may_be_refused(self) -> bool:
        """Whether a refusal that comes now may be an earlier part's."""
        return any(not doubt.overtaken for doubt in self._open)

    def late_refusal(self) -> PartKey | None:
        """A refusal came while no message waited: whose it is, if only one can be meant."""
        return self._open.pop().part if len(self._open) == 1 else None

    def _credit(self, reference: int | None) -> Credit | None:
        for doubt in self._open:
            if reference is not None and doubt.expected == reference:
                self._open.remove(doubt)
                return Credit(doubt.part, reference)
        return None

    def _count(self, reference: int | None) -> None:
        self._next = None if reference is None else (reference + 1) % WRAP
