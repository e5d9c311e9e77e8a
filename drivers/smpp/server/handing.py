"""What the owner hands to the server's users: messages and receipts as deliver_sm (SMPP 3.4 §4.6.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from drivers.base import DriverError, Event, Fault, Left, Outcome, Part, Result, Submit
from drivers.smpp import addresses, codec, content, events, statuses
from drivers.smpp.names import (
    ESM_RECEIPT,
    ESM_UDHI,
    MAX_SHORT_MESSAGE,
    ROK,
    TLV_MESSAGE_STATE,
    TLV_RECEIPTED_MESSAGE_ID,
)
from drivers.smpp.server.client import Client

STATES: Final = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "REJECTD": 8}
"""message_state (SMPP 3.4 §5.2.28)."""
Key = tuple[int, int]


class Handing:
    """The deliver_sm that wait for a user, or for its answer; ``say`` takes the events in order."""

    def __init__(self, say: Callable[[Iterable[Event]], None]) -> None:
        self._queues: dict[str, deque[tuple[Key, bytes]]] = {}
        self._say = say

    def put(self, submit: Submit, clients: Collection[Client]) -> None:
        """Take one message or receipt for ``fields["user"]``."""
        user = str(submit.fields.get("user"))
        if not any(client.session.can_deliver for client in _of(user, clients)):
            self.not_sent([(submit.token, part.index) for part in submit.parts], f"{user} is not bound as a receiver")
            return
        try:
            bodies = [((submit.token, part.index), body(submit, part)) for part in submit.parts]
        except (DriverError, ValueError) as error:
            for part in submit.parts:
                refused = Result(
                    submit.token, part.index, Outcome.REFUSED, fault=Fault.MESSAGE, reason=str(error)
                )  # fmt: skip
                self._say([refused])
            return
        self._queues.setdefault(user, deque()).extend(bodies)

    def deliver(self, clients: Collection[Client], now: float) -> list[tuple[Client, Key, bytes]]:
        """What leaves now and to which client; it has its ``Left`` already."""
        batch: list[tuple[Client, Key, bytes]] = []
        for user, queue in list(self._queues.items()):
            rooms = {client: client.room for client in _of(user, clients)}
            while queue:
                client = max(rooms, key=rooms.__getitem__, default=None)
                if client is None or rooms[client] <= 0:
                    break
                rooms[client] -= 1
                batch.append((client, *queue.popleft()))
            if not queue:
                del self._queues[user]
        if batch:
            self._say([Left(tuple(key for _, key, _ in batch), now)])
        return batch

    def answered(self, event: events.Answered) -> None:
        """A client answered a deliver_sm."""
        token, index = event.key
        if event.status == ROK:
            self._say([Result(token, index, Outcome.ACCEPTED, late=event.late)])
            return
        reason, fault = statuses.explain(event.status)
        self._say([Result(token, index, Outcome.REFUSED, None, fault, event.status, reason, event.late)])

    def unknown(self, keys: Iterable[Key], reason: str) -> None:
        """These left and have no answer."""
        self._say(Result(token, index, Outcome.UNKNOWN, reason=reason) for token, index in keys)

    def not_sent(self, keys: Iterable[Key], reason: str) -> None:
        """These never left."""
        self._say(Result(token, index, Outcome.NOT_SENT, fault=Fault.DEVICE, reason=reason) for token, index in keys)

    def forget_absent(self, clients: Collection[Client]) -> None:
        """Give back what waits for users that no longer have a receiver."""
        for user in list(self._queues):
            if not any(client.session.can_deliver for client in _of(user, clients)):
                self.not_sent((key for key, _ in self._queues.pop(user)), f"{user} is not bound as a receiver any more")


def _of(user: str, clients: Iterable[Client]) -> list[Client]:
    return [client for client in clients if client.bound and client.user is not None and client.user.name == user]


def body(submit: Submit, part: Part) -> bytes:
    """The body of a deliver_sm. Raises ``DriverError`` in words for a person."""
    told = submit.fields.get("receipt")
    destination, source = _address(submit.destination), _address(submit.source)
    if isinstance(told, Mapping):
        return codec.submit_body(_receipt(told))
    coding, octets = content.encode(part, "gsm7")
    octets = bytes([len(part.udh)]) + part.udh + octets if part.udh else octets
    return codec.submit_body(
        codec.SubmitFields(destination, octets, source, esm_class=ESM_UDHI if part.udh else 0, data_coding=coding)
    )


def _receipt(told: Mapping[str, Any]) -> codec.SubmitFields:
    """The addresses are those of the submit, the other way round, as they came."""
    named, state = str(told["id"]), str(told["state"])
    dates = f"submit date:{told['submitted']} done date:{told['done']}"
    text = (
        f"id:{named} sub:001 dlvrd:{'001' if state == 'DELIVRD' else '000'} {dates} stat:{state} "
        f"err:{told.get('error') or '000'} text:"
    )
    tlvs = [
        (TLV_RECEIPTED_MESSAGE_ID, named.encode("latin-1") + b"\0"),
        (TLV_MESSAGE_STATE, bytes([STATES.get(state, 7)])),
        *((int(str(tag), 0), bytes.fromhex(str(value))) for tag, value in (told.get("tlvs") or {}).items()),
    ]
    return codec.SubmitFields(
        _given(told["source"]), text.encode("latin-1")[:MAX_SHORT_MESSAGE], _given(told["destination"]),
        esm_class=ESM_RECEIPT, tlvs=tuple(tlvs),
    )  # fmt: skip


def _given(address: Any) -> tuple[int, int, bytes]:
    ton, npi, text = address
    return int(ton), int(npi), codec.c_octets("the address", str(text), addresses.MAX_ADDRESS)


def _address(text: str | None) -> tuple[int, int, bytes]:
    return addresses.encode((text or "")[: addresses.MAX_ADDRESS + 1])
