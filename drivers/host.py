"""A device's own process: ``python -m drivers.host FD``, started by ``drivers.process``.

It ends when its owner ends: at the end of the pipe, and at once when the owner was killed.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any, cast

from drivers import catalog, heap, process, wire
from drivers.base import Command, DriverError, Event, Health, Left, State

PR_SET_PDEATHSIG = 1


class PipeLink:
    """The driver's end of the pipe. ``send`` may be called from any thread, ``receive`` from one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.setblocking(False)
        self._decoder = wire.Decoder()
        self._out = bytearray()
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """The pipe's descriptor."""
        return self._sock.fileno()

    @property
    def wants_write(self) -> bool:
        """Whether events wait for the pipe to take them."""
        return bool(self._out)

    def setup(self) -> tuple[str, dict[str, Any]]:
        """The first value on the pipe, the only one that is not a Command: kind and options of the device."""
        octets, wanted = b"", wire.LENGTH.size
        # Not one octet more: what is behind it must stay in the pipe, where drivers wait for their commands.
        while len(octets) < wanted:
            select.select([self._sock], [], [])
            piece = self._sock.recv(wanted - len(octets))
            if not piece:
                raise EOFError("the owner of this device has ended")
            octets += piece
            if len(octets) == wire.LENGTH.size:
                wanted += wire.LENGTH.unpack(octets)[0]
        (first,) = self._decoder.feed(octets)
        return cast("tuple[str, dict[str, Any]]", first)

    def receive(self, timeout_s: float | None) -> list[Command]:
        """See ``drivers.base.Link.receive``."""
        writers = [self._sock] if self._out else []
        readable, writable, _ = select.select([self._sock], writers, [], timeout_s)
        if writable:
            self.flush()
        if not readable:
            return []
        try:
            octets = self._sock.recv(1 << 18)
        except BlockingIOError:
            return []
        except OSError:
            octets = b""
        if not octets:
            raise EOFError("the owner of this device has ended")
        return self._decoder.feed(octets)

    def send(self, *events: Event) -> None:
        """Hand events to the owner without waiting; a batch with ``Left`` waits until the pipe has it,
        because nothing may leave the host before that."""
        with self._lock:
            self._out += wire.encode(events)
        self.flush(wait=any(isinstance(event, Left) for event in events))

    def flush(self, *, wait: bool = False) -> None:
        """Write what the pipe takes now; with ``wait`` all of it."""
        with self._lock:
            while self._out:
                try:
                    del self._out[: self._sock.send(self._out)]
                except BlockingIOError:
                    if not wait:
                        return
                    select.select([], [self._sock], [], None)
                except OSError as error:
                    raise EOFError("the owner of this device has ended") from error


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its owner dies, even inside a call into C that nothing else ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one device; the first thing on the pipe is (kind, options)."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    die_with_parent()
    # A terminal's Ctrl-C goes to the whole group; the owner decides how its devices end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    link = PipeLink(socket.socket(fileno=int(arguments[0])))
    try:
        try:
            driver = catalog.load(*link.setup())
        except (DriverError, ValueError) as error:
            link.send(Health(State.BLOCKED, reason=str(error)))
            link.flush(wait=True)
            return process.REFUSED
        heap.settle()
        driver.run(link)
        link.flush(wait=True)
    except EOFError:
        pass
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A library's own threads (libGammu in a call that never returns) must not keep the process.
    os._exit(code)
