"""The loop of a GSM modem, the same for every engine: open it, keep it working, carry commands and events."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterator

from drivers.base import (
    Ack,
    Busy,
    Close,
    Closed,
    Command,
    EnterPin,
    Event,
    Link,
    Notice,
    Pause,
    PinNeeded,
    PinOutcome,
    State,
    Submit,
    Ussd,
    UssdReply,
)
from drivers.gsm.at import CommandRefusedError, ModemSilentError
from drivers.gsm.lines import Line
from drivers.gsm.memory import Place
from drivers.gsm.opening import Finder
from drivers.gsm.ports import PortError, PortGoneError
from drivers.gsm.recovery import Recovery
from drivers.gsm.reporting import Reporter
from drivers.gsm.sending import Engine, Outbox
from drivers.gsm.session import Session, WrongModemError, verdict
from drivers.gsm.settings import Settings
from drivers.gsm.sim import ENTER_S, SimState, enter_pin
from drivers.gsm.unasked import Hint, Hints, Unasked
from drivers.gsm.ussd import UssdDesk

SIM_S = 2.0
"""Between two looks at a SIM that is not ready."""
SEND_SLACK_S = 30.0
"""What sending a part may take besides the network's answer."""
BURST_POLL_S = 1.0
"""Between two polls that reports ask for while messages go out."""
LATE_QUIET_S = 0.5
"""After a message without an answer the line is read until it has been quiet for this long."""
LATE_LIMIT_S = 3.0


