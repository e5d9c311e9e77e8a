"""The journal's own protocol, so that a line keeps its fields: ``journalctl SMS_DEVICE=mtn`` finds what it says.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
LONGEST = 16_384
"""Octets of one value that are kept; a datagram takes many times that."""


class Journal:
    """Sends entries to the journal. Used from any thread; after a fork too."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path

    def send(self, fields: Mapping[str, str]) -> bool:
        """Write one entry; False when the journal can't be reached. Never blocks, never raises."""
        entry = b"".join(_field(name, value) for name, value in fields.items())
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock,
        ):
            sock.sendto(entry, str(self._path))
            return True
        return False


def name_of(key: str) -> str:
    """The journal's name of one of our fields.

    >>> name_of("device")
    'SMS_DEVICE'
    """
    return "SMS_" + re.sub(r"[^A-Z0-9_]", "_", key.upper())[:60]


def _field(name: str, value: str) -> bytes:
    octets = value.encode("utf-8", "backslashreplace")[:LONGEST]
    if b"\n" in octets:
        return b"%s\n%s%s\n" % (name.encode(), len(octets).to_bytes(8, "little"), octets)
    return b"%s=%s\n" % (name.encode(), octets)
