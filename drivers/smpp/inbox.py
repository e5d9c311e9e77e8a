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
from drivers.smpp.pace import Repeats
from drivers.smpp.references import Learner

REFUSED: Final = RX_T_APPN
"""What a PDU is answered with that cannot be stored now: the carrier sends it again later."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    connection: Connection
    command: int
    sequence: int
    fingerprint: str


class Inbox:
    """The unacknowledged PDUs of one account, at most ``account.unacknowledged`` of them."""

    def __init__(self, account: Account, now: float) -> None:
        self._account = account
        self._waiting: dict[str, _Waiting] = {}
        self._repeats = Repeats(now if account.after_crash else float("-inf"))
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
        may_repeat = self._repeats.may_repeat(fingerprint, now)
        self._waiting[key] = _Waiting(connection, event.command, event.sequence, fingerprint)
        self._repeats.received(connection.id, fingerprint)
        return incoming.understand(
            event.pdu, event.frame, key, connection.id, self._account, self.learner, may_repeat=may_repeat
        )

    def acknowledge(self, ack: Ack, now: float) -> None:
        """Answer the carrier; keys of sessions that are over are nothing to answer any more."""
        for key in ack.keys:
            waiting = self._waiting.pop(key, None)
            if waiting is None:
                continue
            connection = waiting.connection
            connection.session.acknowledge(waiting.command, waiting.sequence, ROK if ack.stored else REFUSED, now)
            if ack.stored:
                self._repeats.acknowledged(connection.id, waiting.fingerprint, now)
            else:
                self._repeats.refused(connection.id, waiting.fingerprint)

    def ended(self, connection: Connection, now: float, *, clean: bool) -> None:
        """A session is over: the carrier keeps what was not answered."""
        owed = [key for key, waiting in self._waiting.items() if waiting.connection is connection]
        for key in owed:
            del self._waiting[key]
        self._repeats.ended(connection.id, now, clean=clean and not owed)
