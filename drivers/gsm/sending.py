"""The parts that wait for a modem, and what became of those that have left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from drivers.base import Event, Fault, Left, Outcome, Part, Result, Submit
from drivers.gsm.at import At, ModemSilentError, Reply
from drivers.gsm.composing import Habits, Manner, UnsendableError
from drivers.gsm.lines import Line
from drivers.gsm.outcomes import Doubts, PartKey
from drivers.gsm.ports import PortError
from drivers.text import smscodes


@dataclass(frozen=True, slots=True)
class Order:
    """One part as an engine sends it.

    ``leaving`` is called before the part's first octet can leave the host; ``is_mine`` with a TP-MR, and says
    whether it answers this part (``drivers.gsm.outcomes``).
    """

    destination: str
    part: Part
    manner: Manner
    smsc: str | None
    receipt: bool
    timeout_s: float
    more: bool
    """Others follow at once: the radio link may be kept open."""
    leaving: Callable[[], None]
    is_mine: Callable[[int], bool]
    in_doubt: bool = False
    """Earlier parts may still be answered: an error, or an OK without TP-MR, may be theirs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The network's answer to one part: its TP-MR (None where the modem tells none), or what refuses it."""

    reference: int | None
    refusal: Reply | None = None


class Engine(Protocol):
    """What differs between the drivers: how an open modem is spoken with."""

    name: str
    open_limit_s: float

    def open(self, at: At) -> None:
        """Take the modem; its SIM is ready. Raises ModemSilentError, PortError."""

    def send(self, at: At, order: Order) -> Answer:
        """Send one part and wait for the network. Raises ModemSilentError, PortError, UnsendableError."""

    def signal(self, at: At) -> int | None:
        """Signal in percent. Raises ModemSilentError, PortError."""

    def counts(self, at: At) -> Mapping[str, tuple[int, int]]:
        """(used, size) of the memories that the engine can count. Raises ModemSilentError, PortError."""

    def close(self) -> None:
        """Give up what ``open`` took; never talks to the modem."""


