"""A host's addresses without waiting for the name server."""

from __future__ import annotations

import socket
import threading
from typing import Any

Address = tuple[int, Any]
"""Family and socket address."""


class Lookup:
    """Looks up a host in a thread of its own; its descriptor is readable when there is an answer."""

    def __init__(self, host: str, port: int) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._answer: list[Address] | str = []
        threading.Thread(target=self._ask, args=(host, port), name="resolve", daemon=True).start()

    def fileno(self) -> int:
        """What becomes readable."""
        return self._ours.fileno()

    def close(self) -> None:
        """Forget the question; the thread ends by itself."""
        self._ours.close()

    def answer(self) -> list[Address]:
        """The addresses in the system's order (IPv6 and IPv4). Raises OSError with a sentence when there are none."""
        if isinstance(self._answer, str):
            raise OSError(self._answer)
        return self._answer

    def _ask(self, host: str, port: int) -> None:
        with self._theirs:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                self._answer = [(family, address) for family, _, _, _, address in found]
            except (OSError, UnicodeError) as error:
                self._answer = f"the host {host!r} has no address: {error}"


def numeric(host: str, port: int) -> list[Address]:
    """The address of a host that is given as one; empty when it is a name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [(family, address) for family, _, _, _, address in found]
