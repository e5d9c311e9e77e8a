"""One device's outgoing flow: claimed transmissions become parts at the device, their results become settlements.

Nothing here waits or writes. The worker asks what may be claimed (``room``), what may be submitted now (``submits``)
and what is to be written (``batch``), and says when it was written (``written``).
"""

from __future__ import annotations

import math
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from drivers.base import Fault, Left, Outcome, Part, Result, Submit
from gateway.limits import Limiter
from gateway.limits.limiter import RAMP_STEP_S
from gateway.parts import Splitter
from gateway.policy import DevicePolicy, after
from gateway.service.batches import OutBatch
from gateway.service.clock import Clock
from gateway.service.pace import Backoff
from gateway.store.types import Claimed, PartResult, Settlement, Status, UsageRow

MOST_ROWS = 400
"""So many are claimed at once."""
MOST_AHEAD = 200
"""So many are claimed beyond what the device has room for."""
REMEMBERED = 1000
DEVICE = ""
"""Whose usage it is when it is the device's own."""
TROUBLE = frozenset({Fault.DEVICE, Fault.THROTTLED})


@dataclass(frozen=True, slots=True)
class Room:
    """What may be claimed now: rows, parts (None: no limit), and the whole limit in parts.

    ``recipients``: how many new ones, and those who may be written to in any case; None is no limit.
    """

    rows: int
    parts: int | None
    whole: int | None
    recipients: tuple[int, frozenset[str]] | None = None


@dataclass(slots=True)
class _Attempt:
    claimed: Claimed
    waiting: tuple[Part, ...]
    """Those that are not with the device yet."""
    parts: int
    expires_mono: float | None = None
    """``expires`` by the clock that nobody sets, as it stood when this was claimed."""
    open: dict[int, float | None] = field(default_factory=dict)
    """By index of a part at the device: when it left (monotonic), None when it has not."""
    results: dict[int, Result] = field(default_factory=dict)


