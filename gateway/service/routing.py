"""The router's threads: one runs the apps on what came in, and each backend in Python has one of its own.

So a slow web server behind one backend keeps neither the apps nor another backend waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from gateway import api, logs
from gateway.errors import StoreError
from gateway.router import BlockingRouter
from gateway.service.clock import Clock
from gateway.service.pace import Backoff, Beat

log = logs.get(__name__)
TICK_S = 2.0
APP_LIMIT_S = 600.0
"""How long an app may take for one message, or a backend for one call, before the service counts as stuck."""

Work = Callable[[Callable[[], bool]], int]
"""Does what is due until the function that it is given says True; gives how much that was."""


class Loop(threading.Thread):
    """Does one kind of the router's work whenever something is due."""

    def __init__(self, name: str, work: Work, clock: Clock) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._clock, self._stop_now, self._wake = work, clock, False, threading.Event()
        self.beat = Beat(name, APP_LIMIT_S, clock.mono())

    def poke(self) -> None:
        """There may be work. From any thread."""
        self._wake.set()

    def end(self) -> None:
        """End after what it has now."""
        self._stop_now = True
        self._wake.set()

    def _stopped(self) -> bool:
        """Asked after each item, and so a sign of life."""
        self.beat.moved_mono = self._clock.mono()
        return self._stop_now

    def run(self) -> None:
        """The thread."""
        trouble = Backoff(0.5, 30.0)
        while not self._stopped():
            try:
                while self._work(self._stopped) and not self._stopped():
                    pass
            except StoreError as error:
                log.warning("the router waits for the database", loop=self.name, reason=str(error))
                self._wake.wait(trouble.pause_s())
            except Exception:
                # An app's error is caught by the router; this is one of ours, and the next round may do better.
                log.exception("the router failed and begins again", loop=self.name)
                self._wake.wait(trouble.pause_s())
            else:
                trouble.reset()
                self._wake.wait(TICK_S)
            self._wake.clear()


class Routing:
    """The threads of one router."""

    def __init__(self, clock: Clock) -> None:
        self._loops = [Loop(name, work, clock) for name, work in _work(api.get_router()).items()]

    @property
    def beats(self) -> list[Beat]:
        """When each loop last went round."""
        return [loop.beat for loop in self._loops]

    def start(self) -> None:
        """Start them."""
        for loop in self._loops:
            loop.start()

    def poke(self) -> None:
        """There may be work. From any thread."""
        for loop in self._loops:
            loop.poke()

    def stop(self, timeout_s: float) -> bool:
        """End after what apps and backends have now; False when one was still at it after ``timeout_s``.

        What it had is then given out again, marked ``redelivered`` or as a possible duplicate.
        """
        until = time.monotonic() + timeout_s
        for loop in self._loops:
            loop.end()
        for loop in self._loops:
            if loop.is_alive():
                loop.join(max(0.0, until - time.monotonic()))
        return not any(loop.is_alive() for loop in self._loops)


def _work(router: Any) -> dict[str, Work]:
    """The loops that a router needs, by name. One with a ``drain`` of its own has one loop for everything."""
    if getattr(type(router), "drain", None) is not BlockingRouter.drain:
        drain = getattr(router, "drain", None)
        return {"router": lambda _: drain() or 0} if callable(drain) else {}

    def deliver(lane: str) -> Work:
        return lambda stop: router.deliver(stop, [lane])

    return {"router": router.run_apps, **{f"backend {lane}": deliver(lane) for lane in router.backends}}
