"""What the server's users submit: each PDU as the owner stores it, and the answer once it is stored."""

from __future__ import annotations

import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

from drivers.base import Ack, Incoming
from drivers.smpp import addresses, codec, content, incoming, times
from drivers.smpp.events import Delivered
from drivers.smpp.names import (
    ESM_UDHI,
    RINVDSTADR,
    RMSGQFUL,
    ROK,
    RTHROTTLED,
    RX_T_APPN,
    TLV_MESSAGE_PAYLOAD,
    TLV_USER_MESSAGE_REFERENCE,
)
from drivers.smpp.server.client import Client, Waiting
from drivers.text import udh as headers

MOST: Final = 10_000
"""Submits that may wait for the owner altogether."""


class Pace:
    """A user's limit, exact: no window of ``seconds`` holds more than ``count``."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)
        self._count = count

    def take(self, now: float) -> bool:
        """Take one place; False when there is none."""
        if len(self._times) == self._count and now - self._times[0] < self._seconds:
            return False
        self._times.append(now)
        return True


class Intake:
    """The submits that wait for the owner."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._paces: dict[str, Pace] = {}

    def submitted(self, client: Client, event: Delivered, now: float) -> Incoming | None:
        """One submit_sm or data_sm; None when it was answered at once, with an error."""
        user = client.user
        assert user is not None
        if user.rate and user.name not in self._paces:
            self._paces[user.name] = Pace(*user.rate)
        status = ROK
        if user.rate and not self._paces[user.name].take(now):
            status = RTHROTTLED
        elif not event.pdu.octets("destination_addr"):
            status = RINVDSTADR
        elif len(self._waiting) >= MOST:
            status = RMSGQFUL
        if status != ROK:
            client.session.answer_submit(event.command, event.sequence, status, "", now)
            return None
        key, message_id = f"{client.id}:{event.sequence}", uuid.uuid4().hex
        try:
            found = understand(event, key, client.id, user.name, message_id)
        except codec.DecodeError as error:
            client.session.answer_submit(event.command, event.sequence, error.status, "", now)
            return None
        self._waiting[key] = Waiting(client, event.command, event.sequence, message_id)
        client.unanswered += 1
        return found

    def acknowledge(self, ack: Ack, now: float) -> None:
        """Answer the clients."""
        status = ROK if ack.stored else ack.code or RX_T_APPN
        for key in ack.keys:
            waiting = self._waiting.pop(key, None)
            if waiting is not None:
                waiting.client.unanswered -= 1
                named = waiting.message_id if ack.stored else ""
                waiting.client.session.answer_submit(waiting.command, waiting.sequence, status, named, now)

    def ended(self, client: Client) -> None:
        """A client is gone: what it submitted is stored all the same, and it will submit it again."""
        for key in [key for key, waiting in self._waiting.items() if waiting.client is client]:
            del self._waiting[key]


def understand(event: Delivered, key: str, session: str, user: str, message_id: str) -> Incoming:
    """A submit as the owner stores it; ``fields`` hold what it asks for beside its text.

    Raises ``DecodeError`` for a time that is none.
    """
    pdu = event.pdu
    octets = pdu.octets("short_message") or pdu.tlv(TLV_MESSAGE_PAYLOAD) or b""
    found = content.decode(
        octets, pdu.number("data_coding"), "gsm7", has_udh=bool(pdu.number("esm_class") & ESM_UDHI)
    )  # fmt: skip
    header = headers.parse_udh(found.udh)
    reference, total, index = incoming.joining(pdu, header)
    rest = headers.without_joining(found.udh) if total > 1 else found.udh
    return Incoming(
        key=key, sender=addresses.decode(pdu.octets("source_addr"), pdu.number("source_addr_ton")),
        to=addresses.decode(pdu.octets("destination_addr"), pdu.number("dest_addr_ton")),
        encoding=found.encoding, payload=found.payload, fingerprint=incoming.fingerprint(event.frame),
        session=session, may_repeat=False, reference=reference, total=total, index=index,
        shift=(header.locking, header.single), message_class=found.message_class,
        fields=_wishes(pdu, user, message_id) | ({"udh": rest.hex()} if rest else {}),
    )  # fmt: skip


def _wishes(pdu: codec.Pdu, user: str, message_id: str) -> dict[str, Any]:
    named, now = pdu.tlv(TLV_USER_MESSAGE_REFERENCE), datetime.now(UTC)
    return {
        "user": user,
        "id": message_id,
        "registered": pdu.number("registered_delivery"),
        "priority": pdu.number("priority_flag"),
        "at": times.moment(pdu.octets("schedule_delivery_time"), now),
        "expires": times.moment(pdu.octets("validity_period"), now),
        "service_type": pdu.octets("service_type").decode("latin-1"),
        "protocol_id": pdu.number("protocol_id"),
        "source": _address(pdu, "source_addr", "source"),
        "destination": _address(pdu, "destination_addr", "dest"),
        "tlvs": {"0x0204": named.hex()} if named else {},
        "submitted": now.strftime("%y%m%d%H%M"),
    }


def _address(pdu: codec.Pdu, name: str, end: str) -> tuple[int, int, str]:
    ton = "source_addr_ton" if end == "source" else "dest_addr_ton"
    npi = "source_addr_npi" if end == "source" else "dest_addr_npi"
    return pdu.number(ton), pdu.number(npi), pdu.octets(name).decode("latin-1")
