"""One bind of an account: a socket, perhaps TLS, and the session that speaks over it. Nothing here waits."""

from __future__ import annotations

import enum
import selectors
import socket
import ssl
import uuid
from collections.abc import Mapping
from typing import Final

from drivers.smpp import names, resolve
from drivers.smpp.account import Account, Tls
from drivers.smpp.events import SessionEvent
from drivers.smpp.line import Line, words
from drivers.smpp.phase import Phase, Timers
from drivers.smpp.session import Session

CONNECT_S: Final = 15.0


class Stage(enum.Enum):
    """What a connection waits for."""

    RESOLVING = "resolving"
    CONNECTING = "connecting"
    SECURING = "securing"
    CALLED = "called"
    """The carrier has connected to us; its outbind is awaited."""
    SPEAKING = "speaking"
    CLOSED = "closed"


class Connection(Line):
    """From the first look at the host's name to the end of the session; a new attempt needs a new one.

    ``events`` of every call are the session's; an ``Ended`` is always the last one.
    """

    session: Session

    def __init__(
        self, account: Account, command: int, selector: selectors.BaseSelector, now: float,
        sock: socket.socket | None = None,
    ) -> None:  # fmt: skip
        """``sock``: the carrier's connection to us; None: we connect."""
        self.command = command
        self.id = uuid.uuid4().hex[:12]
        super().__init__(Session(account.window, Timers(account.response_timeout, account.enquire_link)), selector)
        self.bound_at: float | None = None
        self.stage = Stage.RESOLVING
        self._account = account
        self._lookup: resolve.Lookup | None = None
        self._addresses: list[resolve.Address] = []
        self._failure = ""
        self._deadline = now + min(CONNECT_S, account.response_timeout)
        if sock is not None:
            self.stage = Stage.CALLED
            self._take(sock)
            self._watch(selectors.EVENT_READ)
            return
        self._addresses = resolve.numeric(account.host, account.port)
        if not self._addresses:
            self._lookup = resolve.Lookup(account.host, account.port)
            selector.register(self._lookup, selectors.EVENT_READ, self)

    @property
    def can_submit(self) -> bool:
        """Whether submit_sm may go over this bind."""
        return self.command != names.BIND_RECEIVER

    @property
    def bound(self) -> bool:
        """Whether the carrier has accepted the bind and the session still is."""
        return self.session.phase is Phase.BOUND

    def next_deadline(self) -> float:
        """When ``tick`` has something to do."""
        if self.stage is Stage.RESOLVING and self._addresses:
            return 0.0
        return self.session.next_deadline() if self.stage is Stage.SPEAKING else self._deadline

    def tick(self, now: float) -> list[SessionEvent]:
        """Do what is due."""
        if self.stage is Stage.CLOSED:
            return []
        if self.stage is Stage.RESOLVING and self._addresses:
            return self._connect_next(now)
        if self.stage is Stage.SPEAKING:
            return self._settle(self.session.tick(now)) if now >= self.session.next_deadline() else []
        if now >= self._deadline:
            return self._fail(f"no connection to {self._where()} in time", now)
        return []

    def ready(self, mask: int, now: float) -> list[SessionEvent]:
        """The selector says that the socket can be used."""
        try:
            match self.stage:
                case Stage.RESOLVING:
                    return self._resolved(now)
                case Stage.CONNECTING:
                    return self._connected(now)
                case Stage.SECURING:
                    return self._secure(now)
                case Stage.CALLED | Stage.SPEAKING if mask & selectors.EVENT_READ or self._read_wants_write:
                    return self._read(now)
        except OSError as error:
            return self._fail(words(error), now)
        return []

    def flush(self, now: float) -> list[SessionEvent]:
        """Write what the session has to say, as far as the socket takes it."""
        return super().flush(now) if self.stage is Stage.SPEAKING else []

    def close(self) -> None:
        """Let go of the socket; what the session still had to say is tried once."""
        if self._lookup is not None:
            self._selector.unregister(self._lookup)
            self._lookup.close()
        super().close()
        self.stage, self._lookup = Stage.CLOSED, None

    # The stages of a connection.

    def _resolved(self, now: float) -> list[SessionEvent]:
        assert self._lookup is not None
        self._selector.unregister(self._lookup)
        lookup, self._lookup = self._lookup, None
        lookup.close()
        self._addresses = lookup.answer()
        return self._connect_next(now)

    def _connect_next(self, now: float) -> list[SessionEvent]:
        while self._addresses:
            family, address = self._addresses.pop(0)
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
                self._take(sock)
            except OSError as error:
                self._failure = words(error)
                continue
            try:
                sock.connect(address)
            except BlockingIOError:
                pass
            except OSError as error:
                sock.close()
                self._sock, self._failure = None, words(error)
                continue
            self.stage = Stage.CONNECTING
            self._deadline = now + min(CONNECT_S, self._account.response_timeout)
            self._watch(selectors.EVENT_WRITE)
            return []
        return self._fail(self._failure or "the host has no address", now)

    def _connected(self, now: float) -> list[SessionEvent]:
        assert self._sock is not None
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._failure = words(OSError(error, _strerror(error)))
            self._unwatch()
            self._sock.close()
            self._sock = None
            return self._connect_next(now)
        if self._account.tls is None:
            return self._speak(now)
        context = tls_context(self._account.tls)
        self._unwatch()
        name = self._account.tls.server_name or self._account.host
        self._sock = context.wrap_socket(self._sock, server_hostname=name, do_handshake_on_connect=False)
        self.stage = Stage.SECURING
        return self._secure(now)

    def _secure(self, now: float) -> list[SessionEvent]:
        return self._speak(now) if self._secured() else []

    def _take(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock

    def answer_outbind(self, now: float) -> list[SessionEvent]:
        """Bind over the connection that the carrier has made."""
        return self._speak(now)

    def refuse(self, reason: str, now: float) -> list[SessionEvent]:
        """Close a connection that is not welcome."""
        return self._fail(reason, now)

    def _speak(self, now: float) -> list[SessionEvent]:
        self.stage = Stage.SPEAKING
        self.session.bind(self.command, bind_fields(self._account), now)
        return self.flush(now)

    def _where(self) -> str:
        return f"{self._account.host}:{self._account.port}"


def bind_fields(account: Account) -> Mapping[str, int | str | bytes]:
    """The parameters of a bind (SMPP 3.4 §4.1)."""
    return {
        "system_id": account.system_id,
        "password": account.password,
        "system_type": account.system_type,
        "interface_version": account.interface_version,
        "address_range": account.address_range,
    }


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context that verifies the carrier's certificate and name. Raises OSError for files that can't be used."""
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def _strerror(number: int) -> str:
    import os

    return os.strerror(number)
