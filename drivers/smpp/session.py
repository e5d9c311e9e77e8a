"""One SMPP session as an ESME: it binds, submits, asks, and is handed what comes in (SMPP 3.4 §2.2 and §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.smpp import codec, names
from drivers.smpp.events import BindRefused, Bound, Odd, OutbindAsked, Replied
from drivers.smpp.machine import NEVER, Handler, Machine
from drivers.smpp.names import RESPONSE, ROK
from drivers.smpp.phase import Phase, SessionError, Timers
from drivers.smpp.window import Key


class Session(Machine):
    """One session from ``bind`` to ``Ended``; a new connection needs a new one.

    Args:
        window: how many submits may be without an answer.
        timers: see ``Timers``.
    """

    def __init__(self, window: int, timers: Timers) -> None:
        super().__init__(window, timers)
        self._questions: dict[int, int] = {}
        """Keys of ``ask`` by sequence."""

    # What the owner asks for.

    def bind(self, command: int, fields: Mapping[str, int | str | bytes], now: float) -> None:
        """Ask to be bound. Raises ``EncodeError`` for a system_id, password or system_type that is too long."""
        if self.phase is not Phase.OPEN:
            raise SessionError(f"the session is {self.phase.value} already")
        body = codec.body(command, fields)
        self.phase, self._now = Phase.BINDING, now
        self._heard_at = self._spoke_at = now
        self._deadline = now + self._timers.response_s
        self._request = (command, self._send_request(command, body))

    def submit(self, key: Key, body: bytes, now: float) -> None:
        """Send one submit_sm. Raises ``SessionError`` when there is no ``room``."""
        self._request_answer(names.SUBMIT_SM, key, body, now)

    def ask(self, key: int, command: int, body: bytes, now: float) -> None:
        """Send query_sm, cancel_sm or replace_sm; it takes no place in the window, and its asker keeps the time."""
        if self.phase is not Phase.BOUND:
            raise SessionError("the session is not bound")
        self._now = now
        self._questions[self._send_request(command, body)] = key

    # PDUs that come.

    def _on_outbind(self, frame: bytes, _command: int, _status: int, _sequence: int) -> None:
        """It has no answer: the bind is the answer (SMPP 3.4 §4.1.7)."""
        try:
            pdu = codec.decode(frame)
        except codec.DecodeError as error:
            self._end(f"the outbind is damaged: {error}")
            return
        self._events.append(OutbindAsked(pdu.octets("system_id"), pdu.octets("password")))

    def _on_bind_answer(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        expected, bind_sequence = self._request
        if sequence != bind_sequence or command not in (expected | RESPONSE, names.GENERIC_NACK):
            self._events.append(Odd(f"ignored the response 0x{command:08X} {sequence}, which answers nothing"))
            return
        if status != ROK or command == names.GENERIC_NACK:
            self._events.append(BindRefused(status or names.RINVCMDID))
            self._end("the bind was refused")
            return
        self.phase, self._deadline = Phase.BOUND, NEVER
        try:
            answer = codec.decode(frame)
        except codec.DecodeError:
            answer = codec.Pdu(command, status, sequence)
        version = answer.tlv_number(names.TLV_SC_INTERFACE_VERSION)
        self._events.append(Bound(answer.octets("system_id").decode("latin-1"), version))

    def _on_reply(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        key = self._questions.pop(sequence, None)
        if key is None:
            self._events.append(Odd(f"ignored the response 0x{command:08X} {sequence}, which answers nothing"))
            return
        try:
            reply = codec.decode(frame)
        except codec.DecodeError:
            reply = codec.Pdu(command, status or names.RINVCMDLEN, sequence)
        self._events.append(Replied(key, reply))

    def _on_nack(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        if sequence in self._questions:
            key = self._questions.pop(sequence)
            self._events.append(Replied(key, codec.Pdu(command, status or names.RINVCMDID, sequence)))
        else:
            self.on_answer(frame, command, status, sequence)

    _ANSWERS: Final = {
        names.SUBMIT_SM | RESPONSE: Machine.on_answer,
        names.GENERIC_NACK: _on_nack,
        **dict.fromkeys(names.REPLIES, _on_reply),
        names.ENQUIRE_LINK | RESPONSE: Machine.on_nothing,
        names.ALERT_NOTIFICATION: Machine.on_nothing,
    }
    _INCOMING: Final = (names.DELIVER_SM, names.DATA_SM)
    _REFUSED: Final = dict.fromkeys(_INCOMING, Machine.on_too_late)
    TABLE: Mapping[Phase, Mapping[int, Handler]] = {
        Phase.OPEN: {**Machine.ALWAYS, names.OUTBIND: _on_outbind},
        Phase.BINDING: {
            **Machine.ALWAYS,
            names.BIND_RECEIVER | RESPONSE: _on_bind_answer,
            names.BIND_TRANSMITTER | RESPONSE: _on_bind_answer,
            names.BIND_TRANSCEIVER | RESPONSE: _on_bind_answer,
            names.GENERIC_NACK: _on_bind_answer,
            names.OUTBIND: Machine.on_nothing,
        },
        Phase.BOUND: {
            **Machine.ALWAYS,
            **_ANSWERS,
            names.DELIVER_SM: Machine.on_delivered,
            names.DATA_SM: Machine.on_delivered,
        },
        Phase.UNBINDING: {**Machine.ALWAYS, **_ANSWERS, **_REFUSED, names.UNBIND | RESPONSE: Machine.on_unbind_answer},
        Phase.ENDING: {**Machine.ALWAYS, **_ANSWERS, **_REFUSED},
        Phase.CLOSED: {},
    }
