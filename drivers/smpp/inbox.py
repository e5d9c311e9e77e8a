"""Incoming PDUs that wait for the owner: the carrier gets its answer only when they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base import Ack, Incoming, Receipt
from drivers.smpp import incoming
from drivers.smpp.account import Account
from drivers.smpp.connection import Connection
from drivers.smpp.events import Delivered
from drivers.smpp.names import ROK, RX_T_APPN
from drivers.smpp.references import Learner
from drivers.smpp.repeats import Repeats

REFUSED: Final = RX_T_APPN
"""What a PDU is answered with that cannot be stored now: the carrier sends it again later."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    connection: Connection
    command: int
    sequence: int


class Inbox:
    """The unacknowledged PDUs of one account, at most ``account.unacknowledged`` of them."""

    def __init__(self, account: Account, now: float) -> None:
        self._account = account
        self._waiting: dict[str, _Waiting] = {}
        self._repeats = Repeats(account.suspects, now)
        self.learner = Learner()

    def __len__(self) -> int:
        return len(self._waiting)

    def delivered(
        self, connection: Connection, event: Delivered, now: float, *, open_: bool
    ) -> Incoming | Receipt | None:
        """Take one PDU; None when it is refused for now, or waits already."""
        key = f"{connection.id}:{event.sequence}"
        if key in self._waiting:
            return None
        if not open_ or len(self._waiting) >= self._account.unacknowledged:
            connection.session.acknowledge(event.command, event.sequence, REFUSED, now)
            return None
        fingerprint = incoming.fingerprint(event.frame)
        lost = self._repeats.received(key, connection.id, fingerprint, now)
        self._waiting[key] = _Waiting(connection, event.command, event.sequence)
        return incoming.understand(event.pdu, event.frame, key, connection.id, self._account, self.learner, lost)

    def acknowledge(self, ack: Ack, now: float) -> None:
        """Answer the carrier; keys of sessions that are over are nothing to answer any more."""
        for key in ack.keys:
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                status = ROK if ack.stored else REFUSED
                waiting.connection.session.acknowledge(waiting.command, waiting.sequence, status, now)
            if not ack.stored:
                self._repeats.refused(key, now)
            elif waiting is not None:
                self._repeats.acknowledged(key, now)

    def ended(self, connection: Connection, now: float, *, clean: bool) -> None:
        """A session is over: the carrier keeps what was not answered."""
        owed = [key for key, waiting in self._waiting.items() if waiting.connection is connection]
        for key in owed:
            del self._waiting[key]
        self._repeats.ended(connection.id, now, clean=clean and not owed)