class GsmDriver:
    """One modem. See ``drivers.base.Driver``.

    Args:
        settings: which modem, and how it is served.
        engine: how an open modem is spoken with.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._link: Link
        self._finder = Finder(settings)
        self._recovery = Recovery()
        self._outbox = Outbox(self._say, settings.answer_timeout, receipts=settings.receipts)
        self._reporter = Reporter(self._say, self._outbox, self._recovery, engine.name)
        self._ussd = UssdDesk()
        self._hints = Hints()
        self._direct: dict[str, Place] = {}
        self._session: Session | None = None
        self._last_sim: str | None = None
        self._poll_due = self._polled = self._sim_due = 0.0
        self._pin_asked = self._paused = self._closing = False

    def run(self, link: Link) -> None:
        """Serve until ``Close``. Raises EOFError when the owner is gone."""
        self._link = link
        self._reporter.tell(None, State.STARTING, "opening the modem")
        try:
            while not self._closing:
                for command in self._wait():
                    self._obey(command)
                if not self._closing:
                    self._guarded(self._work)
        finally:
            self._drop_session()
            self._finder.close()
        link.send(Closed())

    # Waiting and speaking

    def _say(self, *events: Event) -> None:
        if events:
            self._link.send(*events)

    @contextlib.contextmanager
    def _busy(self, limit_s: float, doing: str) -> Iterator[None]:
        self._say(Busy(limit_s, doing))
        try:
            yield
        finally:
            self._say(Busy(0))

    def _wait(self) -> list[Command]:
        readers: list[int] = [self._link.fileno()]
        if self._session:
            with contextlib.suppress(PortGoneError):
                readers.append(self._session.at.fileno())
        writers = [self._link.fileno()] if self._link.wants_write else []
        readable, writable, _ = select.select(readers, writers, [], max(0.0, self._next_due() - time.monotonic()))
        if writable:
            self._link.flush()
        if self._session and readers[-1] in readable and len(readers) > 1:
            self._guarded(self._session.at.pump)
        return self._link.receive(0.0) if readers[0] in readable else []

    def _next_due(self) -> float:
        due = [self._reporter.due_mono]
        if self._session and self._session.ready:
            at_once = self._hints or (len(self._outbox) and self._reporter.is_up)
            due.append(0.0 if at_once else self._poll_due)
        elif self._session:
            due.append(self._sim_due)
        elif not self._paused:
            due.append(self._recovery.retry_mono)
        if self._ussd.deadline_mono is not None:
            due.append(self._ussd.deadline_mono)
        return min(due)

    # Commands

    def _obey(self, command: Command) -> None:
        match command:
            case Submit():
                self._outbox.add(command)
                if not self._reporter.is_up:
                    self._outbox.hand_back(self._reporter.why)
            case Ack():
                self._guarded(lambda: self._acknowledge(command))
            case EnterPin():
                self._guarded(lambda: self._enter_pin(command.pin))
            case Ussd():
                self._guarded(lambda: self._ask_ussd(command))
            case Pause():
                self._pause(on=command.on)
            case Close():
                self._outbox.hand_back("the device is being closed")
                self._closing = True

    def _acknowledge(self, ack: Ack) -> None:
        memories = self._session.memories if self._session else None
        if memories is None:
            # Offered again after the next opening, and known to the owner then.
            return
        if ack.stored:
            memories.stored(ack.keys)
        else:
            memories.not_stored(ack.keys)

    def _enter_pin(self, pin: str) -> None:
        session = self._session
        state = session.look_at_sim().state if session and not session.ready else None
        if session is None or state is not SimState.PIN:
            # Nothing is given to a SIM that does not ask: it may be open by now, or want something else.
            is_open = state is SimState.READY or (session is not None and session.ready)
            self._say(PinOutcome(session.sim_id if session else "", True if is_open else None))
            return
        with self._busy(ENTER_S + 10.0, "giving the PIN to the SIM"):
            accepted = enter_pin(session.at, pin)
            left = None if accepted is None else session.tries_left()
        self._say(PinOutcome(session.sim_id, accepted, left))
        self._sim_due = 0.0

    def _ask_ussd(self, question: Ussd) -> None:
        if self._session is None or not self._session.ready:
            self._say(UssdReply(question.token, None, error=self._reporter.why))
            return
        with self._busy(60.0, "asking the network"):
            reply = self._ussd.ask(self._session.at, question)
        if reply:
            self._say(reply)

    def _pause(self, *, on: bool) -> None:
        self._paused = on
        if on:
            self._drop_session()
            self._reporter.tell(None, State.PAUSED, "paused")
        else:
            self._recovery.retry_mono = 0.0
            self._reporter.tell(None, State.STARTING, "opening the modem")

    # Work

    def _work(self) -> None:
        now = time.monotonic()
        if self._session is None:
            if not self._paused and now >= self._recovery.retry_mono:
                self._open()
        elif not self._session.ready:
            if self._hints.take(Hint.SIM) or now >= self._sim_due:
                self._continue_opening(self._session)
        else:
            self._serve(self._session, now)
        if time.monotonic() >= self._reporter.due_mono:
            self._refresh()

    def _open(self) -> None:
        with self._busy(120.0, "looking for the modem"):
            port = self._finder.open()
            self._session = Session(port, self._settings, self._engine, self._hints.hear, self._direct)
            self._session.greet()
            self._pin_asked = False
        self._continue_opening(self._session)

    def _continue_opening(self, session: Session) -> None:
        self._sim_due = time.monotonic() + SIM_S
        sim = session.look_at_sim()
        if sim.state is SimState.READY:
            self._start_serving(session)
            return
        if sim.state is SimState.PIN and not self._pin_asked:
            self._pin_asked = True
            self._say(PinNeeded(session.sim_id, session.tries_left()))
        self._reporter.tell_change(session, State.BLOCKED, sim.reason)

    def _start_serving(self, session: Session) -> None:
        with self._busy(self._engine.open_limit_s + 60.0, "opening the modem"):
            notices = session.prepare()
        self._hints.forget_state()
        if self._last_sim not in (None, session.sim_id):
            notices.append(Notice("sim", f"another SIM is in the modem: {session.sim_id}", {"sim": session.sim_id}))
            self._outbox.doubts.clear()
        self._last_sim = session.sim_id
        self._recovery.working(time.monotonic())
        self._poll_due = 0.0
        self._say(*notices)
        self._reporter.tell_standing(session, self._settings.poll)

    def _serve(self, session: Session, now: float) -> None:
        for hint in self._hints.take():
            self._act_on(session, hint)
        if len(self._outbox) and self._reporter.is_up:
            with self._busy(self._settings.answer_timeout + SEND_SLACK_S, "sending a message"):
                self._outbox.send_next(session.at, self._engine, session.smsc)
            self._recovery.answered()
        if now >= self._poll_due:
            self._polled, self._poll_due = now, now + self._settings.poll
            self._say(*session.poll())
        deadline = self._ussd.deadline_mono
        if deadline is not None and now >= deadline:
            self._say(*self._ussd.give_up("no answer from the network"))

    def _act_on(self, session: Session, unasked: Unasked) -> None:
        hint, line = unasked
        match hint:
            case Hint.STORED:
                # While messages go out, many a report comes in: one poll for some of them.
                self._poll_due = min(self._poll_due, self._polled + BURST_POLL_S if len(self._outbox) else 0.0)
            case Hint.HANDED_OVER if session.memories:
                self._say(*session.memories.take(line.body))
            case Hint.NETWORK | Hint.SIM:
                self._reporter.due_mono = 0.0
            case Hint.CALL:
                self._say(Notice("call", f"a call is coming in ({line.text})"))
            case Hint.FULL:
                self._poll_due = 0.0
            case Hint.RESTARTED if session.has_restarted():
                raise ModemSilentError("the modem has restarted by itself")
            case Hint.ANSWER:
                self._take_late(line)
            case Hint.USSD:
                self._say(*self._ussd.answered(line))
            case _:
                pass

    def _take_late(self, line: Line) -> None:
        if self._outbox.late(line):
            self._recovery.answered()

    def _refresh(self) -> None:
        session = self._session
        if session is None or not session.ready:
            self._reporter.again(session)
        elif session.look_at_sim().state is not SimState.READY:
            session.ready = False
            self._pin_asked = False
            self._sim_due = 0.0
        else:
            session.refresh()
            self._recovery.working(time.monotonic())
            self._reporter.tell_standing(session, self._settings.poll)

    # Trouble

    def _guarded(self, action: Callable[[], None]) -> None:
        """Run ``action``; what goes wrong with the modem becomes its health."""
        try:
            action()
        except (ModemSilentError, CommandRefusedError, WrongModemError, PortError) as error:
            state, pause_s = verdict(error)
            if pause_s is None:
                self._fail(str(error))
                return
            if state is State.ABSENT:
                # Its power is gone, and with it whatever it still had to say.
                self._outbox.doubts.clear()
            self._stop(state, str(error))
            self._recovery.absent(time.monotonic(), pause_s)

    def _fail(self, reason: str) -> None:
        """The modem is silent: hear what comes late, restart it if it is time for that, and open it again."""
        session, reset = self._session, self._recovery.failed(time.monotonic())
        if session:
            with contextlib.suppress(ModemSilentError, PortError):
                session.at.drain(LATE_QUIET_S, LATE_LIMIT_S)
                for _, line in self._hints.take(Hint.ANSWER):
                    self._take_late(line)
                if reset:
                    self._say(Notice("recovery", f"restarting the modem: {reason}"))
                    if session.reset():
                        self._outbox.doubts.clear()
        self._stop(State.DOWN, reason)

    def _stop(self, state: State, reason: str) -> None:
        self._drop_session()
        self._reporter.tell_change(None, state, reason)

    def _drop_session(self) -> None:
        self._say(*self._ussd.give_up("the modem was closed"))
        self._hints.forget_state()
        if self._session:
            self._session.close()
            self._session = None