class Outgoing:
    """The attempts of one device that are under way."""

    def __init__(
        self, policy: DevicePolicy, limiter: Limiter, splitter: Splitter, clock: Clock, *,
        receipts: bool = True, metered: bool = True, chance: random.Random | None = None,
        subjects: Callable[[Claimed], tuple[str, ...]] = lambda _: (),
    ) -> None:  # fmt: skip
        """``metered``: the device has limits, so what leaves is written down. ``subjects``: whose limits a message
        counts against besides."""
        self._policy, self.limiter, self._splitter, self._clock = policy, limiter, splitter, clock
        self._receipts, self._metered = receipts, metered
        self._chance = chance or random.Random()  # noqa: S311 - a pause, not a secret
        self._attempts: dict[int, _Attempt] = {}
        self._unsent: dict[int, _Attempt] = {}
        """Those of them with parts that are not with the device yet, in their order."""
        self._results: list[PartResult] = []
        self._late: list[PartResult] = []
        self._settlements: list[Settlement] = []
        self._usage: Counter[tuple[str, int, bool]] = Counter()
        self._subjects, self._written_to = subjects, dict[str, int]()
        self._trouble = Backoff(1.0, 60.0, self._chance)
        self._held_until = -math.inf
        self._taken = 0
        self._refused: OrderedDict[int, int] = OrderedDict()
        """By transmission that was refused for trouble of the device, how many parts it had taken until then."""
        self.trouble = 0
        """How often the device has refused something for its own trouble since it last took a part."""
        self.window = 1
        self.sim: str | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, so that ``limiter`` may be replaced."""
        return not self._attempts

    @property
    def in_flight(self) -> int:
        """Parts that are with the device."""
        return sum(len(attempt.open) for attempt in self._attempts.values())

    @property
    def busy(self) -> bool:
        """Whether the device has so much in hand that it will not wait for the next claim."""
        return self.window > 1 and self.in_flight * 2 >= self.window

    @property
    def waiting(self) -> int:
        """Parts of claimed transmissions that are not with the device yet."""
        return sum(len(attempt.waiting) for attempt in self._unsent.values())

    def room(self, now: float) -> Room | None:
        """What may be claimed at ``now`` (monotonic); None when nothing may."""
        waiting = self.waiting
        # A window's worth is claimed ahead, so that the device is never idle during a commit; a modem takes one by one.
        window = self._window(now)
        rows = (window if window == 1 else window + min(window, MOST_AHEAD)) - self.in_flight - waiting
        free = self.limiter.available(now)
        parts = None if free is None else free - waiting
        if rows <= 0 or now < self._held_until or (parts is not None and parts <= 0):
            return None
        people = self.limiter.recipients
        return Room(
            min(rows, MOST_ROWS), parts, self.limiter.whole, (people.left(now), people.known(now)) if people else None
        )

    def _window(self, now: float) -> int:
        """How many parts may be with the device at once: few where it has just returned."""
        return math.ceil(self.window * self.limiter.share(now))

    def opens_at(self, now: float, count: int = 1) -> float:
        """When ``count`` more parts may leave (monotonic); inf when only an event can change it."""
        if self.in_flight >= self._window(now):
            return now + RAMP_STEP_S if self.in_flight < self.window else math.inf
        return max(self.limiter.next_at(now, count), self._held_until)

    def take(self, claimed: Iterable[Claimed]) -> None:
        """Take over what was claimed and committed."""
        for each in claimed:
            if self.limiter.recipients:
                self.limiter.recipients.reserve(each.identity)
            try:
                parts = self._splitter.split(each)
            except ValueError as error:
                self._attempts[each.attempt] = _Attempt(each, (), 1)
                self.result(Result(each.attempt, 1, Outcome.REFUSED, fault=Fault.MESSAGE, reason=str(error)))
                continue
            self._attempts[each.attempt] = self._unsent[each.attempt] = _Attempt(
                each, tuple(parts), len(parts), self._expires_mono(each)
            )

    def submits(self, now: float) -> list[Submit]:
        """What the device gets now, within its window and its limits."""
        given: list[Submit] = []
        if now < self._held_until:
            return given
        credit = self._window(now) - self.in_flight
        free = self.limiter.available(now)
        for attempt in list(self._unsent.values()):
            count = min(len(attempt.waiting), credit, credit if free is None else free)
            if count <= 0:
                break
            parts, attempt.waiting = attempt.waiting[:count], attempt.waiting[count:]
            attempt.open.update((part.index, None) for part in parts)
            if not attempt.waiting:
                del self._unsent[attempt.claimed.attempt]
            self.limiter.reserve(count, now)
            given.append(self._submit(attempt, parts))
            credit -= count
            free = None if free is None else free - count
        return given

    def left(self, event: Left) -> None:
        """Parts are leaving the host."""
        for token, index in event.parts:
            attempt = self._attempts.get(token)
            if attempt and index in attempt.open and attempt.open[index] is None:
                attempt.open[index] = event.at_mono
                self.limiter.left(event.at_mono)

    def result(self, event: Result) -> None:
        """What became of one part. Late answers are evidence for an attempt that was settled as unknown."""
        attempt = self._attempts.get(event.token)
        if attempt is None or event.index in attempt.results:
            self._late.append(self._row(event, None))
            return
        left = attempt.open.pop(event.index, None)
        if not any(part.index == event.index for part in attempt.waiting):
            self._meter(attempt.claimed, event, left)
        attempt.results[event.index] = event
        self._results.append(self._row(event, left))
        self._hold(event)
        if len(attempt.results) == attempt.parts:
            self._settle(attempt)

    def give_back(self, reason: str) -> None:
        """Hand back every part that is not with the device, as never sent."""
        unsent, self._unsent = self._unsent, {}
        for token, attempt in unsent.items():
            parts, attempt.waiting = attempt.waiting, ()
            for part in parts:
                self._end(attempt, Result(token, part.index, Outcome.NOT_SENT, reason=reason))

    def batch(self) -> OutBatch:
        """What has not been written yet."""
        usage: dict[str, list[UsageRow]] = {}
        for (subject, at_ms, taken), count in sorted(self._usage.items()):
            usage.setdefault(subject, []).append(UsageRow(at_ms, count, count if taken else 0))
        own = tuple(usage.pop(DEVICE, ()))
        shares = {subject: tuple(rows) for subject, rows in usage.items()}
        return OutBatch(
            tuple(self._results), tuple(self._late), tuple(self._settlements), own, shares, dict(self._written_to)
        )

    def written(self) -> None:
        """The last batch is in the store."""
        for pending in (self._results, self._late, self._settlements):
            pending.clear()
        self._usage.clear()
        self._written_to.clear()

    def _expires_mono(self, claimed: Claimed) -> float | None:
        if claimed.expires_ms is None:
            return None
        return self._clock.mono() + (claimed.expires_ms - self._clock.now_ms()) / 1000

    def _submit(self, attempt: _Attempt, parts: Sequence[Part]) -> Submit:
        claimed, expires = attempt.claimed, attempt.expires_mono
        return Submit(
            claimed.attempt, claimed.identity, tuple(parts), flash=claimed.flash, receipt=self._receipts,
            validity_s=None if expires is None else max(1.0, expires - self._clock.mono()), priority=claimed.priority,
            text=claimed.text, fields=claimed.fields, source=_source(claimed),
        )  # fmt: skip

    def _end(self, attempt: _Attempt, event: Result) -> None:
        attempt.results[event.index] = event
        self._results.append(self._row(event, None))
        if len(attempt.results) == attempt.parts:
            self._settle(attempt)

    def _row(self, event: Result, left: float | None) -> PartResult:
        return PartResult(
            event.token, event.index, event.outcome, event.reference, event.fault, event.code, event.reason,
            None if left is None else self._clock.at_ms(left), self.sim,
        )  # fmt: skip

    def _meter(self, claimed: Claimed, event: Result, left: float | None) -> None:
        now = self._clock.mono()
        if event.outcome is Outcome.NOT_SENT:
            self.limiter.release(1, now)
            return
        taken = event.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)
        self.limiter.settle(now, taken=taken, left_at=left)
        if subjects := (*((DEVICE,) if self._metered else ()), *self._subjects(claimed)):
            at_ms = self._clock.at_ms(now if left is None else left)
            self._usage.update((subject, at_ms, taken) for subject in subjects)

    def _hold(self, event: Result) -> None:
        """Leave a device in trouble alone for a while: its messages wait, and the log is not flooded."""
        if event.outcome is Outcome.ACCEPTED:
            self._taken += 1
            self.trouble = 0
            self._trouble.reset()
        elif event.fault in TROUBLE or event.outcome is Outcome.NOT_SENT:
            self.trouble += event.fault is Fault.DEVICE
            now = self._clock.mono()
            if now >= self._held_until:
                pause = self._trouble.pause_s() if event.retry_after_s is None else event.retry_after_s
                self._held_until = now + pause

    def _works(self, transmission: int, results: Iterable[Result]) -> bool:
        """Whether the device has taken others since it last refused this one for trouble of its own."""
        if not any(result.fault is Fault.DEVICE for result in results):
            return False
        before = self._refused.pop(transmission, self._taken)
        self._refused[transmission] = self._taken
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        return self._taken > before

    def _settle(self, attempt: _Attempt) -> None:
        claimed = attempt.claimed
        del self._attempts[claimed.attempt]
        self._unsent.pop(claimed.attempt, None)
        results = [attempt.results[index] for index in sorted(attempt.results)]
        expires_ms = None if attempt.expires_mono is None else self._clock.at_ms(attempt.expires_mono)
        if self.limiter.recipients:
            went = any(result.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN) for result in results)
            now = self._clock.mono()
            self.limiter.recipients.settle(claimed.identity, now if went else None)
            if went:
                self._written_to[claimed.identity] = self._clock.at_ms(now)
        decision = after(
            results, claimed.number, self._policy, expires_ms, self._clock.now_ms(), self._chance.random(),
            works=self._works(claimed.transmission, results),
        )  # fmt: skip
        again = decision.status is Status.QUEUED
        self._settlements.append(
            Settlement(
                claimed.attempt,
                claimed.transmission,
                decision.status,
                decision.error,
                decision.retry_at_ms,
                decision.counted,
                decision.front,
                possible_duplicate=again and any(r.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN) for r in results),
            )
        )


def _source(claimed: Claimed) -> str | None:
    source = claimed.fields.get("source")
    return source if isinstance(source, str) and source else None
