"""The SMPP server's owner: a thread with the server's process; stores what users submit, hands out what is theirs.

A turn: take what the process says; make messages of submissions; in one commit store them, note what came in for users
and what receipts are due, and claim what users can take; then acknowledge and hand over. An answer to a client always
comes after the commit, and what was handed out stays stored until the client has acknowledged it.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drivers.base import Ack, Asked, Event, Health, Incoming, Notice, Outcome, Reply, Result, State, Submit
from drivers.text import segments
from gateway import logs
from gateway.backends import heard_by
from gateway.config.model import Config
from gateway.errors import StoreError
from gateway.service import options, submitting
from gateway.service.keeper import Keeper
from gateway.service.pace import Backoff, Beat
from gateway.service.shared import Shared
from gateway.store import enquiries, handouts, submissions
from gateway.store.engine import Conn
from gateway.store.handouts import Handout
from gateway.store.types import MessageRow

log = logs.get(__name__)
TICK_S = 1.0
ROUND_LIMIT_S = 120.0
AGAIN_MS = 30_000
"""How long what a client refused, or did not answer, waits until it is given again."""
RMSGQFUL = 0x14
"""command_status for what can't be stored now: clients slow down and send it again (SMPP 3.4 §5.1.3)."""
NAME = "server.smpp"


@dataclass(slots=True)
class _Hand:
    """One handout that is with the process."""

    user: str
    open: set[int]
    failed: bool = False


@dataclass(slots=True)
class _Ended:
    """Handouts whose end the store has to learn."""

    done: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)


