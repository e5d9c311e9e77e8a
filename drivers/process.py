"""The owner's end of a device: its process, the pipe to it, and the deadline that it must keep.

``DeviceProcess`` gives exactly one ``Result`` (and perhaps a late one) for each part that was submitted,
whatever becomes of the process: a part without ``Left`` comes back NOT_SENT, one with it UNKNOWN.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from drivers import wire
from drivers.base import HEALTH_EVERY_S, Busy, Close, Command, Event, Health, Left, Outcome, Result, State, Submit

IDLE_LIMIT_S = 3 * HEALTH_EVERY_S
"""A driver that says nothing for this long outside of a ``Busy`` is stuck."""
START_LIMIT_S = 60.0
BUSY_GRACE_S = 2.0
REFUSED = 3
"""Exit status of a process whose driver could not be made from its options; its ``Health`` has said why."""


class DeviceProcess:
    """One device in its own process. Used by one thread.

    Args:
        kind: ``modem`` or ``smpp``.
        options: what the driver is made from; they travel in the pipe, never in the argument list.
    """

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        self.kind = kind
        self.options = dict(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._decoder = wire.Decoder()
        self._out = bytearray()
        self._open: dict[tuple[int, int], float | None] = {}
        self._heard_mono = 0.0
        self._limit_s = START_LIMIT_S
        self._doing = "starting"
        self._verdict: Health | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs and its events may still be read."""
        return self._sock is not None

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process else None

    @property
    def open_parts(self) -> int:
        """Parts that were submitted and have no ``Result``."""
        return len(self._open)

    @property
    def wants_write(self) -> bool:
        """Whether commands wait for the pipe to take them (add the descriptor to the writers)."""
        return bool(self._out)

    @property
    def deadline_mono(self) -> float:
        """When ``tick`` would kill the process if nothing were heard of it."""
        return self._heard_mono + self._limit_s

    def fileno(self) -> int:
        """The pipe's descriptor. Raises ValueError when there is no process."""
        if self._sock is None:
            raise ValueError("the device's process does not run")
        return self._sock.fileno()

    def start(self) -> None:
        """Start the process. Raises OSError when the host can't (no memory, no processes)."""
        if self.alive:
            raise ValueError("the device's process runs already")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "drivers.host", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._sock, self._decoder, self._out = ours, wire.Decoder(), bytearray()
        self._heard_mono, self._limit_s, self._doing = time.monotonic(), START_LIMIT_S, "starting"
        self._verdict = None
        self._write(((self.kind, self.options),))

    def send(self, *commands: Command) -> None:
        """Hand commands to the driver without waiting. A ``Submit`` to a process that has ended comes back
        as NOT_SENT from the next ``events``."""
        for command in commands:
            if isinstance(command, Submit):
                self._open.update({(command.token, part.index): None for part in command.parts})
        if self.alive:
            self._write(commands)

    def events(self) -> list[Event]:
        """What the driver said since the last call; never waits. After the process has ended: its last words,
        a ``Result`` for every open part, and a ``Health`` that says why."""
        events: list[Event] = []
        if self._sock is None:
            return self._hand_back("its process has ended")
        self._flush()
        ended = False
        while True:
            try:
                octets = self._sock.recv(1 << 18)
            except BlockingIOError:
                break
            except OSError:
                octets = b""
            if not octets:
                ended = True
                break
            try:
                events += self._decoder.feed(octets)
            except ValueError as error:
                self.kill(f"its process broke the contract: {error}")
                ended = True
                break
        for event in events:
            self._note(event)
        if ended:
            events += self._bury()
        return events

    def tick(self, now_mono: float) -> None:
        """Kill a process that has been silent for longer than it said; ``events`` then tells what was open."""
        if self.alive and now_mono > self.deadline_mono:
            doing = f" while {self._doing}" if self._doing else ""
            self.kill(f"no answer for {self._limit_s:.0f} s{doing}; its process was ended")

    def kill(self, reason: str = "its process was ended") -> None:
        """End the process at once."""
        self._verdict = self._verdict or Health(State.DOWN, reason=reason)
        if self._process:
            self._process.kill()

    def stop(self, grace_s: float) -> list[Event]:
        """``Close`` the device, wait until it has ended (at the latest ``grace_s`` and a little later), and give
        the events of that time."""
        events: list[Event] = []
        if self.alive:
            self.send(Close(grace_s))
            end = time.monotonic() + grace_s + BUSY_GRACE_S
            while self.alive:
                remaining = end - time.monotonic()
                if remaining <= 0:
                    self.kill("it did not close in time; its process was ended")
                self._wait(max(remaining, BUSY_GRACE_S))
                events += self.events()
        return events + self._hand_back("the device was closed")

    def _wait(self, timeout_s: float) -> None:
        import select

        select.select([self], [self] if self._out else [], [], timeout_s)

    def _write(self, values: tuple[object, ...]) -> None:
        self._out += wire.encode(values)
        self._flush()

    def _flush(self) -> None:
        while self._out and self._sock is not None:
            try:
                del self._out[: self._sock.send(self._out)]
            except BlockingIOError:
                return
            except OSError:
                # The other end is gone: ``events`` finds the end of the pipe and says so.
                self._out.clear()

    def _note(self, event: Event) -> None:
        self._heard_mono = time.monotonic()
        match event:
            case Left(parts=parts, at_mono=at_mono):
                self._open.update({part: at_mono for part in parts if part in self._open})
            case Result(token=token, index=index):
                self._open.pop((token, index), None)
            case Busy(limit_s=0):
                self._limit_s, self._doing = IDLE_LIMIT_S, ""
            case Busy(limit_s=limit_s, doing=doing):
                self._limit_s, self._doing = limit_s + BUSY_GRACE_S, doing
            case _:
                if self._doing == "starting":
                    self._limit_s, self._doing = IDLE_LIMIT_S, ""

    def _bury(self) -> list[Event]:
        assert self._process is not None
        assert self._sock is not None
        self._sock.close()
        self._sock = None
        self._out.clear()
        try:
            code = self._process.wait(BUSY_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        verdict = self._verdict
        if verdict is None and code not in (0, REFUSED):
            how = f"signal {-code}" if code < 0 else f"status {code}"
            verdict = Health(State.DOWN, reason=f"its process ended unexpectedly ({how})")
        self._process = None
        return [
            *self._hand_back(verdict.reason if verdict else "the device was closed"),
            *([verdict] if verdict else []),
        ]

    def _hand_back(self, reason: str) -> list[Event]:
        results: list[Event] = [
            Result(token, index, Outcome.NOT_SENT if left is None else Outcome.UNKNOWN, reason=reason)
            for (token, index), left in self._open.items()
        ]
        self._open.clear()
        return results
