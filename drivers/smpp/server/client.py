"""One client of the server: its accepted socket, perhaps TLS, and its session."""

from __future__ import annotations

import selectors
import socket
import ssl
import uuid
from dataclasses import dataclass
from typing import Final

from drivers.smpp.events import SessionEvent
from drivers.smpp.line import Line, words
from drivers.smpp.phase import Phase
from drivers.smpp.server.options import User
from drivers.smpp.server.session import BIND_S, ServerSession

FULL_OCTETS: Final = 1 << 18
"""A client that lets so much wait is not read from any more: it asks faster than it takes answers."""


class Client(Line):
    """From ``accept`` to the end of the session; ``user`` is known once it has bound."""

    session: ServerSession

    def __init__(
        self, sock: socket.socket, address: str, session: ServerSession, selector: selectors.BaseSelector, now: float
    ) -> None:
        super().__init__(session, selector)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.id, self.address = uuid.uuid4().hex[:12], address
        self.user: User | None = None
        self.unanswered = 0
        """Submits that wait for the owner."""
        self._sock = sock
        self._closed_by_peer = "the client closed the connection"
        self._securing_until: float | None = now + BIND_S if isinstance(sock, ssl.SSLSocket) else None
        self._watch(self._interest())

    @property
    def bound(self) -> bool:
        """Whether the client is bound."""
        return self.session.phase is Phase.BOUND

    @property
    def room(self) -> int:
        """How many deliver_sm it takes now."""
        return self.session.room if self.session.can_deliver else 0

    def next_deadline(self) -> float:
        """When ``tick`` has something to do."""
        return self.session.next_deadline() if self._securing_until is None else self._securing_until

    def tick(self, now: float) -> list[SessionEvent]:
        """Do what is due."""
        if self.closed or now < self.next_deadline():
            return []
        if self._securing_until is not None:
            return self._fail("the client does not finish its TLS handshake", now)
        return self._settle(self.session.tick(now))

    def ready(self, mask: int, now: float) -> list[SessionEvent]:
        """The selector says that the socket can be used."""
        if self.closed:
            return []
        try:
            if self._securing_until is not None:
                if not self._secured():
                    return []
                self._securing_until = None
                self._watch(self._interest())
            if mask & selectors.EVENT_READ or self._read_wants_write:
                return self._read(now)
        except OSError as error:
            return self._fail(words(error), now)
        return []

    def flush(self, now: float) -> list[SessionEvent]:
        """Write what the session has to say, as far as the socket takes it."""
        return super().flush(now) if self._securing_until is None else []

    def _interest(self) -> int:
        full = self.session.pending > FULL_OCTETS or (self.user is not None and self.unanswered >= self.user.window)
        # A client beyond its window waits in its own socket: nothing is refused, and nothing piles up here.
        reading = 0 if full else selectors.EVENT_READ
        return reading | (selectors.EVENT_WRITE if self.session.pending else 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request of a client that has no answer yet."""

    client: Client
    command: int
    sequence: int
    message_id: str
