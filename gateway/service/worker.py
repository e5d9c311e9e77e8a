"""One device's worker: a thread that owns the device's process and writes, in each turn of its loop, one commit.

A turn: wait for events; sort them; hand over parts that are claimed already; commit results, incoming messages,
usage and the next claim together; then acknowledge, and hand over what was claimed. What was not committed is kept
and tried again, and nothing is acknowledged before it is stored.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import select
import threading
from collections.abc import Callable

from gateway import logs
from gateway.config.model import Config
from gateway.errors import StoreError
from gateway.service.flows import Flows
from gateway.service.pace import Backoff, Beat
from gateway.service.shared import Shared
from gateway.store.crashing import Point, point

log = logs.get(__name__)
TICK_S = 10.0
"""How long a worker sleeps when nothing happens and nobody wakes it."""
ROUND_LIMIT_S = 120.0
"""How long one turn may take before the service counts as stuck; the store gives up long before."""
IDLE_GRACE_S = 10.0
"""How long a device that has nothing in hand may take to close."""
LAST_WRITE_S = 15.0
"""How long results are tried to be written at the end."""


class Worker(threading.Thread):
    """Serves one device until ``stop``."""

    def __init__(self, config: Config, name: str, shared: Shared) -> None:
        super().__init__(name=f"device-{name}", daemon=True)
        self._flows = Flows(config, name, shared)
        self.device, self.settings, self._clock = name, self._flows.settings, shared.clock
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._grace_s: float | None = None
        self._look_mono = -math.inf
        self._trouble, self._store_mono = Backoff(0.25, 15.0), -math.inf
        self.beat = Beat(self.name, ROUND_LIMIT_S, self._clock.mono())

    def poke(self) -> None:
        """There may be work: look now. From any thread."""
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def stop(self, grace_s: float) -> None:
        """Claim no more, finish what is with the device within ``grace_s`` seconds, hand back the rest, end."""
        self._grace_s = grace_s
        self.poke()

    def close(self) -> None:
        """Free what the thread waited on; it has ended and nobody pokes it any more."""
        os.close(self._wake)

    def run(self) -> None:
        """The thread. An error of ours ends the device's process, never the worker."""
        again = Backoff(0.5, 30.0)
        while self._grace_s is None:
            try:
                self._turn()
            except Exception:
                # Whatever it is, the other devices go on, and this one begins again: its process hands back all parts.
                log.exception("a worker failed and begins again", device=self.device)
                self._flows.keeper.kill("the worker failed")
                self._sleep(again.pause_s())
        try:
            self._finish(self._grace_s)
        except Exception:
            # What could not be written is found as `sending` at the next start and becomes `unknown`.
            log.exception("a worker could not end in order", device=self.device)

    def _turn(self) -> None:
        lingers = self._flows.linger_until(now := self._clock.mono()) - now
        if lingers > 0:
            # Each event by itself would cost a round; all of them together cost one.
            self._sleep(lingers)
        else:
            self._sleep(self._pause_s(), self._flows.keeper.fileno())
        now = self.beat.moved_mono = self._clock.mono()
        if not self._flows.ready and not self._guarded(self._flows.learn, now):
            return
        self._flows.go(now)
        if now >= self._store_mono:
            look = now >= self._look_mono
            if look:
                self._flows.look()
            if self._guarded(functools.partial(self._flows.write, now, requests=look), now) and look:
                self._look_mono = now + TICK_S

    def _pause_s(self) -> float:
        now = self._clock.mono()
        until = min(max(self._look_mono, self._store_mono), self._flows.until(now, self._store_mono))
        return max(0.0, until - now)

    def _sleep(self, pause_s: float, fd: int | None = None) -> None:
        """Wait until something happens; a poke lets the next turn look at everything."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if fd is not None:
            poll.register(fd, select.POLLIN | (select.POLLOUT if self._flows.keeper.wants_write else 0))
        ready = poll.poll(math.ceil(pause_s * 1000))
        if any(found == self._wake for found, _ in ready):
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._look_mono = -math.inf

    def _guarded(self, work: Callable[[], object], now: float) -> bool:
        """Do what needs the store. Where it fails nothing is lost, and it is tried again after a pause."""
        try:
            work()
        except StoreError as error:
            if self._store_mono == -math.inf:
                log.warning(
                    "the database can't be used; what it has to learn waits", device=self.device, reason=str(error)
                )
            self._store_mono = now + self._trouble.pause_s()
            return False
        if self._store_mono != -math.inf:
            log.info("the database can be used again", device=self.device)
            self._trouble.reset()
            self._store_mono = -math.inf
        return True

    def _finish(self, grace_s: float) -> None:
        flows = self._flows
        flows.claiming = False
        flows.give_back("the service stops")
        # A device that has nothing of ours in hand needn't be waited for, whatever it is doing.
        flows.sort(flows.keeper.stop(grace_s if flows.in_flight else min(grace_s, IDLE_GRACE_S)))
        flows.state.down("the service doesn't run")
        flows.state.blocked = None
        until = self._clock.mono() + LAST_WRITE_S
        while flows.ready and (now := self._clock.mono()) < until:
            if self._guarded(functools.partial(flows.write, now, requests=False), now):
                point(Point.STOP_WRITTEN)
                break
            self._sleep(max(0.0, self._store_mono - now))
