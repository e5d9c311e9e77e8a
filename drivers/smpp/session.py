"""One SMPP session as an ESME: octets in, events out; commands in, octets out; time is an argument.

It opens no socket and reads no clock. ``receive_data``, ``tick`` and ``connection_lost`` return what
happened; ``data_to_send`` and ``sent`` hand over what must leave. What a PDU means depends on the phase:
``Session.TABLE`` says it all (SMPP 3.4 §2.2 and §2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from drivers.smpp import codec, names
from drivers.smpp.events import (
    Answered,
    BindRefused,
    Bound,
    Delivered,
    Ended,
    Odd,
    OutbindAsked,
    Replied,
    SessionEvent,
    Unanswered,
)
from drivers.smpp.framing import FrameBuffer, FramingError
from drivers.smpp.names import RESPONSE, ROK
from drivers.smpp.phase import OVERDUE, Phase, SessionError, Timers
from drivers.smpp.stream import Stream
from drivers.smpp.window import Key, Sent, Window

SILENT_TIMEOUTS: Final = 3.0
"""After so many response time-outs without the answer to any submit the session is given up."""
LAST_WORDS_S: Final = 2.0
"""After the peer's unbind, and for the answer to ours: how long outstanding answers are waited for."""
NEVER: Final = float("inf")


