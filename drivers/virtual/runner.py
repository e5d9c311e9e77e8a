"""Gives virtual modems their ports, their clock and their control sockets, in one loop without sleeps."""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Callable

from drivers.virtual.control import ControlServer
from drivers.virtual.modem import VirtualModem
from drivers.virtual.network import Network
from drivers.virtual.options import ModemOptions
from drivers.virtual.port import Port
from drivers.virtual.verbs import Verbs


class PluggedModem:
    """One virtual modem at its port."""

    def __init__(self, options: ModemOptions, network: Network) -> None:
        """Raises OSError or ValueError when the port or one of the files can't be made or read."""
        now = time.monotonic()
        self.modem = VirtualModem(options, network, now=now, wall_offset=time.time() - now)
        self.port = Port()
        self._plugging = -1
        self.follow()
        verbs = Verbs(self.modem, self.port, self.follow)
        self.control = None if options.control is None else ControlServer(options.control, verbs)

    def follow(self) -> None:
        """Let the port be plugged in or out as the modem is."""
        if self._plugging == self.modem.plugging:
            return
        self._plugging = self.modem.plugging
        self.port.unplug()
        if self.modem.plugged:
            self.port.plug(self.modem.link)

    def descriptors(self) -> dict[int, int]:
        """What to wait on, and for which events of poll(2)."""
        control = [] if self.control is None else self.control.descriptors()
        return {**self.port.descriptors(), **dict.fromkeys(control, select.POLLIN)}

    def concerned(self, ready: set[int], now: float) -> bool:
        """Whether there is something to serve."""
        due = self.modem.next_due()
        return (due is not None and due <= now) or not ready.isdisjoint(self.descriptors())

    def serve(self, now: float) -> None:
        """Pass on what has come and what is due."""
        if self.control is not None:
            self.control.serve(now)
        data = self.port.read()
        said = self.modem.receive(data, now) if data else self.modem.tick(now)
        self.follow()
        self.port.write(said)

    def close(self) -> None:
        """Take the port and the control socket away."""
        self.port.unplug()
        if self.control is not None:
            self.control.close()
        self.modem.witness.close()


class Runner:
    """Serves virtual modems until ``stop``, which any thread or signal handler may call."""

    def __init__(self) -> None:
        self.network = Network()
        self.modems: list[PluggedModem] = []
        self._stop = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def add(self, options: ModemOptions) -> PluggedModem:
        """Plug in one more modem, before ``run``. Raises OSError or ValueError."""
        plugged = PluggedModem(options, self.network)
        self.modems.append(plugged)
        return plugged

    def stop(self) -> None:
        """Let ``run`` return soon."""
        os.eventfd_write(self._stop, 1)

    def run(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Serve until ``stop``; then everything is closed."""
        try:
            while (ready := self._wait(clock())) is not None:
                for plugged in self.modems:
                    if plugged.concerned(ready, clock()):
                        plugged.serve(clock())
        finally:
            for plugged in self.modems:
                plugged.close()
            os.close(self._stop)

    def _wait(self, now: float) -> set[int] | None:
        """Wait until something happens; the descriptors with something to read, None when it is time to stop."""
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        for plugged in self.modems:
            for descriptor, events in plugged.descriptors().items():
                poll.register(descriptor, events)
        due = min((at for plugged in self.modems if (at := plugged.modem.next_due()) is not None), default=None)
        # Rounded up: waking too early would mean waking twice.
        timeout_ms = None if due is None else max(0, math.ceil((due - now) * 1000))
        ready = {descriptor for descriptor, _ in poll.poll(timeout_ms)}
        return None if self._stop in ready else ready
