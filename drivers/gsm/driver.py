"""The loop of a GSM modem, the same for every engine: open it, keep it working, carry commands and events."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import time
from collections.abc import Callable, Iterator

from drivers.base import (
    HEALTH_EVERY_S,
    Ack,
    Busy,
    Close,
    Closed,
    Command,
    EnterPin,
    Event,
    Health,
    Link,
    Notice,
    Pause,
    PinNeeded,
    PinOutcome,
    State,
    Submit,
    Ussd,
    UssdReply,
)  # fmt: skip
from drivers.gsm.at import CommandRefusedError, ModemSilentError
from drivers.gsm.lines import Line
from drivers.gsm.memory import Place
from drivers.gsm.opening import Finder
from drivers.gsm.ports import PortError, PortGoneError, PortHeldError
from drivers.gsm.recovery import Recovery
from drivers.gsm.sending import Engine, Outbox
from drivers.gsm.session import Session, WrongModemError
from drivers.gsm.settings import Settings
from drivers.gsm.sim import SimState, enter_pin
from drivers.gsm.unasked import Hint, understand
from drivers.gsm.ussd import UssdDesk

ABSENT_S = 1.0
"""Between two looks for a port that is not there."""
HELD_S = 10.0
SIM_S = 2.0
"""Between two looks at a SIM that is not ready."""
SEND_SLACK_S = 20.0
"""What sending a part may take besides the network's answer."""
BURST_POLL_S = 1.0
"""Between two polls that reports ask for while messages go out."""
WINDOW = 10
"""Parts that may wait here: so many that the radio link can be kept open between them."""
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
        self._finder = Finder(settings)
        self._recovery = Recovery()
        self._ussd = UssdDesk()
        self._session: Session | None = None
        self._link: Link
        self._outbox = Outbox(self._say, settings.answer_timeout, receipts=settings.receipts)
        self._health = Health(State.STARTING, reason="opening the modem")
        self._health_due = self._poll_due = self._polled = self._sim_due = 0.0
        self._pin_asked = False
        self._paused = self._closing = False
        self._last_sim: str | None = None
        self._hints: list[tuple[Hint, Line]] = []
        self._direct: dict[str, Place] = {}

    def run(self, link: Link) -> None:
        """Serve until ``Close``. Raises EOFError when the owner is gone."""
        self._link = link
        self._report(State.STARTING, "opening the modem")
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

    def _wait(self) -> list[Command]:
        if len(self._outbox) and self._health.state is State.UP:
            timeout = 0.0
        else:
            timeout = max(0.0, self._next_due() - time.monotonic())
        readers: list[int] = [self._link.fileno()]
        if self._session:
            with contextlib.suppress(PortGoneError):
                readers.append(self._session.at.fileno())
        writers = [self._link.fileno()] if self._link.wants_write else []
        readable, writable, _ = select.select(readers, writers, [], timeout)
        if writable:
            self._link.flush()
        if self._session and len(readers) > 1 and readers[1] in readable:
            self._guarded(self._session.at.pump)
        return self._link.receive(0.0) if readers[0] in readable else []

    def _next_due(self) -> float:
        due = [self._health_due]
        if self._session and self._session.ready:
            due.append(self._poll_due)
        elif self._session:
            due.append(self._sim_due)
        elif not self._paused:
            due.append(self._recovery.retry_mono)
        if self._ussd.deadline_mono is not None:
            due.append(self._ussd.deadline_mono)
        return min(due) if not self._hints else 0.0

    def _report(self, state: State, reason: str = "") -> None:
        if self._session:
            health = self._session.health(state, reason, self._outbox.round_trip_s)
        else:
            health = dataclasses.replace(self._health, state=state, reason=reason, signal=None, registration=None)
        details = {"reopened": self._recovery.reopened, "resets": self._recovery.resets, "driver": self._engine.name}
        health = dataclasses.replace(health, details=details, in_flight=len(self._outbox), window=WINDOW)
        self._health = health
        self._health_due = time.monotonic() + HEALTH_EVERY_S
        self._say(health)
        if state is not State.UP:
            self._outbox.hand_back(reason or f"the modem is {state}")

    # Commands

    def _obey(self, command: Command) -> None:
        match command:
            case Submit():
                self._outbox.add(command)
                if self._health.state is not State.UP:
                    self._outbox.hand_back(self._health.reason or f"the modem is {self._health.state}")
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
            return
        if ack.stored:
            memories.stored(ack.keys)
        else:
            memories.not_stored(ack.keys)

    def _enter_pin(self, pin: str) -> None:
        session = self._session
        if session is None or session.sim.state is not SimState.PIN:
            self._say(PinOutcome(session.sim_id if session else "", None))
            return
        with self._busy(30.0, "giving the PIN to the SIM"):
            accepted = enter_pin(session.at, pin)
            left = None if accepted is None else session.tries_left()
        self._say(PinOutcome(session.sim_id, accepted, left))
        self._pin_asked = accepted is not True
        self._sim_due = 0.0

    def _ask_ussd(self, question: Ussd) -> None:
        if self._session is None or not self._session.ready:
            self._say(UssdReply(question.token, None, error=self._health.reason or "the modem is not ready"))
            return
        with self._busy(60.0, "asking the network"):
            reply = self._ussd.ask(self._session.at, question)
        if reply:
            self._say(reply)

    def _pause(self, *, on: bool) -> None:
        self._paused = on
        if on:
            self._drop_session()
            self._report(State.PAUSED, "paused")
        else:
            self._recovery.retry_mono = 0.0
            self._report(State.STARTING, "opening the modem")

    # Work

    def _work(self) -> None:
        now = time.monotonic()
        if self._paused:
            pass
        elif self._session is None:
            if now >= self._recovery.retry_mono:
                self._open()
        elif not self._session.ready:
            if now >= self._sim_due:
                self._continue_opening(self._session)
        else:
            self._serve(self._session, now)
        if time.monotonic() >= self._health_due:
            self._refresh()

    def _serve(self, session: Session, now: float) -> None:
        self._take_hints(session)
        if len(self._outbox) and self._health.state is State.UP:
            with self._busy(self._settings.answer_timeout + SEND_SLACK_S, "sending a message"):
                self._outbox.send_next(session.at, self._engine, session.smsc)
            self._recovery.answered()
        if now >= self._poll_due:
            self._polled, self._poll_due = now, now + self._settings.poll
            self._say(*session.poll())
        deadline = self._ussd.deadline_mono
        if deadline is not None and now >= deadline and (reply := self._ussd.give_up("no answer from the network")):
            self._say(reply)

    def _take_hints(self, session: Session) -> None:
        hints, self._hints = self._hints, []
        for hint, line in hints:
            match hint:
                case Hint.STORED:
                    # While messages go out, many a report comes in: one poll for some of them.
                    self._poll_due = min(self._poll_due, self._polled + BURST_POLL_S if len(self._outbox) else 0.0)
                case Hint.HANDED_OVER if session.memories:
                    self._say(*session.memories.take(line.body))
                case Hint.NETWORK | Hint.SIM:
                    self._health_due = 0.0
                case Hint.CALL:
                    self._say(Notice("call", f"a call is coming in ({line.text})"))
                case Hint.FULL:
                    self._poll_due = 0.0
                    self._say(Notice("memory", "the message memory is full"))
                case Hint.RESTARTED if session.has_restarted():
                    raise ModemSilentError("the modem has restarted by itself")
                case Hint.ANSWER:
                    self._take_late(line)
                case Hint.USSD:
                    self._say(*filter(None, [self._ussd.answered(line)]))
                case _:
                    pass

    def _open(self) -> None:
        with self._busy(120.0, "looking for the modem"):
            port = self._finder.open()
            self._session = Session(port, self._settings, self._engine, self._heard, self._direct)
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
        if (self._health.state, self._health.reason) != (State.BLOCKED, sim.reason):
            self._report(State.BLOCKED, sim.reason)

    def _start_serving(self, session: Session) -> None:
        with self._busy(self._engine.open_limit_s + 60.0, "opening the modem"):
            notices = session.prepare()
        self._forget_hints()
        if self._last_sim not in (None, session.sim_id):
            notices.append(Notice("sim", f"another SIM is in the modem: {session.sim_id}", {"sim": session.sim_id}))
            self._outbox.doubts.clear()
        self._last_sim = session.sim_id
        self._recovery.working(time.monotonic())
        self._poll_due = 0.0
        self._say(*notices)
        self._say_standing(session)

    def _refresh(self) -> None:
        session = self._session
        if session is None or not session.ready:
            self._report(self._health.state, self._health.reason)
            return
        sim = session.look_at_sim()
        if sim.state is not SimState.READY:
            raise ModemSilentError(sim.reason)
        session.refresh()
        self._recovery.working(time.monotonic())
        self._say_standing(session)

    def _say_standing(self, session: Session) -> None:
        network = session.network
        if network.served:
            self._report(State.UP)
        else:
            self._report(State.DOWN, f"no network: registration is {network.registration}")
            # Looked at more often than the heartbeat: messages wait for it.
            self._health_due = time.monotonic() + self._settings.poll

    def _heard(self, line: Line) -> None:
        hint = understand(line)
        if hint is not None:
            self._hints.append((hint, line))

    # Trouble

    def _guarded(self, action: Callable[[], None]) -> None:
        """Run ``action``; what goes wrong with the modem becomes its health."""
        try:
            action()
        except PortGoneError as error:
            self._outbox.doubts.clear()
            self._stop(State.ABSENT, str(error))
            self._recovery.absent(time.monotonic(), ABSENT_S)
        except PortHeldError as error:
            self._stop(State.DOWN, str(error))
            self._recovery.absent(time.monotonic(), HELD_S)
        except WrongModemError as error:
            self._stop(State.BLOCKED, str(error))
            self._recovery.absent(time.monotonic(), HELD_S)
        except CommandRefusedError as error:
            self._fail(f"the modem refuses {error}")
        except (ModemSilentError, PortError) as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        session, now = self._session, time.monotonic()
        reset = self._recovery.failed(now)
        if session:
            with contextlib.suppress(ModemSilentError, PortError):
                session.at.drain(LATE_QUIET_S, LATE_LIMIT_S)
                for _, line in [item for item in self._hints if item[0] is Hint.ANSWER]:
                    self._take_late(line)
                self._hints = [item for item in self._hints if item[0] is not Hint.ANSWER]
                if reset:
                    self._say(Notice("recovery", f"restarting the modem: {reason}"))
                    if session.reset():
                        self._outbox.doubts.clear()
        self._stop(State.DOWN, reason)

    def _take_late(self, line: Line) -> None:
        if self._outbox.late(line):
            self._recovery.answered()

    def _stop(self, state: State, reason: str) -> None:
        self._drop_session()
        if (self._health.state, self._health.reason) != (state, reason):
            self._report(state, reason)

    def _drop_session(self) -> None:
        reply = self._ussd.give_up("the modem was closed")
        if reply:
            self._say(reply)
        self._forget_hints()
        if self._session:
            self._session.close()
            self._session = None

    def _forget_hints(self) -> None:
        """What the modem said of its state before it was opened is past; what it handed over is nowhere else."""
        self._hints = [(hint, line) for hint, line in self._hints if hint in (Hint.HANDED_OVER, Hint.ANSWER)]

    @contextlib.contextmanager
    def _busy(self, limit_s: float, doing: str) -> Iterator[None]:
        self._say(Busy(limit_s, doing))
        try:
            yield
        finally:
            self._say(Busy(0))
