"""The driver of an SMPP account: its binds, its queue, and what its owner hears of them."""

from __future__ import annotations

import contextlib
import dataclasses
import selectors
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from drivers.base import (
    Ack,
    Ask,
    Close,
    Closed,
    Command,
    Event,
    Health,
    Left,
    Link,
    Notice,
    Pause,
    Reopen,
    State,
    Submit,
    Ussd,
    UssdReply,
)
from drivers.smpp import codec, events
from drivers.smpp.account import account
from drivers.smpp.bind import Bind
from drivers.smpp.binds import Binds, Happened
from drivers.smpp.connection import Connection, bind_fields
from drivers.smpp.health import HealthReporter
from drivers.smpp.inbox import Inbox
from drivers.smpp.names import BIND_TRANSMITTER, ROK
from drivers.smpp.outbox import BATCH, Outbox
from drivers.smpp.questions import Questions

LONGEST_WAIT_S: Final = 5.0
NOTICES_A_MINUTE: Final = 20
NEVER: Final = float("inf")


class SmppDriver:
    """Serves one account; see ``drivers.base`` for the contract and ``account.Account`` for the options.

    Raises ``DriverError`` for options that cannot work.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._account = account(options)
        codec.body(BIND_TRANSMITTER, bind_fields(self._account))
        self._virtual = self._account.host == "virtual"
        if self._virtual:
            from drivers.virtual.carrier import options_for

            options_for(self._account)
        self._events: list[Event] = []
        self._outbox = Outbox(self._account, self._events.extend)
        self._questions = Questions(self._account, self._events.extend)
        self._selector = selectors.DefaultSelector()
        self._paused = self._reopening = False
        self._closing_at = NEVER
        self._unbinding = False
        self._notices: deque[float] = deque(maxlen=NOTICES_A_MINUTE)

    def run(self, link: Link) -> None:
        """See ``drivers.base.Driver.run``."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._selector.close)
            if self._virtual:
                from drivers.virtual.carrier import options_for, virtual_carrier

                try:
                    host, port = stack.enter_context(virtual_carrier(options_for(self._account)))
                except OSError as error:
                    link.send(Health(State.BLOCKED, reason=f"the virtual carrier can't start: {error}"))
                    return
                self._account = dataclasses.replace(self._account, host=host, port=port)
            self._start(link)
            stack.callback(self._binds.close)
            while not self._turn(link):
                pass

    def _start(self, link: Link) -> None:
        self._now = time.monotonic()
        self._inbox = Inbox(self._account, self._now)
        self._health = HealthReporter(self._account)
        self._binds = Binds(self._account, self._selector, self._notice)
        self._selector.register(link, selectors.EVENT_READ)
        self._obey(link.receive(0))

    def _turn(self, link: Link) -> bool:
        """Wait for something, deal with it; True when the account is closed."""
        wants_write = selectors.EVENT_WRITE if getattr(link, "wants_write", False) else 0
        self._selector.modify(link, selectors.EVENT_READ | wants_write)
        ready = self._selector.select(max(0.0, self._due() - self._now))
        self._now = now = time.monotonic()
        for key, mask in ready:
            if isinstance(key.data, Connection):
                self._heard(key.data, key.data.ready(mask, now), link)
            elif key.fileobj is link:
                self._obey(link.receive(0))
            else:
                self._binds.ready(key.fileobj, now)
        self._tick()
        self._flush()
        while self._submit(link) >= BATCH:
            self._flush()
            self._now = time.monotonic()
        self._flush()
        stopping = "paused" if self._paused else "closing" if self._closing else ""
        if health := self._health.changed(self._binds.own, self._outbox, now, stopping):
            self._events.append(health)
        closed = self._closing and self._unbinding and not self._binds.connections
        if closed:
            self._events.append(Closed())
        self._emit(link)
        return closed

    # Commands of the owner.

    @property
    def _closing(self) -> bool:
        return self._closing_at < NEVER

    @property
    def _stopping(self) -> bool:
        """Whether the binds are to end once nothing is under way."""
        return self._paused or self._closing or self._reopening

    def _obey(self, commands: Iterable[Command]) -> None:
        reason = self._why_not()
        for command in commands:
            match command:
                case Submit():
                    if reason:
                        self._outbox.not_sent(((command.token, part.index) for part in command.parts), reason)
                    else:
                        self._outbox.put(command)
                case Ask():
                    self._questions.put(command, reason)
                case Ack():
                    self._inbox.acknowledge(command, self._now)
                case Pause(on=on):
                    self._pause(on=on)
                    reason = self._why_not()
                case Reopen():
                    self._reopening, self._unbinding = True, False
                case Close(grace_s=grace_s):
                    self._closing_at = min(self._closing_at, self._now + grace_s)
                    self._hand_back("the account is being closed")
                    reason = self._why_not()
                case Ussd(token=token):
                    self._events.append(UssdReply(token, None, error="a carrier account has no USSD"))
                case _:
                    self._notice(f"an SMPP account does not know {type(command).__name__}")

    def _why_not(self) -> str:
        """Why nothing can be submitted now, empty when something can."""
        if self._closing:
            return "the account is being closed"
        if self._paused:
            return "the account is paused"
        senders = self._binds.senders
        if not senders:
            return "the account is bound as a receiver only"
        return "" if any(bind.up for bind in senders) else f"the account is not bound: {senders[0].reason}"

    def _pause(self, *, on: bool) -> None:
        self._paused, self._unbinding = on, False
        if on:
            self._hand_back("the account is paused")
            return
        self._binds.retry_now()

    # The binds.

    def _tick(self) -> None:
        self._questions.tick(self._now)
        stopping = self._stopping
        if stopping and not self._unbinding and (not self._binds.in_flight or self._now >= self._closing_at):
            self._unbinding = True
            self._deal(self._binds.let_go(self._now))
        if self._reopening and self._unbinding and not self._binds.connections:
            self._reopening = self._unbinding = stopping = False
            self._binds.retry_now()
        self._deal(self._binds.tick(self._now, stopping=stopping))

    def _deal(self, happened: Happened) -> None:
        for connection, what in happened:
            self._handle_all(connection, what)

    def _heard(self, connection: Connection, happened: Sequence[events.SessionEvent], link: Link) -> None:
        """Deal with what a peer said; if that is only that it took something, once more of it has left: meanwhile the
        window would have room for nothing."""
        bind = self._binds.of(connection)
        if bind is None:
            return
        if all(isinstance(event, events.Answered) and event.status == ROK for event in happened):
            self._submit(link)
            self._flush()
        for event in happened:
            self._handle(bind, connection, event)

    def _handle_all(self, connection: Connection, happened: Iterable[events.SessionEvent]) -> None:
        bind = self._binds.of(connection)
        if bind is not None:
            for event in happened:
                self._handle(bind, connection, event)

    def _handle(self, bind: Bind, connection: Connection, event: events.SessionEvent) -> None:
        match event:
            case events.Answered():
                self._health.round_trip(event.round_trip_s)
                self._outbox.answered(event, self._now)
                if event.message_id:
                    self._inbox.learner.accepted(event.message_id)
            case events.Replied():
                self._questions.replied(event)
            case events.Delivered():
                stored = self._inbox.delivered(connection, event, self._now, open_=not self._closing)
                if stored is not None:
                    self._events.append(stored)
            case events.Unanswered(keys=keys):
                self._outbox.unknown(keys, "the carrier did not answer in time")
            case events.Odd(text=text):
                self._notice(text)
            case _:
                self._bind_changed(bind, connection, event)

    def _bind_changed(self, bind: Bind, connection: Connection, event: events.SessionEvent) -> None:
        match event:
            case events.Bound(system_id=system_id):
                bind.bound(self._now)
                self._health.carrier = system_id
            case events.BindRefused(status=status):
                bind.refused(status)
            case events.OutbindAsked():
                self._handle_all(connection, self._binds.called(connection, event, self._now))
            case events.Ended():
                self._ended(bind, connection, event)

    def _ended(self, bind: Bind, connection: Connection, event: events.Ended) -> None:
        connection.close()
        bind.ended(event.reason, self._now)
        self._inbox.ended(connection, self._now, clean=event.clean)
        self._questions.ended(connection, event.reason)
        self._outbox.unknown(event.doubtful, event.reason)
        self._outbox.not_sent((part for unit in event.unsent for part in unit.parts), event.reason)
        if reason := self._why_not():
            self._hand_back(reason)

    def _hand_back(self, reason: str) -> None:
        """Nothing can leave."""
        self._outbox.hand_back(reason)
        self._questions.hand_back(reason)

    # What leaves.

    def _flush(self) -> None:
        self._deal(self._binds.flush(self._now))

    def _submit(self, link: Link) -> int:
        """Let one batch leave; how many it was."""
        up = [] if self._stopping else [bind for bind in self._binds.senders if bind.up]
        senders = [bind.connection for bind in up if bind.connection]
        self._questions.next(senders, self._now)
        batch = self._outbox.next(senders, self._now)
        if batch:
            # The owner must know before the first octet can leave. What else there is to say keeps no window empty.
            link.send(Left(tuple(part for _, unit, _ in batch for part in unit.parts), self._now))
        for connection, unit, body in batch:
            connection.session.submit(unit, body, self._now)
        return len(batch)

    def _emit(self, link: Link) -> None:
        if self._events:
            said = tuple(self._events)
            self._events.clear()
            link.send(*said)

    def _notice(self, text: str) -> None:
        if len(self._notices) == NOTICES_A_MINUTE and self._now - self._notices[0] < 60:
            return
        self._notices.append(self._now)
        self._events.append(Notice("smpp", text))

    # Time.

    def _due(self) -> float:
        stopping = self._stopping
        due = [self._now + LONGEST_WAIT_S, self._health.due, self._questions.deadline]
        due.append(self._binds.due(stopping=stopping))
        if self._outbox and (pause := self._outbox.throttle.pause()):
            due.append(self._now + pause)
        if stopping and not self._unbinding:
            due.append(self._closing_at if self._binds.in_flight else self._now)
        return min(due)
