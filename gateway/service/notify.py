"""What the service tells systemd: sd_notify(3) in a few lines."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping

from gateway import logs

log = logs.get(__name__)


class Notifier:
    """Sends state to ``$NOTIFY_SOCKET``; does nothing when there is none, and goes on when it can't be used."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        self._address = env.get("NOTIFY_SOCKET", "")
        ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = env.get("WATCHDOG_USEC", "0")
        self.watchdog_s = int(usec) / 1e6 if ours and usec.isdigit() else 0.0
        """systemd's limit between two signs of life, in seconds; 0 when it asks for none."""

    def ready(self) -> None:
        """The queue is open: messages are taken, whatever the devices do."""
        self._send("READY=1")

    def status(self, sentence: str) -> None:
        """What ``systemctl status`` shows."""
        self._send(f"STATUS={sentence}")

    def alive(self) -> None:
        """One sign of life, where a watchdog waits for it."""
        if self.watchdog_s:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it (Type=notify-reload)."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as sock:
                sock.setblocking(False)
                sock.sendto(state.encode(), address)
        except BlockingIOError:
            # systemd is behind with its reading. What it misses now it is told again.
            return
        except (OSError, ValueError) as error:
            self._address = ""
            log.warning("systemd's socket can't be used, so it hears nothing from now on", error=str(error))