class Session(Stream):
    """One session from ``bind`` to ``Ended``; a new connection needs a new one.

    Args:
        window: how many submits may be without an answer.
        timers: see ``Timers``.
    """

    def __init__(self, window: int, timers: Timers) -> None:
        super().__init__()
        self.phase = Phase.OPEN
        self._timers = timers
        self._window = Window(window, timers.response_s)
        self._frames = FrameBuffer()
        self._events: list[SessionEvent] = []
        self._request = (0, 0)
        """Command and sequence of the bind."""
        self._questions: dict[int, int] = {}
        """Keys of ``ask`` by sequence."""
        self._deadline = NEVER
        """For the bind, the unbind, or the last words."""
        self._heard_at = 0.0
        self._silent_since: float | None = None
        """When the first submit left that no answer to any submit has followed."""
        self._enquired_at: float | None = None

    # What the owner asks for.

    @property
    def room(self) -> int:
        """How many submits may be given now."""
        return self._window.room if self.phase is Phase.BOUND else 0

    @property
    def outstanding(self) -> int:
        """Submits without an answer whose timer still runs."""
        return len(self._window)

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

    def _request_answer(self, command: int, key: Key, body: bytes, now: float) -> None:
        """Send a request that takes a place in the window until it is answered."""
        if self.room <= 0:
            raise SessionError("the window is full" if self.phase is Phase.BOUND else "the session is not bound")
        if self._silent_since is None:
            self._silent_since = now
        self._now = now
        sequence = self._send_request(command, body)
        self._window.add(sequence, Sent(key, now, self._end_of_stream))

    def ask(self, key: int, command: int, body: bytes, now: float) -> None:
        """Send query_sm, cancel_sm or replace_sm; it takes no place in the window, and its asker keeps the time."""
        if self.phase is not Phase.BOUND:
            raise SessionError("the session is not bound")
        self._now = now
        self._questions[self._send_request(command, body)] = key

    def acknowledge(self, command: int, sequence: int, status: int, now: float, body: bytes = b"\0") -> None:
        """Answer a ``Delivered``. Does nothing once the session cannot carry answers any more."""
        if self.phase in (Phase.BOUND, Phase.UNBINDING, Phase.ENDING):
            self._now = now
            self._respond(command, sequence, status, body)

    def unbind(self, now: float) -> None:
        """Ask the peer to end the session; submits without an answer come back in ``Ended``."""
        if self.phase is Phase.BOUND:
            self.phase, self._now = Phase.UNBINDING, now
            self._deadline = now + min(LAST_WORDS_S, self._timers.response_s)
            self._send_request(names.UNBIND)

    # Octets.

    def receive_data(self, data: bytes, now: float) -> list[SessionEvent]:
        """Take what came from the peer."""
        if self.over():
            return []
        self._now = now
        try:
            for frame in self._frames.feed(data):
                self._heard_at, self._enquired_at = now, None
                self._receive(frame)
                if self.over():
                    break
        except FramingError as error:
            self._respond(names.GENERIC_NACK, 0, names.RINVCMDLEN)
            self._end(str(error))
        return self._take_events()

    def connection_lost(self, reason: str, now: float) -> list[SessionEvent]:
        """The connection is gone."""
        self._now = now
        self._end(reason, clean=self.phase in (Phase.UNBINDING, Phase.ENDING) and not self._window)
        return self._take_events()

    # Time.

    def over(self) -> bool:
        """Whether ``Ended`` was given."""
        return self.phase is Phase.CLOSED

    def next_deadline(self) -> float:
        """When ``tick`` has something to do at the latest."""
        enquire = self._enquire_deadline() if self.phase is Phase.BOUND else NEVER
        return min(self._deadline, self._window.deadline, enquire)

    def tick(self, now: float) -> list[SessionEvent]:
        """Do what is due at ``now``."""
        self._now = now
        if now >= self._deadline:
            self._end(OVERDUE[self.phase], clean=self.phase is not Phase.BINDING and not self._window)
        if now >= self._window.deadline:
            self._expire(now)
        if self.phase is Phase.BOUND and now >= self._enquire_deadline():
            if self._enquired_at is not None:
                self._end("the peer does not answer enquire_link")
            else:
                self._enquired_at = now
                self._send_request(names.ENQUIRE_LINK)
        return self._take_events()

    def _enquire_deadline(self) -> float:
        if self._enquired_at is not None:
            return self._enquired_at + min(self._timers.response_s, self._timers.enquire_link_s)
        # Both directions: a peer that hears nothing from us may cut us off however much it sends.
        return min(self._heard_at, self._spoke_at) + self._timers.enquire_link_s

    def _expire(self, now: float) -> None:
        if self._accepted < self._window.oldest.end:
            self._end("the connection takes no more data")
            return
        overdue = self._window.overdue(now)
        self._events.append(Unanswered(tuple(submit.key for submit in overdue)))
        if self._silent_since is not None and now - self._silent_since >= SILENT_TIMEOUTS * self._timers.response_s:
            self._end("the peer answers no submit")

    # PDUs that come.

    def _receive(self, frame: bytes) -> None:
        command, status, sequence = codec.header(frame)
        handler = self.TABLE[self.phase].get(command)
        if handler is not None:
            handler(self, frame, command, status, sequence)
        elif command & RESPONSE:
            self._events.append(Odd(f"ignored the response 0x{command:08X} in the phase {self.phase.value}"))
        elif command in names.KNOWN:
            self._respond(command, sequence, names.RINVBNDSTS)
            self._events.append(Odd(f"refused the command 0x{command:08X} in the phase {self.phase.value}"))
        else:
            self._respond(names.GENERIC_NACK, sequence, names.RINVCMDID)
            self._events.append(Odd(f"refused the unknown command 0x{command:08X}"))

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
            self._on_submit_answer(frame, command, status, sequence)

    def _on_submit_answer(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        found = self._window.answered(sequence)
        if found is None:
            self._events.append(Odd(f"ignored the answer {sequence}: there is no such submit, or it had one"))
            return
        submit, late = found
        self._silent_since = None
        if command == names.GENERIC_NACK:
            reference, status = None, status or names.RINVCMDID
        else:
            reference = codec.message_id(frame)
        self._events.append(Answered(submit.key, status, reference, self._now - submit.at, late))
        if self.phase is Phase.ENDING and not self._window:
            self._end("the peer ended the session", clean=True)

    def _on_deliver(self, frame: bytes, command: int, _status: int, sequence: int) -> None:
        try:
            pdu = codec.decode(frame)
        except codec.DecodeError as error:
            self._respond(command, sequence, error.status, b"\0")
            self._events.append(Odd(f"refused a damaged PDU: {error}"))
            return
        self._events.append(Delivered(sequence, command, pdu, frame))

    def _on_deliver_too_late(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        # Nobody will acknowledge it any more; the peer keeps it for the next session.
        self._respond(command, sequence, names.RX_T_APPN, b"\0")

    def _on_enquire_link(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        self._respond(command, sequence, ROK)

    def _on_unbind(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        self._respond(command, sequence, ROK)
        if self.phase is Phase.BOUND and self._window:
            self.phase, self._deadline = Phase.ENDING, self._now + LAST_WORDS_S
        else:
            self._end("the peer ended the session", clean=not self._window)

    def _on_unbind_answer(self, _frame: bytes, _command: int, _status: int, _sequence: int) -> None:
        self._end("closed", clean=not self._window)

    def _on_nothing(self, _frame: bytes, _command: int, _status: int, _sequence: int) -> None:
        """A PDU that needs no answer and says nothing to us."""

    def _end(self, reason: str, *, clean: bool = False) -> None:
        if self.over():
            return
        self.phase, self._deadline = Phase.CLOSED, NEVER
        left = self._window.clear()
        doubtful = tuple(submit.key for submit in left if submit.end <= self._accepted)
        unsent = tuple(submit.key for submit in left if submit.end > self._accepted)
        self._events.append(Ended(reason, doubtful, unsent, clean))

    def _take_events(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    _ALWAYS: Final = {names.ENQUIRE_LINK: _on_enquire_link, names.UNBIND: _on_unbind}
    _ANSWERS: Final = {
        names.SUBMIT_SM | RESPONSE: _on_submit_answer,
        names.GENERIC_NACK: _on_nack,
        **dict.fromkeys(names.REPLIES, _on_reply),
        names.ENQUIRE_LINK | RESPONSE: _on_nothing,
        names.ALERT_NOTIFICATION: _on_nothing,
    }
    _REFUSED: Final = {names.DELIVER_SM: _on_deliver_too_late, names.DATA_SM: _on_deliver_too_late}
    TABLE: Mapping[Phase, Mapping[int, Callable[[Any, bytes, int, int, int], None]]] = {
        Phase.OPEN: {**_ALWAYS, names.OUTBIND: _on_outbind},
        Phase.BINDING: {
            **_ALWAYS,
            names.BIND_RECEIVER | RESPONSE: _on_bind_answer,
            names.BIND_TRANSMITTER | RESPONSE: _on_bind_answer,
            names.BIND_TRANSCEIVER | RESPONSE: _on_bind_answer,
            names.GENERIC_NACK: _on_bind_answer,
            names.OUTBIND: _on_nothing,
        },
        Phase.BOUND: {**_ALWAYS, **_ANSWERS, names.DELIVER_SM: _on_deliver, names.DATA_SM: _on_deliver},
        Phase.UNBINDING: {**_ALWAYS, **_ANSWERS, **_REFUSED, names.UNBIND | RESPONSE: _on_unbind_answer},
        Phase.ENDING: {**_ALWAYS, **_ANSWERS, **_REFUSED},
        Phase.CLOSED: {},
    }
