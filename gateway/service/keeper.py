"""Keeps one device's process running: starts it, ends it when it is stuck, and starts it again after a pause."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from drivers.base import Command, Event, Health, Pause, State
from drivers.process import DeviceProcess
from gateway import logs
from gateway.errors import ConfigurationError, StoreError
from gateway.service.pace import Backoff

log = logs.get(__name__)
STEADY_S = 60.0
"""A process that has lived for this long starts its pauses anew."""


class Keeper:
    """The process of one device. Used by one thread; times are monotonic seconds."""

    def __init__(self, device: str, options: Callable[[], tuple[str, dict[str, Any]]]) -> None:
        """``options`` gives kind and options anew for each start, so that a secret that appears later is seen."""
        self._device, self._options = device, options
        self._process: DeviceProcess | None = None
        self._pauses = Backoff(1.0, 60.0)
        self._start_at, self._started = -math.inf, -math.inf
        self._last: Health | None = None
        self._at_once = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process else None

    @property
    def wants_write(self) -> bool:
        """Whether commands wait for the pipe."""
        return self._process is not None and self._process.wants_write

    @property
    def next_mono(self) -> float:
        """When ``events`` has something to do even if nothing is heard."""
        return self._process.deadline_mono if self._process and self._process.alive else self._start_at

    def fileno(self) -> int | None:
        """The pipe, None while there is no process."""
        return self._process.fileno() if self._process and self._process.alive else None

    def events(self, now: float, *, paused: bool) -> list[Event]:
        """What the device said since the last call. Starts the process when it is time to."""
        if not self.alive and now >= self._start_at:
            return self._start(now, paused)
        if self._process is None:
            return []
        was_alive = self._process.alive
        self._process.tick(now)
        events = self._process.events()
        for event in events:
            if isinstance(event, Health) and (self._process.alive or event.state is not State.DOWN):
                self._last = event
        if was_alive and not self._process.alive:
            events = self._ended(events, now)
        return events

    def send(self, *commands: Command) -> None:
        """Hand commands over; those for a process that is gone come back as events."""
        if self._process is not None and commands:
            self._process.send(*commands)

    def again(self, reason: str) -> None:
        """End the process and start it anew at once."""
        self._pauses.reset()
        self._at_once = True
        self.kill(reason)
        self._start_at = -math.inf

    def kill(self, reason: str) -> None:
        """End the process; it is started again after a pause."""
        if self.alive and self._process is not None:
            self._process.kill(reason)

    def stop(self, grace_s: float) -> list[Event]:
        """Close the device and wait for its end; what it still said."""
        return self._process.stop(grace_s) if self._process else []

    def _start(self, now: float, paused: bool) -> list[Event]:
        self._started, self._last = now, None
        try:
            kind, options = self._options()
            self._process = self._process or DeviceProcess(kind, options)
            self._process.options = options
            self._process.start()
        except ConfigurationError as error:
            self._start_at = now + self._pauses.pause_s()
            return [Health(State.BLOCKED, reason=str(error))]
        except StoreError as error:
            self._start_at = now + self._pauses.pause_s()
            return [Health(State.DOWN, reason=str(error))]
        except OSError as error:
            self._start_at = now + self._pauses.pause_s()
            return [Health(State.DOWN, reason=f"its process can't be started: {error.strerror}")]
        if paused:
            self._process.send(Pause(on=True))
        return []

    def _ended(self, events: list[Event], now: float) -> list[Event]:
        if now - self._started >= STEADY_S:
            self._pauses.reset()
        at_once, self._at_once = self._at_once, False
        pause = 0.0 if at_once else self._pauses.pause_s()
        self._start_at = now + pause
        if self._last is not None and self._last.state is State.BLOCKED and not at_once:
            # The driver said why it gave up; that its process ended afterwards is no news.
            events = [event for event in events if not isinstance(event, Health)] + [self._last]
        elif not any(isinstance(event, Health) for event in events):
            events.append(Health(State.DOWN, reason="its process has ended"))
        log.warning("a device's process ended", device=self._device, again_in=f"{pause:.1f} s", reason=_reason(events))
        return events


def _reason(events: list[Event]) -> str | None:
    return next((event.reason for event in reversed(events) if isinstance(event, Health)), None)
