"""One SMPP session as the carrier's end: the same machine as the client's, with a table of its own (SMPP 3.4 §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.smpp import codec, names
from drivers.smpp.events import BindAsked
from drivers.smpp.machine import Handler, Machine
from drivers.smpp.names import RESPONSE, ROK
from drivers.smpp.phase import Phase, Timers
from drivers.smpp.window import Key

BIND_S: Final = 10.0
"""How long a client may take from its connection to its bind (the session init timer, SMPP 3.4 §2.7)."""

_LAST: Final = {
    **Machine.ALWAYS,
    names.DELIVER_SM | RESPONSE: Machine.on_answer,
    names.GENERIC_NACK: Machine.on_answer,
    names.ENQUIRE_LINK | RESPONSE: Machine.on_nothing,
}
_REFUSED: Final = dict.fromkeys((names.SUBMIT_SM, names.DATA_SM), Machine.on_too_late)
"""What comes after an unbind is answered with a temporary error: nobody would hand over the real answer."""


class ServerSession(Machine):
    """From a client's connection to ``Ended``. Submits and questions come as ``Delivered``."""

    def __init__(self, system_id: str, timers: Timers, now: float) -> None:
        super().__init__(1, timers)
        self.bound_as = 0
        """The command of the bind, 0 before it."""
        self._system_id = system_id
        self._heard_at = self._spoke_at = now
        self._deadline = now + BIND_S

    @property
    def can_submit(self) -> bool:
        """Whether the client bound as one that sends."""
        return self.bound_as in (names.BIND_TRANSMITTER, names.BIND_TRANSCEIVER)

    @property
    def can_deliver(self) -> bool:
        """Whether the client takes messages and receipts."""
        return self.bound_as in (names.BIND_RECEIVER, names.BIND_TRANSCEIVER)

    def answer_bind(self, status: int, window: int, now: float) -> None:
        """Accept the client, whose deliver_sm have this window, or refuse it."""
        command, sequence = self._request
        self._now = now
        if status != ROK:
            self._respond(command, sequence, status, b"\0")
            self._end("the bind was refused")
            return
        version = codec.tlv_octets([(names.TLV_SC_INTERFACE_VERSION, b"\x34")])
        self._respond(command, sequence, ROK, codec.c_octets("system_id", self._system_id, 15) + version)
        self.phase, self.bound_as = Phase.BOUND, command
        self._deadline = float("inf")
        self._window.resize(window)

    def deliver(self, key: Key, body: bytes, now: float) -> None:
        """Send one deliver_sm. Raises ``SessionError`` when there is no ``room``."""
        self._request_answer(names.DELIVER_SM, key, body, now)

    def answer_submit(self, command: int, sequence: int, status: int, message_id: str, now: float) -> None:
        """Answer a ``Delivered``: submit_sm or data_sm (SMPP 3.4 §4.4.2, §4.7.2)."""
        self.acknowledge(command, sequence, status, now, codec.c_octets("message_id", message_id, 64))

    def _on_bind(self, frame: bytes, command: int, _status: int, sequence: int) -> None:
        self._request = (command, sequence)
        try:
            pdu = codec.decode(frame)
        except codec.DecodeError as error:
            self._respond(command, sequence, error.status, b"\0")
            self._end(f"the bind is damaged: {error}")
            return
        self.phase = Phase.BINDING
        system_id = pdu.octets("system_id").decode("latin-1")
        self._events.append(BindAsked(command, system_id, pdu.octets("password")))

    def _on_submit(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        if not self.can_submit:
            self._respond(command, sequence, names.RINVBNDSTS, b"\0")
            return
        self.on_delivered(frame, command, status, sequence)

    TABLE: Mapping[Phase, Mapping[int, Handler]] = {
        Phase.OPEN: {**Machine.ALWAYS, **dict.fromkeys(names.BINDS, _on_bind)},
        Phase.BINDING: Machine.ALWAYS,
        Phase.BOUND: {
            **_LAST,
            names.SUBMIT_SM: _on_submit,
            names.DATA_SM: _on_submit,
            **dict.fromkeys((names.QUERY_SM, names.CANCEL_SM, names.REPLACE_SM), _on_submit),
        },
        Phase.UNBINDING: {
            **_LAST,
            **_REFUSED,
            names.UNBIND | RESPONSE: Machine.on_unbind_answer,
        },
        Phase.ENDING: {**_LAST, **_REFUSED},
        Phase.CLOSED: {},
    }
