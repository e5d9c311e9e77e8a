"""What clients ask about their submits: query_sm, cancel_sm, replace_sm (SMPP 3.4 §4.8-4.10). The owner knows."""

from __future__ import annotations

from typing import Final

from drivers.base import Asked, Inquiry, Reply
from drivers.smpp import codec, content
from drivers.smpp.events import Delivered
from drivers.smpp.names import (
    CANCEL_SM,
    QUERY_SM,
    RCANCELFAIL,
    REPLACE_SM,
    RESPONSE,
    RINVMSGID,
    RMSGQFUL,
    ROK,
    RQUERYFAIL,
    RREPLACEFAIL,
)
from drivers.smpp.server.client import Client, Waiting
from drivers.text import alphabet as gsm

WHAT: Final = {QUERY_SM: Inquiry.QUERY, CANCEL_SM: Inquiry.CANCEL, REPLACE_SM: Inquiry.REPLACE}
REFUSALS: Final = {QUERY_SM: RQUERYFAIL, CANCEL_SM: RCANCELFAIL, REPLACE_SM: RREPLACEFAIL}
MOST: Final = 1000
"""Questions that may wait for the owner."""


class Enquiries:
    """The questions that wait for the owner."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def asked(self, client: Client, event: Delivered, now: float) -> Asked | None:
        """One question; None when it was answered at once, with an error."""
        pdu, user = event.pdu, client.user
        assert user is not None
        waiting = Waiting(client, event.command, event.sequence, pdu.octets("message_id").decode("latin-1"))
        if not waiting.message_id:
            # cancel_sm may leave it out and mean all messages between two addresses: more than one should cancel.
            _answer(waiting, RINVMSGID, now)
            return None
        if len(self._waiting) >= MOST:
            _answer(waiting, RMSGQFUL, now)
            return None
        key = f"{client.id}:{event.sequence}"
        self._waiting[key] = waiting
        client.unanswered += 1
        source = pdu.octets("source_addr").decode("latin-1")
        text = gsm.decode(content.decode(pdu.octets("short_message"), 0, "gsm7", has_udh=False).payload)
        return Asked(key, user.name, WHAT[event.command], waiting.message_id, source, text)

    def answer(self, reply: Reply, now: float) -> None:
        """The owner's answer to one of them."""
        waiting = self._waiting.pop(reply.key, None)
        if waiting is None:
            return
        waiting.client.unanswered -= 1
        _answer(waiting, ROK if reply.done else REFUSALS[waiting.command], now, reply.state, reply.final)

    def ended(self, client: Client) -> None:
        """A client is gone, and nobody waits for its answers."""
        self._waiting = {key: waiting for key, waiting in self._waiting.items() if waiting.client is not client}


def _answer(to: Waiting, status: int, now: float, state: int = 0, final: str = "") -> None:
    body = b""
    if to.command == QUERY_SM:
        said: dict[str, int | str | bytes] = {
            "message_id": to.message_id[:64],
            "final_date": final,
            "message_state": state,
        }
        body = codec.body(QUERY_SM | RESPONSE, said)
    to.client.session.acknowledge(to.command, to.sequence, status, now, body)
