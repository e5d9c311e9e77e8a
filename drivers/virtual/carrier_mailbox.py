"""What a virtual carrier keeps for an account until one of its binds has acknowledged it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from drivers.smpp import codec
from drivers.smpp.names import DELIVER_SM, ROK

WINDOW = 200


class Receiver(Protocol):
    """A bind that takes deliver_sm."""

    def write(self, octets: bytes) -> None:
        """Send octets to the client."""

    def next_sequence(self) -> int:
        """A sequence_number for a request of the carrier."""


@dataclass(slots=True)
class _Item:
    body: bytes
    tries: int = 0
    name: int = field(default_factory=itertools.count(1).__next__)


class Mailbox:
    """The deliver_sm of one account: at most ``WINDOW`` unacknowledged on a bind, the rest waits."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object], retry_s: float = 1.0) -> None:
        self.statuses: list[int] = []
        """command_status of each deliver_sm_resp that came."""
        self._later = later
        self._retry_s = retry_s
        self._queue: deque[_Item] = deque()
        self._binds: list[Receiver] = []
        self._unanswered: dict[tuple[Receiver, int], _Item] = {}

    @property
    def waiting(self) -> int:
        """How many have no positive answer yet."""
        return len(self._queue) + len(self._unanswered)

    def put(self, body: bytes) -> None:
        """Keep one deliver_sm until it is acknowledged."""
        self._queue.append(_Item(body))
        self.push()

    def bound(self, bind: Receiver) -> None:
        """A bind that receives is there."""
        self._binds.append(bind)
        self.push()

    def lost(self, bind: Receiver) -> None:
        """A bind is gone: what it had not acknowledged is delivered again, octet by octet the same."""
        if bind in self._binds:
            self._binds.remove(bind)
        owed = [key for key in self._unanswered if key[0] is bind]
        self._queue.extendleft(self._unanswered.pop(key) for key in reversed(owed))
        self.push()

    def answered(self, bind: Receiver, sequence: int, status: int) -> None:
        """A deliver_sm_resp came."""
        self.statuses.append(status)
        item = self._unanswered.pop((bind, sequence), None)
        if item is not None and status != ROK:
            self._later(self._retry_s, lambda: self._again(item))
        self.push()

    def push(self) -> None:
        """Send what may be sent now."""
        while self._queue and self._binds and len(self._unanswered) < WINDOW:
            item = self._queue.popleft()
            bind = self._binds[item.name % len(self._binds)]
            sequence = bind.next_sequence()
            item.tries += 1
            self._unanswered[bind, sequence] = item
            bind.write(codec.pdu(DELIVER_SM, sequence, body=item.body))

    def _again(self, item: _Item) -> None:
        self._queue.append(item)
        self.push()
