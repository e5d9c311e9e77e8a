"""Outbind: the carrier connects to us, says who it is, and wants us to bind there as a receiver (SMPP 3.4 §2.2.2)."""

from __future__ import annotations

import hmac
import selectors
import socket
from collections.abc import Callable
from typing import Final

from drivers.networks import comes_from
from drivers.smpp.account import Account
from drivers.smpp.bind import Bind
from drivers.smpp.connection import Connection
from drivers.smpp.doorman import Doorman
from drivers.smpp.events import OutbindAsked
from drivers.smpp.line import words
from drivers.smpp.names import BIND_RECEIVER

MOST: Final = 10
"""Connections of the carrier at once; more are closed unheard."""
AGAIN_S: Final = 30.0
NEVER: Final = float("inf")


class CalledBind(Bind):
    """A bind that the carrier asked for; when it ends there is nothing to try again."""

    def __init__(
        self, account: Account, selector: selectors.BaseSelector, sock: socket.socket, address: str, now: float
    ) -> None:
        super().__init__(account, BIND_RECEIVER, selector)
        self.address = address
        self.connection = Connection(account, BIND_RECEIVER, selector, now, sock)


class Outbinds:
    """Where one account listens for its carrier, and the binds that came of it."""

    def __init__(self, account: Account, selector: selectors.BaseSelector, notice: Callable[[str], None]) -> None:
        self.binds: list[CalledBind] = []
        self._doorman = Doorman()
        self._account, self._selector, self._notice = account, selector, notice
        self._server: socket.socket | None = None
        self._listen_at = 0.0 if account.outbind is not None else NEVER

    @property
    def deadline(self) -> float:
        """When ``tick`` has something to do."""
        return self._listen_at

    def tick(self, now: float, *, stopping: bool) -> None:
        """Listen while the account is open."""
        self.binds = [bind for bind in self.binds if bind.connection is not None]
        if stopping:
            self.close()
        elif now >= self._listen_at:
            self._listen(now)

    def ready(self, key: object, now: float) -> None:
        """The selector says that this can be used; if it is ours, the carrier is at the door."""
        if key is not self._server or self._server is None:
            return
        try:
            sock, address = self._server.accept()
        except OSError:
            return
        host, welcome = str(address[0]), self._account.outbind
        known = welcome is not None and comes_from(host, welcome.networks)
        if not known or len(self.binds) >= MOST or self._doorman.turned_away(host, now):
            sock.close()
            return
        self.binds.append(CalledBind(self._account, self._selector, sock, host, now))

    def welcome(self, connection: Connection, asked: OutbindAsked, now: float) -> bool:
        """Whether it is the carrier."""
        expected = self._account.outbind
        known = expected is not None and hmac.compare_digest(asked.system_id, expected.system_id)
        right = expected is not None and hmac.compare_digest(asked.password, expected.password)
        if not (known and right):
            for bind in self.binds:
                if bind.connection is connection:
                    self._doorman.refused(bind.address, now)
            self._notice(f"refused an outbind of {asked.system_id!r}: it is not the carrier, or its password is wrong")
        return known and right

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._selector.unregister(self._server)
            self._server.close()
            self._server, self._listen_at = None, 0.0

    def _listen(self, now: float) -> None:
        assert self._account.outbind is not None
        host, port = self._account.outbind.host, self._account.outbind.port
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._server = socket.create_server((str(address[0]), port), family=family, backlog=MOST)
        except OSError as error:
            self._notice(f"can't listen for outbind on {host}:{port}: {words(error)}")
            self._listen_at = now + AGAIN_S
            return
        self._server.setblocking(False)
        self._selector.register(self._server, selectors.EVENT_READ)
        self._listen_at = NEVER
