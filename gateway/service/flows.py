"""One device's flows together: events go in, what to write comes out, and what was written is acted upon.

Used by the worker's thread only. Nothing here waits; ``write`` is the only place that commits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from drivers.base import (
    EnterPin,
    Event,
    Health,
    Incoming,
    Left,
    Notice,
    PinNeeded,
    PinOutcome,
    Receipt,
    Result,
    State,
    UssdReply,
)
from gateway import logs
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.config.model import Config
from gateway.errors import StoreError
from gateway.service import fitting, metering, options
from gateway.service.aside import Aside
from gateway.service.health import WAVERS_S, WRITE_EVERY_S, DeviceState
from gateway.service.incoming import Inflow
from gateway.service.keeper import Keeper
from gateway.service.pins import PinDesk
from gateway.service.requests import RequestDesk
from gateway.service.shared import Shared
from gateway.service.turn import Turn, Written
from gateway.store import devices, suspects
from gateway.store.crashing import Point, point
from gateway.store.outbox import ClaimRequest

log = logs.get(__name__)
LINGER_S = 0.03
"""So far apart the commits of a busy device begin at least: results wait for each other, a commit costs more."""


class Flows:
    """What goes through one device, and how it is."""

    def __init__(self, config: Config, name: str, shared: Shared) -> None:
        settings = config.devices[name]
        self.device, self.settings, self._shared, self._clock = name, settings, shared, shared.clock
        # Other hosts, which a shared database has, take a device for lost that says nothing for long.
        wavers_s = WRITE_EVERY_S[settings.kind] if shared.store.path is None else WAVERS_S
        self.state = DeviceState(name, settings.kind, settings.driver, config.gateway.node, wavers_s)
        self.state.rule = (settings.on_unknown, round(settings.settle * 1000), settings.attempts)
        self.keeper = Keeper(name, lambda: self._options(config))
        self._inflow, self._desk = Inflow(), RequestDesk()
        self._aside = Aside(name, settings, config.gateway.state, self._clock)
        self._pins = PinDesk(name, settings.pin if isinstance(settings, ModemConfig) else None)
        self._outgoing = fitting.outgoing(settings, shared.clock, shared.fleet)
        self._subjects: tuple[str, ...] = ()
        self._more, self._need, self._again = True, 1, math.inf
        self._died_ms: int | None = None
        """When a process died that no other has replaced at the network yet; None when the last one ended in order."""
        self._trouble = 0
        self._written_mono = -math.inf
        self.claiming = True

    @property
    def ready(self) -> bool:
        """Whether it is known what the device has used of its limits."""
        return bool(self._subjects)

    @property
    def in_flight(self) -> int:
        """Parts that are with the device."""
        return self._outgoing.in_flight

    def look(self) -> None:
        """There may be something to claim."""
        self._more, self._need, self._again = True, 1, math.inf

    def linger_until(self, now: float) -> float:
        """When to write: now, or a little later where nobody waits for it and others' results will be there too."""
        if self._inflow.batch() or self._desk.answers() or self._pins.pending or not self._outgoing.busy:
            return now
        return self._written_mono + LINGER_S

    def until(self, now: float, store_mono: float) -> float:
        """When there is something to do if nothing is heard; what needs the store not before ``store_mono``."""
        until = self.keeper.next_mono if self.ready else math.inf
        if self.state.state is State.UP:
            until = min(until, self._aside.next_mono)
        if self.state.state is State.UP and self._outgoing.waiting:
            until = min(until, self._outgoing.opens_at(now))
        until = min(until, max(store_mono, self._again))
        if self.state.state is State.UP and self._more and self._subjects == self._wanted:
            until = min(until, max(store_mono, self._outgoing.opens_at(now, self._need)))
        if self._outgoing.batch() or self._inflow.batch() or self._desk.answers():
            until = min(until, store_mono)
        return until

    def learn(self) -> None:
        """Learn what the device and its SIM have used already; before that nothing is claimed. Raises StoreError."""
        with self._shared.store.read() as c:
            if not self.ready:
                self.state.pause(on=devices.paused(c, self.device))
                self._died_ms = suspects.died_ms(c, self._shared.epoch, self._clock.now_ms())
                self._aside.load(c, crashed=self._died_ms is not None)
            limiter = metering.limiter(c, self.settings, self._wanted, self._clock)
        limiter.follow(self._outgoing.limiter)
        self._outgoing.limiter = limiter
        self._subjects = self._wanted

    def go(self, now: float) -> None:
        """Take what the device says, and give it what it may have."""
        alive = self.keeper.alive
        if self._clock.was_set and self.state.health.clock_skew_s is not None:
            self.state.update(replace(self.state.health, clock_skew_s=None))
        self.sort(self.keeper.events(now, paused=self.state.paused))
        if alive and not self.keeper.alive:
            self._died_ms = self._died_ms or self._clock.now_ms()
        if self._outgoing.trouble != self._trouble:
            self._trouble = self._outgoing.trouble
            self._shared.fleet.trouble(self.device, now, on=self._trouble > 0)
            self._shared.moved()
        self._desk.overdue(now)
        if now >= self._again:
            self.look()
        if self.state.state is not State.UP and self._outgoing.waiting:
            self._outgoing.give_back(f"the device is {self.state.state}")
        if self.state.state is State.UP and self.claiming:
            self.keeper.send(*self._aside.ask(now))
        self._hand_over(now)

    def _options(self, config: Config) -> tuple[str, dict[str, Any]]:
        kind, given = options.of(config, self.device)
        if self._died_ms is not None and isinstance(self.settings, SmppConfig):
            # A carrier repeats what it has no answer for; a modem keeps it, and its driver knows it again.
            with self._shared.store.read() as c:
                given["suspects"] = suspects.stored_since(c, self.device, self._died_ms)
        with self._shared.store.read() as c:
            given.update(self._aside.options(c))
        return kind, given

    def sort(self, events: Iterable[Event]) -> None:
        """Take events."""
        for event in events:
            try:
                self._take(event)
            except Exception:
                # The events behind it must not be lost with it.
                log.exception("an event can't be taken", device=self.device, kind=type(event).__name__)
        if not self.keeper.alive:
            self._inflow.clear()
            self._pins.ended()
            self._aside.ended()
            self._desk.ended("the device's process has ended")

    def give_back(self, reason: str) -> None:
        """Hand back what is not with the device."""
        self._outgoing.give_back(reason)

    def _take(self, event: Event) -> None:
        if self._aside.take(event, self.state, self._desk):
            return
        match event:
            case Left():
                self._outgoing.left(event)
                point(Point.LEFT_TAKEN)
            case Result():
                self._outgoing.result(event)
                point(Point.RESULT_TAKEN)
            case Incoming() | Receipt():
                self._inflow.add(event)
                point(Point.INCOMING_TAKEN if isinstance(event, Incoming) else Point.RECEIPT_TAKEN)
            case Health():
                self._health(event)
            case PinNeeded():
                self._pins.needed(event)
            case PinOutcome():
                self._pins.outcome(event)
            case UssdReply():
                self._desk.reply(event)
            case Notice(kind=kind, text=sentence, fields=fields):
                log.info(sentence, **{**fields, "device": self.device, "kind": kind})
            case _:
                pass

    def _health(self, event: Health) -> None:
        before = (self.state.state, self.state.reason)
        if event.state is State.UP:
            self._pins.blocked = self.state.blocked = self._died_ms = None
        self.state.update(event)
        self._outgoing.window = max(1, event.window)
        self._outgoing.sim = self.state.sim
        self._seen(before)

    def _seen(self, before: tuple[State, str]) -> None:
        """Say it where the device's state has changed."""
        state, reason = self.state.state, self.state.reason
        if (state, reason) == before:
            return
        expected = state in (State.UP, State.STARTING, State.PAUSED) or not self.claiming
        say = log.info if expected else log.warning
        say(f"the device is {state}", device=self.device, reason=reason or None)
        if self._shared.fleet.returned(self.device, state):
            self._outgoing.limiter.returned()
            self.state.returned_ms = self._clock.now_ms()
        if self._shared.fleet.set(self.device, state, self._clock.mono()):
            self._shared.moved()
        self.look()

    def _hand_over(self, now: float) -> None:
        if self.state.state is State.UP and self.claiming:
            submits = self._outgoing.submits(now)
            if submits:
                point(Point.SUBMIT_BEFORE)
            self.keeper.send(*submits)
            if submits:
                point(Point.SUBMIT_AFTER)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return (self.device, self.state.sim) if self.state.sim else (self.device,)

    def write(self, now: float, *, requests: bool) -> None:
        """Commit what has come up, with the next claim, and act upon it. Raises StoreError; nothing is lost then."""
        if self._subjects != self._wanted and self._outgoing.idle and not self._outgoing.batch():
            self.learn()
        if requests and self.claiming and self.state.state is State.UP:
            self.keeper.send(*self._aside.look(self._shared.store, now))
        turn = Turn(
            self.device, self._subjects[-1], self._shared.epoch, self._clock.now_ms(),
            out=self._outgoing.batch(),
            incoming=self._inflow.batch(),
            answers=self._desk.answers(),
            row=self.state.row(self._clock.now_ms()) if self.state.due(now) else None,
            pin=self._pins if self._pins.pending else None,
            claim=self._claim(now),
            look=requests,
        )  # fmt: skip
        if not turn:
            return
        try:
            done = self._shared.store.write(turn)
        except StoreError:
            raise
        except Exception:
            # One row that the store can't take must not keep all others from it.
            log.exception("a turn can't be written whole and is written in pieces", device=self.device)
            self._write_apart(turn)
            return
        turn.passed(done)
        self._written_mono = now
        if turn.row:
            self.state.written(self._clock.mono())
        self._outgoing.written()
        self._desk.written(turn.answers)
        if turn.incoming:
            self.keeper.send(self._inflow.done(turn.incoming, stored=True))
            point(Point.INCOMING_ACKNOWLEDGED)
        self._after(turn, done)

    def _claim(self, now: float) -> ClaimRequest | None:
        if not (self._more and self.claiming and self.state.state is State.UP and self._subjects == self._wanted):
            return None
        room = self._outgoing.room(now)
        if room is None:
            return None
        lanes = self._shared.fleet.lanes(self.device, now)
        return ClaimRequest(
            self.device,
            lanes,
            self._shared.epoch,
            room.rows,
            room.parts,
            room.whole,
            room.recipients,
            self._shared.fleet.gate,
        )

    def _after(self, turn: Turn, done: Written) -> None:
        now = self._clock.mono()
        if done.stale:
            log.warning("another gateway has taken over attempts of this device", device=self.device, count=done.stale)
        if done.ambiguous:
            log.warning("receipts fit several messages and count for none", device=self.device, count=done.ambiguous)
            self.state.know(receipts_ambiguous=self.state.more.get("receipts_ambiguous", 0) + done.ambiguous)
        if turn.pin and (pin := self._pins.pin(done.pin)) is not None:
            self.keeper.send(EnterPin(pin))
        before = (self.state.state, self.state.reason)
        if any(request.kind == "unlock" for request in done.requests):
            self._pins.blocked = None
        self.state.blocked = self._pins.blocked
        self._desk.take(done.requests, self.state, self.keeper, now)
        self._seen(before)
        if done.ready:
            self._shared.arrived()
        if turn.claim is not None:
            limited = turn.claim.max_parts is not None
            self._more = limited or len(done.claimed) == turn.claim.max_rows
            # Too few parts were free for what waits first: asking again makes sense when there are more.
            self._need = turn.claim.max_parts + 1 if turn.claim.max_parts is not None and not done.claimed else 1
            if done.again_ms is not None:
                self._again = now + max(0.01, (done.again_ms - turn.now_ms) / 1000)
            self._outgoing.take(done.claimed)
            self._hand_over(now)

    def _write_apart(self, turn: Turn) -> None:
        """Write each piece by itself; one that the store can't take is said and left out. Raises StoreError."""
        for piece in filter(None, turn.pieces()):
            stored = True
            try:
                self._shared.store.write(piece)
            except StoreError:
                raise
            except Exception:
                # See `write`.
                log.exception("the store can't take this", device=self.device)
                stored = False
            if piece.incoming:
                self.keeper.send(self._inflow.done(piece.incoming, stored=stored))
        self._outgoing.written()
        self._desk.written(turn.answers)
        self.state.written(self._clock.mono())
