"""A pseudo terminal that looks like a modem's serial port, which programs open and close and people pull out."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import pty
import select
import struct
import termios
import tty
from pathlib import Path

UNSAID_LIMIT = 1 << 20
"""Octets that wait for a program that has the port open and doesn't read."""

_IN_OPEN = 0x20
_IN_CLOSE = 0x08 | 0x10
_EVENT = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Port:
    """The modem's end of the line.

    The other end is kept open here, so that programs may close and open it as they like. As with a real port,
    nothing is kept for a program that isn't there, and the exclusive mode of one ends when it closes.
    """

    def __init__(self) -> None:
        self.link: Path | None = None
        self.path: Path | None = None
        """The device of the pseudo terminal; None while unplugged."""
        self._master = self._slave = self._watch = -1
        self._users = 0
        self._unsaid = bytearray()

    @property
    def name(self) -> Path | None:
        """What a program should open; None while unplugged."""
        return None if self.path is None else self.link or self.path

    def plug(self, link: Path | None) -> None:
        """Make the port, and the link to it. Raises OSError when that isn't possible."""
        self.link = link
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = Path(os.ttyname(self._slave))
        try:
            self._watch = _watch_opens(self.path)
            if self.link is not None:
                _point(self.link, self.path)
        except OSError:
            self.unplug()
            raise

    def unplug(self) -> None:
        """The port disappears under the programs that use it."""
        if self.path is None:
            return
        if self.link is not None and self.link.is_symlink() and self.link.readlink() == self.path:
            self.link.unlink()
        for descriptor in (self._master, self._slave, self._watch):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = self._watch = -1
        self._users = 0
        self._unsaid.clear()
        self.path = None

    def descriptors(self) -> dict[int, int]:
        """What to wait on for ``read`` and ``write``, and for which events of poll(2)."""
        if self.path is None:
            return {}
        return {self._master: select.POLLIN | (select.POLLOUT if self._unsaid else 0), self._watch: select.POLLIN}

    def read(self) -> bytes:
        """What the program wrote, as far as it has come."""
        if self.path is None:
            return b""
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            data = b""
        self._count_users()
        return data

    def write(self, data: bytes = b"") -> None:
        """Say something, after what is still unsaid; lost when no program has the port open, or when it never reads."""
        if self.path is None:
            return
        self._count_users()
        if self._users <= 0 or len(self._unsaid) > UNSAID_LIMIT:
            self._unsaid.clear()
            return
        self._unsaid += data
        with contextlib.suppress(BlockingIOError):
            while self._unsaid:
                del self._unsaid[: os.write(self._master, self._unsaid)]

    def _count_users(self) -> None:
        try:
            events = os.read(self._watch, 4096)
        except BlockingIOError:
            return
        for at in range(0, len(events), _EVENT.size):
            mask = _EVENT.unpack_from(events, at)[1]
            self._users += 1 if mask & _IN_OPEN else -1 if mask & _IN_CLOSE else 0
        if self._users <= 0:
            fcntl.ioctl(self._slave, termios.TIOCNXCL)
            termios.tcflush(self._slave, termios.TCIFLUSH)
            tty.setraw(self._slave)


def _watch_opens(path: Path) -> int:
    """An inotify descriptor that tells when ``path`` is opened and closed (inotify(7))."""
    descriptor: int = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or _LIBC.inotify_add_watch(descriptor, os.fsencode(path), _IN_OPEN | _IN_CLOSE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"can't watch {path}: {errno.errorcode.get(number, number)}")
    return descriptor


def _point(link: Path, target: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise FileExistsError(errno.EEXIST, "there is something else than a link to a port", str(link))
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)