class Outbox:
    """Parts in the order in which they were submitted; one at a time is with the modem.

    Args:
        send: takes events to the owner.
        answer_timeout_s: for the network's answer to one part.
        habits: how messages go out that don't say it themselves.
        receipts: whether the device asks for status reports at all.
    """

    def __init__(self, send: Callable[..., None], answer_timeout_s: float, habits: Habits, *, receipts: bool) -> None:
        self._send = send
        self._timeout_s = answer_timeout_s
        self._habits = habits
        self._receipts = receipts
        self._queue: deque[tuple[Submit, Part]] = deque()
        self.doubts = Doubts()
        self.round_trip_s: float | None = None
        self._heard_out = 0.0

    def hear_out(self, reference: int | None, parts: Iterable[PartKey], now_mono: float, wait_s: float) -> None:
        """The owner died with one of ``parts`` at the modem: nothing leaves until its answer has come, or ``wait_s``
        are over. An answer of then would be taken for that of the next part. ``reference``: of the last answer."""
        self.doubts = Doubts.remembered(reference, [(part, now_mono) for part in parts])
        self._heard_out = now_mono + wait_s

    @property
    def opens_mono(self) -> float:
        """When the next part may leave; a moment that is past when it may at once."""
        return self._heard_out if len(self.doubts) else 0.0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, submit: Submit) -> None:
        """Queue the parts of ``submit``."""
        self._queue.extend((submit, part) for part in submit.parts)

    def hand_back(self, reason: str) -> None:
        """Nothing of what waits can leave now."""
        self._finish(*(self._not_sent(submit, part, reason) for submit, part in self._queue))
        self._queue.clear()

    def send_next(self, at: At, engine: Engine, smsc: str | None) -> Result:
        """Send the first part and report. Raises ModemSilentError and PortError after the part's Result was sent."""
        submit, part = self._queue.popleft()
        left = False

        def leaving() -> None:
            nonlocal left
            left = True
            self._send(Left(((submit.token, part.index),), time.monotonic()))

        started = time.monotonic()
        self._end_hearing(None)
        self.doubts.expire(started)
        try:
            order = self._order(submit, part, smsc, leaving)
            result = self._judge(submit, part, engine.send(at, order))
        except UnsendableError as error:
            result = Result(submit.token, part.index, Outcome.REFUSED, fault=Fault.MESSAGE, reason=str(error))
        except (ModemSilentError, PortError) as error:
            self._failed(submit, part, str(error), left=left)
            raise
        self.round_trip_s = time.monotonic() - started
        self._finish(result)
        if result.outcome is not Outcome.ACCEPTED:
            self._drop(submit, "an earlier part of it was refused")
        return result

    def late(self, line: Line) -> bool:
        """Take an answer that came while no part waited for one; whether it could be credited."""
        value = line.value.partition(",")[0].strip()
        if line.name in ("+CMGS", "+CMSS") and value.isdigit():
            credit = self.doubts.late(int(value))
            if credit:
                self._finish(self._late(credit.part, credit.reference))
                self._end_hearing(credit.reference)
            return credit is not None
        # While a line is heard out a refusal may be of a message that was not whole: it proves nothing.
        part = self.doubts.late_refusal() if line.name == "+CMS ERROR" and not self._heard_out else None
        if part:
            fault, code, reason = _explain(Reply((), line.text))
            self._finish(Result(*part, Outcome.REFUSED, None, fault, code, reason, late=True))
        return part is not None

    def _end_hearing(self, reference: int | None) -> None:
        """The one answer that was owed has come, or can't come any more."""
        if self._heard_out:
            self.doubts, self._heard_out = Doubts.remembered(reference, ()), 0.0

    def _order(self, submit: Submit, part: Part, smsc: str | None, leaving: Callable[[], None]) -> Order:
        return Order(
            destination=submit.destination,
            part=part,
            manner=self._habits.manner(submit, part),
            smsc=smsc,
            receipt=submit.receipt and self._receipts,
            timeout_s=self._timeout_s,
            more=bool(self._queue),
            leaving=leaving,
            is_mine=self.doubts.is_mine,
            in_doubt=self.doubts.may_be_refused,
        )

    def _judge(self, submit: Submit, part: Part, answer: Answer) -> Result:
        if answer.reference is not None:
            own, credit = self.doubts.accepted(answer.reference)
            if credit:
                self._finish(self._late(credit.part, credit.reference))
            return Result(submit.token, part.index, Outcome.ACCEPTED, reference=str(own))
        if answer.refusal is None:
            return Result(submit.token, part.index, Outcome.ACCEPTED)
        fault, code, reason = _explain(answer.refusal)
        return Result(submit.token, part.index, Outcome.REFUSED, fault=fault, code=code, reason=reason)

    def _failed(self, submit: Submit, part: Part, reason: str, *, left: bool) -> None:
        if left:
            self.doubts.add((submit.token, part.index), time.monotonic())
            self._finish(Result(submit.token, part.index, Outcome.UNKNOWN, reason=reason))
        else:
            self._finish(self._not_sent(submit, part, reason))
        self._drop(submit, "an earlier part of it got no answer")

    def _drop(self, submit: Submit, reason: str) -> None:
        mine = [(one, part) for one, part in self._queue if one.token == submit.token]
        self._queue = deque(item for item in self._queue if item[0].token != submit.token)
        self._finish(*(self._not_sent(one, part, reason) for one, part in mine))

    def _finish(self, *results: Event) -> None:
        if results:
            self._send(*results)

    @staticmethod
    def _not_sent(submit: Submit, part: Part, reason: str) -> Result:
        return Result(submit.token, part.index, Outcome.NOT_SENT, reason=reason)

    @staticmethod
    def _late(part: tuple[int, int], reference: int) -> Result:
        return Result(*part, Outcome.ACCEPTED, reference=str(reference), reason="the answer came late", late=True)


def _explain(refusal: Reply) -> tuple[Fault, int | None, str]:
    """Whose fault a refusal is, its number, and what it says."""
    family, code = refusal.error
    if code is None:
        return Fault.UNCLEAR, None, f"the modem refused the message ({refusal.final})"
    meaning = smscodes.explain(family, code)
    return meaning.fault, code, meaning.sentence
