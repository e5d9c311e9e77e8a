"""What the carrier is asked about messages that it has accepted: query_sm, cancel_sm, replace_sm (SMPP 3.4 §4.8-4.10).

One question is under way at a time, so that questions never come in the way of what is to be sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from drivers.base import Ask, DriverError, Event, Inquiry, Receipt, ReceiptStatus, Told
from drivers.smpp import addresses, codec, outgoing, receipts, statuses
from drivers.smpp.account import Account
from drivers.smpp.connection import Connection
from drivers.smpp.events import Replied
from drivers.smpp.names import CANCEL_SM, GENERIC_NACK, QUERY_SM, REPLACE_SM, RINVCMDID, ROK

COMMANDS: Final = {Inquiry.QUERY: QUERY_SM, Inquiry.CANCEL: CANCEL_SM, Inquiry.REPLACE: REPLACE_SM}
NEVER: Final = float("inf")


class Questions:
    """The questions of one account; ``say`` takes the events in order."""

    def __init__(self, account: Account, say: Callable[[Iterable[Event]], None]) -> None:
        self._account, self._say = account, say
        self._waiting: deque[Ask] = deque()
        self._patient: deque[Ask] = deque()
        self._open: tuple[Ask, Connection] | None = None
        self.deadline = NEVER
        """When the open one is given up."""

    def put(self, ask: Ask, reason: str) -> None:
        """Take a question; ``reason``: why nothing can be asked now, empty when it can."""
        if reason:
            self._say([Told(ask.token, done=False, text=reason)])
        elif ask.patient:
            self._patient.append(ask)
        else:
            self._waiting.append(ask)

    def next(self, connections: Sequence[Connection], now: float) -> None:
        """Send the next question over the first of these binds."""
        while (queue := self._waiting or self._patient) and self._open is None and connections:
            ask, connection = queue.popleft(), connections[0]
            try:
                body = self._body(ask)
            except (DriverError, ValueError) as error:
                self._say([Told(ask.token, done=False, text=str(error))])
                continue
            connection.session.ask(ask.token, COMMANDS[ask.what], body, now)
            self._open, self.deadline = (ask, connection), now + self._account.response_timeout

    def replied(self, event: Replied) -> None:
        """The carrier has answered; what comes for a question that was given up already is of no use."""
        if self._open is None or self._open[0].token != event.key:
            return
        ask = self._close()
        if event.pdu.status == ROK:
            self._say(_answer(ask, event.pdu))
            return
        if event.pdu.command == GENERIC_NACK or event.pdu.status == RINVCMDID:
            said = f"the carrier has no {ask.what}_sm"
        else:
            said = statuses.explain(event.pdu.status, self._account.statuses)[0]
        self._say([Told(ask.token, done=False, text=said)])

    def tick(self, now: float) -> None:
        """Give up what is not answered in time."""
        if self._open is not None and now >= self.deadline:
            self._say([Told(self._close().token, done=False, text="the carrier did not answer in time")])

    def ended(self, connection: Connection, reason: str) -> None:
        """A session is over: its question may have been heard, or not."""
        if self._open is not None and self._open[1] is connection:
            self._say([Told(self._close().token, done=False, text=reason)])

    def hand_back(self, reason: str) -> None:
        """Nothing can be asked any more."""
        self._say([Told(ask.token, done=False, text=reason) for ask in (*self._waiting, *self._patient)])
        self._waiting.clear()
        self._patient.clear()

    def _close(self) -> Ask:
        assert self._open is not None
        ask, self._open, self.deadline = self._open[0], None, NEVER
        return ask

    def _body(self, ask: Ask) -> bytes:
        account = self._account
        # The carrier knows the message by its id together with the address that it was sent from.
        source = addresses.encode(ask.source or account.source, account.source_ton, account.source_npi)
        fields = {"message_id": ask.reference, **addresses.fields("source", "source_addr", source)}
        if ask.what is Inquiry.CANCEL:
            to = addresses.encode(ask.destination, account.dest_ton, account.dest_npi)
            fields |= {"service_type": account.service_type, **addresses.fields("dest", "destination_addr", to)}
        elif ask.what is Inquiry.REPLACE:
            fields |= outgoing.replacement(ask.text or "", account)
        return codec.body(COMMANDS[ask.what], fields)


def _answer(ask: Ask, pdu: codec.Pdu) -> list[Event]:
    if ask.what is Inquiry.REPLACE:
        return [Told(ask.token, done=True, text="replaced at the carrier")]
    if ask.what is Inquiry.CANCEL:
        said = "cancelled at the carrier"
        return [_receipt(ask, ReceiptStatus.FAILED, "DELETED", said, None), Told(ask.token, done=True, text=said)]
    stat, status, words = receipts.state(pdu.number("message_state"))
    told = Told(ask.token, done=True, text=words)
    # UNKNOWN here says that the carrier has forgotten the message, not that it was lost.
    if status is ReceiptStatus.PENDING or stat == "UNKNOWN":
        return [told]
    error = pdu.number("error_code")
    code = f"{stat} {error}" if error else stat
    final = receipts.iso(pdu.octets("final_date").decode("latin-1")[:12])
    return [_receipt(ask, status, code, words, final), told]


def _receipt(ask: Ask, status: ReceiptStatus, code: str, reason: str, at: str | None) -> Receipt:
    """What was learnt, as if the carrier had reported it by itself; nobody waits for its acknowledgement."""
    raw = f"{ask.what}_sm {ask.reference} {code}".encode()
    return Receipt(f"{ask.what}:{ask.token}", (ask.reference,), status, ask.destination, None, code, reason, at, raw)
