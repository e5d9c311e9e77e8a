"""The loop of a GSM modem, the same for every engine: open it, keep it working, carry commands and events."""

from __future__ import annotations

import contextlib
import math
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
    Pause,
    Record,
    Recorded,
    Reopen,
    State,
    Submit,
    Ussd,
)
from drivers.gsm.at import CommandRefusedError, ModemSilentError
from drivers.gsm.attending import Attendant
from drivers.gsm.gate import Gate
from drivers.gsm.opening import VIRTUAL, Finder
from drivers.gsm.outcomes import Doubts
from drivers.gsm.ports import PortError, PortGoneError
from drivers.gsm.recorder import Recorder
from drivers.gsm.recovery import Recovery, Step
from drivers.gsm.reporting import Reporter
from drivers.gsm.rescue import Rescue
from drivers.gsm.sending import Engine, Outbox
from drivers.gsm.session import Session, SimChangedError, WrongModemError, verdict
from drivers.gsm.settings import Settings
from drivers.gsm.sim import SimState
from drivers.gsm.unasked import Hint

RESTART_S = 30.0
RESTARTED_S = 3.0
"""What a modem needs at least before it is worth opening again."""
SIM_S = 2.0
"""Between two looks at a SIM that is not ready."""
SEND_SLACK_S = 30.0
"""What sending a part may take besides the network's answer."""