class SmppServer(threading.Thread):
    """Serves ``[server.smpp]`` until ``stop``."""

    def __init__(self, config: Config, shared: Shared) -> None:
        super().__init__(name="smpp-server", daemon=True)
        server = config.server.smpp
        assert server is not None
        self.config, self.settings, self._shared, self._clock = config, server, shared, shared.clock
        self._keeper = Keeper(NAME, lambda: options.of_server(server))
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._grace_s: float | None = None
        self._look_mono = -math.inf
        self._judged_by: Config | None = None
        """The config under which all that is open was judged: which devices report may be otherwise in the next."""
        self._trouble, self._store_mono = Backoff(0.25, 15.0), -math.inf
        self._incoming: list[Incoming] = []
        self._asked: list[Asked] = []
        self._hands: dict[int, _Hand] = {}
        self._ended = _Ended()
        self._windows: dict[str, int] = {}
        self._last: tuple[State, str] | None = None
        self.beat = Beat(self.name, ROUND_LIMIT_S, self._clock.mono())

    def poke(self) -> None:
        """There may be something to hand out: look now. From any thread."""
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def stop(self, grace_s: float) -> None:
        """Take no more clients, answer what was submitted, end within ``grace_s`` seconds."""
        self._grace_s = grace_s
        self.poke()

    def close(self) -> None:
        """Free what the thread waited on; it has ended and nobody pokes it any more."""
        os.close(self._wake)

    def run(self) -> None:
        """The thread. An error of ours ends the process, never the thread."""
        again = Backoff(0.5, 30.0)
        while self._grace_s is None:
            try:
                self._turn()
            except Exception:
                # Whatever it is, the gateway goes on; clients bind again and submit again what was not answered.
                log.exception("the SMPP server failed and begins again")
                self._keeper.kill("the SMPP server failed")
                self._sleep(again.pause_s())
        self._sort(self._keeper.stop(min(self._grace_s, 5.0)))
        self._incoming.clear()
        with contextlib.suppress(StoreError):
            self._shared.store.write(self._put_away)

    # One turn.

    def _turn(self) -> None:
        self._sleep(self._pause_s(), self._keeper.fileno())
        now = self.beat.moved_mono = self._clock.mono()
        self._sort(self._keeper.events(now, paused=False))
        if now < self._store_mono:
            self._refuse()
            return
        look = now >= self._look_mono
        if not (look or self._incoming or self._asked or self._ended.done or self._ended.back):
            return
        try:
            self._write(look)
        except StoreError as error:
            log.warning("the SMPP server can't use the database", reason=str(error))
            self._store_mono = now + self._trouble.pause_s()
            self._refuse()
        else:
            self._trouble.reset()
            self._store_mono = -math.inf

    def _pause_s(self) -> float:
        now = self._clock.mono()
        until = min(max(self._look_mono, self._store_mono), self._keeper.next_mono)
        return max(0.0, min(until - now, TICK_S))

    def _sleep(self, pause_s: float, fd: int | None = None) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if fd is not None:
            poll.register(fd, select.POLLIN | (select.POLLOUT if self._keeper.wants_write else 0))
        if any(found == self._wake for found, _ in poll.poll(math.ceil(pause_s * 1000))):
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._look_mono = -math.inf

    def _sort(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Incoming():
                    self._incoming.append(event)
                case Asked():
                    self._asked.append(event)
                case Result():
                    self._result(event)
                case Health():
                    self._health(event)
                case Notice(kind=kind, text=text):
                    log.info(text, kind=kind)
                case _:
                    pass
        if not self._keeper.alive:
            # Its clients are gone, and submit again what they have no answer for.
            self._incoming.clear()
            self._asked.clear()
            self._windows.clear()

    def _health(self, event: Health) -> None:
        users = event.details.get("users", {})
        windows = {name: int(told["window"]) for name, told in users.items()}
        if windows != self._windows:
            self._windows, self._look_mono = windows, -math.inf
        if (event.state, event.reason) != self._last:
            self._last = event.state, event.reason
            say = log.info if event.state is State.UP else log.warning
            say(f"the SMPP server is {event.state}", where=event.port, reason=event.reason or None)

    def _result(self, event: Result) -> None:
        hand = self._hands.get(event.token)
        if hand is None or event.late:
            return
        hand.open.discard(event.index)
        hand.failed = hand.failed or event.outcome is not Outcome.ACCEPTED
        if not hand.open:
            del self._hands[event.token]
            (self._ended.back if hand.failed else self._ended.done).append(event.token)
            self._look_mono = -math.inf

    def _refuse(self) -> None:
        """What can't be stored now comes again later."""
        if self._incoming:
            self._keeper.send(Ack(tuple(each.key for each in self._incoming), stored=False, code=RMSGQFUL))
            self._incoming.clear()
        self._keeper.send(*(Reply(each.key, done=False) for each in self._asked))
        self._asked.clear()

    def _write(self, look: bool) -> None:
        incoming, asked, ended = tuple(self._incoming), tuple(self._asked), self._ended
        now_ms, config = self._clock.now_ms(), self.config
        prepared = submitting.prepare(self._shared.store, config, incoming, now_ms)
        rooms = self._rooms() if look or ended.done or ended.back else {}
        ageing_ms = round(config.gateway.ageing * 1000)
        silent = [name for name, device in config.devices.items() if not device.receipts]

        def work(c: Conn) -> tuple[list[Handout], list[Reply], int]:
            prepared.write(c, now_ms, ageing_ms)
            replies = [enquiries.answer(c, each, now_ms) for each in asked]
            self._put_away(c)
            more = 0
            if look:
                handouts.recover(c)
                if self._judged_by is not config:
                    submissions.look_again(c)
                more = submissions.settled(c, silent, now_ms) // submissions.LOOK
                for name, user in self.settings.user.items():
                    more += handouts.spread(c, name, heard_by(config, user.backends), now_ms)
            return handouts.claim(c, self._shared.epoch, rooms, now_ms), replies, more

        if look:
            self._look_mono = self._clock.mono() + TICK_S
        claimed, replies, more = self._shared.store.write(work)
        self._ended = _Ended()
        if look:
            self._judged_by = config
        self._incoming.clear()
        self._asked.clear()
        self._keeper.send(*replies)
        self._acknowledge(incoming, prepared.refused)
        if prepared.messages:
            self._shared.moved()
        self._hand_over(claimed)
        if more:
            self._look_mono = -math.inf

    def _put_away(self, c: Conn) -> None:
        handouts.done(c, self._ended.done, self._shared.epoch)
        if self._grace_s is not None:
            self._ended.back += self._hands
        due_ms = self._clock.now_ms() + (AGAIN_MS if self._grace_s is None else 0)
        handouts.put_back(c, self._ended.back, self._shared.epoch, due_ms)

    def _rooms(self) -> dict[str, int]:
        taken = dict.fromkeys(self._windows, 0)
        for hand in self._hands.values():
            taken[hand.user] = taken.get(hand.user, 0) + 1
        return {name: window - taken[name] for name, window in self._windows.items() if window > taken[name]}

    def _acknowledge(self, incoming: Sequence[Incoming], refused: Mapping[str, int]) -> None:
        stored = tuple(each.key for each in incoming if each.key not in refused)
        if stored:
            self._keeper.send(Ack(stored))
        for key, code in refused.items():
            self._keeper.send(Ack((key,), stored=False, code=code))

    def _hand_over(self, claimed: Sequence[Handout]) -> None:
        for each in claimed:
            submit = _submit(each, self.config)
            self._hands[each.id] = _Hand(each.user, {part.index for part in submit.parts})
            self._keeper.send(submit)


def _submit(handout: Handout, config: Config) -> Submit:
    """A message or a receipt as the server's process takes it."""
    if handout.message is None:
        fields = {"user": handout.user, "receipt": dict(handout.receipt or {})}
        return Submit(handout.id, "", segments.split("", reference=0), fields=fields)
    message: MessageRow = handout.message
    row = message.transmissions[0]
    device = config.smpp.get(row.device or "")
    to = message.to or (device.source if device else None) or row.device or ""
    data = message.fields.get("data") if row.encoding == "binary" else None
    reference = handout.id & 0xFF
    parts = (
        segments.split_binary(bytes.fromhex(str(data)), reference=reference)
        if data
        else segments.split(message.text, reference=reference)
    )
    return Submit(handout.id, to, parts, source=row.connection.identity, fields={"user": handout.user})
