"""NOTIFY and LISTEN of PostgreSQL: a poke for the gateways of other hosts. Only latency rides on it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
from sqlalchemy.engine import URL

CHANNEL = "sms_gateway"
LOOK_S = 1.0
"""How long the end of the service may have to wait for this thread."""
AGAIN_S = 2.0
"""Pause before the server is tried again."""


class Notices(threading.Thread):
    """Calls ``woken`` for each notice, and after each time that some may have been missed."""

    def __init__(self, url: URL, woken: Callable[[], object]) -> None:
        super().__init__(name="notices", daemon=True)
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._woken, self._end = woken, threading.Event()

    def stop(self) -> None:
        """End it and wait for that."""
        self._end.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        """The thread. A server that is away is everybody else's to complain of."""
        while not self._end.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=10) as conn:
                    conn.execute(f"LISTEN {CHANNEL}")
                    self._woken()
                    self._listen(conn)
            except psycopg.Error:
                self._end.wait(AGAIN_S)

    def _listen(self, conn: psycopg.Connection) -> None:
        while not self._end.is_set():
            if any(True for _ in conn.notifies(timeout=LOOK_S, stop_after=1)):
                self._woken()
