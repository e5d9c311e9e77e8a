"""The parts that an account was given: what leaves next, and what became of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from drivers.base import DriverError, Event, Fault, Outcome, Result, Submit
from drivers.smpp import events, statuses
from drivers.smpp.account import Account
from drivers.smpp.connection import Connection
from drivers.smpp.names import ROK
from drivers.smpp.outgoing import Outgoing, Unit
from drivers.smpp.pace import Throttle

BATCH: Final = 16
"""Submits that leave at once. Small enough that their answers do not come all at once either: the window would
then be empty while they are dealt with."""
FULL_OCTETS: Final = 1 << 17
"""Nothing more is submitted over a connection that has so much still to write."""


class Outbox:
    """Keeps rule 2 of ``drivers.base`` for one account; ``say`` takes the events in order."""

    def __init__(self, account: Account, say: Callable[[Iterable[Event]], None]) -> None:
        self.throttle = Throttle()
        self._outgoing = Outgoing(account)
        self._statuses = account.statuses
        self._queue: deque[tuple[Unit, bytes]] = deque()
        """With their bodies, written while the window is full: when it is free no time is lost."""
        self._say = say

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, submit: Submit) -> None:
        """Take one transmission."""
        try:
            units = list(self._outgoing.units(submit))
        except (DriverError, ValueError) as error:
            self._refuse(((submit.token, part.index) for part in submit.parts), str(error))
            return
        for unit, part in units:
            try:
                self._queue.append((unit, self._outgoing.body(submit, part)))
            except (DriverError, ValueError) as error:
                self._refuse(unit.parts, str(error))

    def next(self, connections: Sequence[Connection], now: float) -> list[tuple[Connection, Unit, bytes]]:
        """What leaves now and over which bind, within the windows and the pace, once the owner has its ``Left``.

        At most ``BATCH``; to be called again when it is so many.
        """
        if not self._queue:
            return []
        allowance = self.throttle.allowance(now)
        rooms = {c: c.session.room for c in connections if c.session.pending < FULL_OCTETS}
        batch: list[tuple[Connection, Unit, bytes]] = []
        while self._queue and len(batch) < min(allowance, BATCH):
            connection = max(rooms, key=rooms.__getitem__, default=None)
            if connection is None or rooms[connection] <= 0:
                break
            unit, body = self._queue.popleft()
            rooms[connection] -= 1
            batch.append((connection, unit, body))
        if batch:
            self.throttle.took(len(batch))
        return batch

    def answered(self, event: events.Answered, now: float) -> None:
        """The carrier answered."""
        unit: Unit = event.key
        if event.status == ROK:
            self.throttle.accepted(now)
            self._say(
                Result(token, index, Outcome.ACCEPTED, reference=event.message_id, late=event.late)
                for token, index in unit.parts
            )
            return
        reason, fault = statuses.explain(event.status, self._statuses)
        pause = None
        if fault is Fault.THROTTLED:
            self.throttle.refused(now, event.round_trip_s)
            pause = self.throttle.pause()
        self._say(
            Result(token, index, Outcome.REFUSED, None, fault, event.status, reason, event.late, pause)
            for token, index in unit.parts
        )

    def unknown(self, units: Iterable[Unit], reason: str) -> None:
        """These left and have no answer."""
        self._say(Result(token, index, Outcome.UNKNOWN, reason=reason) for unit in units for token, index in unit.parts)

    def not_sent(self, parts: Iterable[tuple[int, int]], reason: str) -> None:
        """These never left."""
        self._say(Result(token, index, Outcome.NOT_SENT, fault=Fault.DEVICE, reason=reason) for token, index in parts)

    def hand_back(self, reason: str) -> None:
        """Give back what waits."""
        queue, self._queue = self._queue, deque()
        self.not_sent((part for unit, _ in queue for part in unit.parts), reason)

    def _refuse(self, parts: Iterable[tuple[int, int]], reason: str) -> None:
        self._say(Result(token, index, Outcome.REFUSED, fault=Fault.MESSAGE, reason=reason) for token, index in parts)
