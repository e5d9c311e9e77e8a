"""What both ends of an SMPP session have in common: octets in, events out; time is an argument.

It opens no socket and reads no clock. ``receive_data``, ``tick`` and ``connection_lost`` return what
happened; ``data_to_send`` and ``sent`` hand over what must leave. What a PDU means depends on the phase:
the ``TABLE`` of each end says it all (SMPP 3.4 §2.2 and §2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from drivers.smpp import codec, names
from drivers.smpp.events import Answered, Delivered, Ended, Odd, SessionEvent, Unanswered
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
Handler = Callable[[Any, bytes, int, int, int], None]
"""A method: the PDU, its command, command_status and sequence_number."""


class Machine(Stream):
    """One session until ``Ended``; a new connection needs a new one.

    Args:
        window: how many of our requests may be without an answer.
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

    def _request_answer(self, command: int, key: Key, body: bytes, now: float) -> None:
        """Send a request that takes a place in the window until it is answered."""
        if self.room <= 0:
            raise SessionError("the window is full" if self.phase is Phase.BOUND else "the session is not bound")
        if self._silent_since is None:
            self._silent_since = now
        self._now = now
        sequence = self._send_request(command, body)
        self._window.add(sequence, Sent(key, now, self._end_of_stream))

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

    def on_answer(self, frame: bytes, command: int, status: int, sequence: int) -> None:
        """The answer to one of our requests, or a generic_nack of it."""
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

    def on_delivered(self, frame: bytes, command: int, _status: int, sequence: int) -> None:
        """A request that the owner answers."""
        try:
            pdu = codec.decode(frame)
        except codec.DecodeError as error:
            self._respond(command, sequence, error.status, b"\0")
            self._events.append(Odd(f"refused a damaged PDU: {error}"))
            return
        self._events.append(Delivered(sequence, command, pdu, frame))

    def on_too_late(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        """Nobody would acknowledge it any more; the peer keeps it for the next session."""
        self._respond(command, sequence, names.RX_T_APPN, b"\0")

    def on_enquire_link(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        """Always answered at once (SMPP 3.4 §4.11)."""
        self._respond(command, sequence, ROK)

    def on_unbind(self, _frame: bytes, command: int, _status: int, sequence: int) -> None:
        """The peer ends the session; the last answers may still come."""
        self._respond(command, sequence, ROK)
        if self.phase is Phase.BOUND and self._window:
            self.phase, self._deadline = Phase.ENDING, self._now + LAST_WORDS_S
        else:
            self._end("the peer ended the session", clean=not self._window)

    def on_unbind_answer(self, _frame: bytes, _command: int, _status: int, _sequence: int) -> None:
        """The end that we asked for."""
        self._end("closed", clean=not self._window)

    def on_nothing(self, _frame: bytes, _command: int, _status: int, _sequence: int) -> None:
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

    ALWAYS: Final = {names.ENQUIRE_LINK: on_enquire_link, names.UNBIND: on_unbind}
    TABLE: Mapping[Phase, Mapping[int, Handler]] = {}
    """What is done with each command in each phase; what is not there is refused."""
