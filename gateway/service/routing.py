"""The router's thread: it runs the apps on what came in, and the Python backends on what is due."""

from __future__ import annotations

import threading

from gateway import api, logs
from gateway.errors import StoreError
from gateway.service.clock import Clock
from gateway.service.pace import Backoff, Beat

log = logs.get(__name__)
TICK_S = 2.0
APP_LIMIT_S = 600.0
"""How long the apps may take for what is due at once before the service counts as stuck."""


class RouterLoop(threading.Thread):
    """Drains the router whenever something is due. One of them runs at a time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(name="router", daemon=True)
        self._clock, self._stop_now, self._wake = clock, False, threading.Event()
        self.beat = Beat("router", APP_LIMIT_S, clock.mono())

    def poke(self) -> None:
        """There may be work. From any thread."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """End after the message that the apps have now; False when they were still at it after ``timeout_s``.

        What they had is then given out again, marked ``redelivered``.
        """
        self._stop_now = True
        self._wake.set()
        self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """The thread."""
        trouble = Backoff(0.5, 30.0)
        while not self._stop_now:
            try:
                api.get_router().drain()
            except StoreError as error:
                log.warning("the router waits for the database", reason=str(error))
                self._wake.wait(trouble.pause_s())
            except Exception:
                # An app's error is caught by the router; this is one of ours, and the next round may do better.
                log.exception("the router failed and begins again")
                self._wake.wait(trouble.pause_s())
            else:
                trouble.reset()
                self._wake.wait(TICK_S)
            self._wake.clear()
            self.beat.moved_mono = self._clock.mono()
