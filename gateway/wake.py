"""A poke on the shoulder: a datagram that says "there is new work", so that nobody waits for the next tick.

Only latency rides on it. The work itself is in the store, so a poke that is lost costs nothing but time.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

NAME = "wake.sock"
_LONGEST_PATH = 100
"""``sun_path`` holds 108 octets on Linux (unix(7)); longer paths go through a descriptor of their folder."""


@contextlib.contextmanager
def _reachable(state: Path) -> Iterator[str]:
    """Give a name of the socket that is short enough for ``sockaddr_un``."""
    path = Path(state).absolute() / NAME
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


def poke(state: Path) -> bool:
    """Wake the service whose state folder this is, if one runs. Never blocks and never raises.

    Returns True when a listener took the datagram, or has so many waiting that it will look anyway.

    >>> poke(Path("/nowhere"))
    False
    """
    try:
        with _reachable(state) as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(b"!", name)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


class Listener:
    """The service's end: readable (``fileno``) after a poke. Takes over the socket of a dead service.

    Raises OSError when the folder does not exist or can't be written to.
    """

    def __init__(self, state: Path) -> None:
        self._path = Path(state).absolute() / NAME
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            with _reachable(state) as name:
                self._path.unlink(missing_ok=True)
                self._socket.bind(name)
            self._path.chmod(0o660)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def clear(self) -> int:
        """Take all pokes that wait, and say how many there were."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(16):
                count += 1
        return count

    def close(self) -> None:
        """Stop listening and remove the socket. Safe to call twice."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            self._path.unlink(missing_ok=True)