class GsmDriver:
    """One modem. See ``drivers.base.Driver``.

    Args:
        settings: which modem, and how it is served.
        engine: how an open modem is spoken with.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """Raises ValueError for options that don't fit."""
        self._settings = settings
        self._engine = engine
        self._link: Link
        self._recorder = Recorder()
        self._finder = Finder(settings, self._recorder)
        self._recovery = Recovery.allowing(settings.recover)
        self._outbox = Outbox(self._say, settings.answer_timeout, settings.habits, receipts=settings.receipts)
        self._reporter = Reporter(self._say, self._outbox, self._recovery, engine.name)
        self._gate = Gate(self._say, self._busy)
        self._rescue = Rescue(self._say, self._busy, self._outbox, self._recovery)
        self._attendant = Attendant(self._say, self._busy, settings, self._outbox, self._reporter, self._recovery)
        self._session: Session | None = None
        self._last_sim = settings.past.sim
        self._sim_due = 0.0
        self._paused = self._closing = False

    def run(self, link: Link) -> None:
        """Serve until ``Close``. Raises EOFError when the owner is gone."""
        self._link = link
        past, now = self._settings.past, time.monotonic()
        self._outbox.doubts = Doubts.remembered(
            past.reference, [((token, index), now - age) for token, index, age in past.doubts]
        )
        if past.owed and self._settings.port != VIRTUAL:
            # A modem of our own ended with its process, and owes nothing.
            self._outbox.hear_out(past.reference, past.owed, now, past.owed_s)
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
            sends = len(self._outbox) and self._reporter.is_up
            due.append(min(self._outbox.opens_mono if sends else math.inf, self._attendant.next_due()))
        elif self._session:
            due.append(self._sim_due)
        elif not self._paused:
            due.append(self._recovery.retry_mono)
        return min(due)

    # Commands

    def _obey(self, command: Command) -> None:
        match command:
            case Submit():
                self._outbox.add(command)
                if not self._reporter.is_up:
                    self._outbox.hand_back(self._reporter.why)
            case Ack():
                self._guarded(lambda: self._attendant.acknowledge(self._session, command))
            case EnterPin():
                self._guarded(lambda: self._gate.enter(self._session, command.pin))
                self._sim_due = 0.0
            case Ussd():
                self._guarded(lambda: self._attendant.ask_ussd(self._session, command))
            case Record():
                self._say(Recorded(command.token, self._recorder.dump(time.monotonic())))
            case Pause():
                self._pause(on=command.on)
            case Reopen():
                self._restart()
            case Close():
                self._outbox.hand_back("the device is being closed")
                self._closing = True

    def _pause(self, *, on: bool) -> None:
        self._paused = on
        if on:
            self._drop_session()
            self._reporter.tell(None, State.PAUSED, "paused")
        else:
            self._recovery.retry_mono = 0.0
            self._reporter.tell(None, State.STARTING, "opening the modem")

    def _restart(self) -> None:
        """A person asks: restart the modem where it is open, and open it again in any case."""
        if self._paused:
            return
        if self._session:
            with self._busy(RESTART_S, "restarting the modem"):
                self._rescue.from_inside(self._session, self._attendant.hints, Step.RESET, "a person asked for it")
        self._stop(State.STARTING, "restarted by a person")
        self._recovery.absent(time.monotonic(), RESTARTED_S)

    # Work

    def _work(self) -> None:
        now = time.monotonic()
        if self._session is None:
            if not self._paused and now >= self._recovery.retry_mono:
                self._open()
        elif not self._session.ready:
            if self._attendant.hints.take(Hint.SIM) or now >= self._sim_due:
                self._continue_opening(self._session)
        else:
            self._serve(self._session, now)
        if time.monotonic() >= self._reporter.due_mono:
            self._refresh()

    def _open(self) -> None:
        with self._busy(120.0, "looking for the modem"):
            port = self._finder.open()
            hear, direct = self._attendant.hints.hear, self._attendant.direct
            self._session = Session(port, self._settings, self._engine, hear, direct)
            self._session.greet()
        self._gate.forget()
        self._rescue.opened(port.path)
        self._continue_opening(self._session)

    def _continue_opening(self, session: Session) -> None:
        self._sim_due = time.monotonic() + SIM_S
        sim = self._gate.look(session)
        if sim.state is SimState.READY:
            self._start_serving(session)
        else:
            self._reporter.tell_change(session, State.BLOCKED, sim.reason)

    def _start_serving(self, session: Session) -> None:
        with self._busy(self._engine.open_limit_s + 60.0, "opening the modem"):
            notices = session.prepare()
        self._attendant.begin()
        swapped = session.swapped(self._last_sim)
        if swapped:
            notices.append(swapped)
            self._outbox.doubts.clear()
            self._reporter.remark = swapped.text
        self._last_sim = session.sim_id
        self._recovery.working(time.monotonic())
        self._say(*notices)
        self._reporter.tell_standing(session, self._settings.poll)

    def _serve(self, session: Session, now: float) -> None:
        self._attendant.heed(session, now)
        if len(self._outbox) and self._reporter.is_up and time.monotonic() >= self._outbox.opens_mono:
            with self._busy(self._settings.answer_timeout + SEND_SLACK_S, "sending a message"):
                self._outbox.send_next(session.at, self._engine, session.smsc)
            self._recovery.answered()
        self._attendant.poll(session, now)

    def _refresh(self) -> None:
        session = self._session
        if session is None or not session.ready:
            self._reporter.again(session)
        elif session.look_at_sim().state is not SimState.READY:
            session.sim_went()
            self._gate.forget()
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
        except SimChangedError as error:
            # Nothing is wrong with the modem: it is opened again at once, for its new SIM.
            self._stop(State.STARTING, str(error))
            self._recovery.absent(time.monotonic(), 0.0)
        except (ModemSilentError, CommandRefusedError, WrongModemError, PortError) as error:
            state, pause_s = verdict(error)
            now = time.monotonic()
            if self._session:
                self._recorder.freeze(str(error), now)
            if pause_s is None:
                self._fail(str(error))
                return
            if state is State.ABSENT:
                # Its power is gone, and with it whatever it still had to say.
                self._outbox.doubts.clear()
            self._stop(state, str(error))
            self._recovery.absent(now, pause_s)

    def _fail(self, reason: str) -> None:
        """The modem is silent: hear what comes late, restart it if it is time for that, and open it again."""
        step = self._recovery.failed(time.monotonic())
        if self._session:
            self._rescue.from_inside(self._session, self._attendant.hints, step, reason)
        self._stop(State.DOWN, reason)
        self._rescue.from_outside(step, reason)

    def _stop(self, state: State, reason: str) -> None:
        self._drop_session()
        self._reporter.tell_change(None, state, reason)

    def _drop_session(self) -> None:
        self._attendant.end()
        if self._session:
            self._session.close()
            self._session = None
