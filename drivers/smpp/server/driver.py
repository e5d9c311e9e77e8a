"""The SMPP server's process: it accepts clients, knows its users, and passes on what they submit.

Driven like a device: what a user submits comes as ``Incoming`` and is answered after ``Ack``; what the owner
``Submit``s goes to the user in ``fields["user"]`` as deliver_sm, with ``Left`` and one ``Result`` for each part.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from drivers.base import (
    Ack,
    Close,
    Closed,
    Command,
    DriverError,
    Event,
    Health,
    Link,
    Notice,
    Pause,
    Reply,
    State,
    Submit,
)
from drivers.smpp import events, names
from drivers.smpp.doorman import Doorman
from drivers.smpp.phase import Timers
from drivers.smpp.server.client import Client
from drivers.smpp.server.enquiries import WHAT, Enquiries
from drivers.smpp.server.handing import Handing
from drivers.smpp.server.intake import Intake
from drivers.smpp.server.options import ServerOptions, User, options
from drivers.smpp.server.passwords import Verifier
from drivers.smpp.server.session import ServerSession

HEALTH_S: Final = 10.0
LONGEST_WAIT_S: Final = 5.0
MOST_CLIENTS: Final = 500
NOTICES_A_MINUTE: Final = 20
NEVER: Final = float("inf")


class ServerDriver:
    """Serves the users of one listening address; see ``drivers.base`` for the contract, ``ServerOptions`` for the rest.

    Raises ``DriverError`` for options that cannot work.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._options: ServerOptions = options(values)
        self._tls = _context(self._options)
        self._events: list[Event] = []
        self._intake, self._handing = Intake(), Handing(self._events.extend)
        self._enquiries = Enquiries()
        self._clients: set[Client] = set()
        self._verifier = Verifier()
        self._doorman = Doorman()
        self._closing_at = NEVER
        self._unbinding = False
        self._said: tuple[Any, ...] | None = None
        self._health_due = 0.0
        self._notices: deque[float] = deque(maxlen=NOTICES_A_MINUTE)

    def run(self, link: Link) -> None:
        """See ``drivers.base.Driver.run``."""
        with contextlib.ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            try:
                self._server = stack.enter_context(_listen(self._options))
            except OSError as error:
                where = f"{self._options.host}:{self._options.port}"
                link.send(Health(State.BLOCKED, reason=f"can't listen on {where}: {error.strerror or error}"))
                return
            self._now = time.monotonic()
            self._selector.register(self._server, selectors.EVENT_READ)
            self._selector.register(link, selectors.EVENT_READ)
            while not self._turn(link):
                pass
            for client in self._clients:
                client.close()

    def _turn(self, link: Link) -> bool:
        wants_write = selectors.EVENT_WRITE if getattr(link, "wants_write", False) else 0
        self._selector.modify(link, selectors.EVENT_READ | wants_write)
        ready = self._selector.select(max(0.0, self._due() - self._now))
        self._now = now = time.monotonic()
        for key, mask in ready:
            if isinstance(key.data, Client):
                self._handle_all(key.data, key.data.ready(mask, now))
            elif key.fileobj is self._server:
                self._accept()
            else:
                self._obey(link.receive(0))
        for client in list(self._clients):
            self._handle_all(client, client.tick(now))
        self._wind_up()
        batch = self._handing.deliver(self._clients, now)
        if batch:
            # The owner must know before the first octet can leave.
            self._emit(link)
        for client, delivery, body in batch:
            client.session.deliver(delivery, body, now)
        for client in list(self._clients):
            self._handle_all(client, client.flush(now))
        self._say_health()
        closed = self._unbinding and not self._clients
        if closed:
            self._events.append(Closed())
        self._emit(link)
        return closed

    # Commands of the owner.

    def _obey(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Submit():
                    self._handing.put(command, self._clients)
                case Ack():
                    self._intake.acknowledge(command, self._now)
                case Reply():
                    self._enquiries.answer(command, self._now)
                case Close(grace_s=grace_s):
                    self._closing_at = min(self._closing_at, self._now + grace_s)
                case Pause():
                    pass
                case _:
                    self._notice(f"an SMPP server does not know {type(command).__name__}")

    def _wind_up(self) -> None:
        """On the way to the end: no new clients; the rest is told once nothing is under way."""
        if self._closing_at == NEVER or self._unbinding:
            return
        busy = any(client.unanswered or client.session.outstanding for client in self._clients)
        if busy and self._now < self._closing_at:
            return
        self._unbinding = True
        for client in list(self._clients):
            if client.bound:
                client.session.unbind(self._now)
            else:
                self._handle_all(client, client.session.connection_lost("closed", self._now))

    # The clients.

    def _accept(self) -> None:
        while True:
            try:
                sock, address = self._server.accept()
            except OSError:
                return
            host = str(address[0])
            if self._closing_at < NEVER or len(self._clients) >= MOST_CLIENTS:
                sock.close()
                continue
            if not any(user.welcome(host) for user in self._options.users.values()):
                self._notice(f"closed a connection from {host}, which is in no user's networks")
                sock.close()
                continue
            timers = Timers(self._options.response_timeout, self._options.enquire_link)
            session = ServerSession(self._options.system_id, timers, self._now)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._clients.add(Client(sock, host, session, self._selector, self._now))

    def _handle_all(self, client: Client, happened: Iterable[events.SessionEvent]) -> None:
        for event in happened:
            match event:
                case events.BindAsked():
                    self._bind(client, event)
                case events.Delivered():
                    take = self._enquiries.asked if event.command in WHAT else self._intake.submitted
                    heard: Event | None = take(client, event, self._now)
                    if heard is not None:
                        self._events.append(heard)
                case events.Answered():
                    self._handing.answered(event)
                case events.Unanswered(keys=keys):
                    self._handing.unknown(keys, "the client did not answer in time")
                case events.Odd(text=text):
                    self._notice(f"{client.address}: {text}")
                case events.Ended():
                    self._ended(client, event)

    def _bind(self, client: Client, asked: events.BindAsked) -> None:
        status, user = self._judge(client, asked)
        client.session.answer_bind(status, user.window if user else 1, self._now)
        if status == names.ROK:
            client.user = user
            return
        self._notice(f"refused the bind of {asked.system_id!r} from {client.address} with status 0x{status:08X}")
        self._drop(client)

    def _judge(self, client: Client, asked: events.BindAsked) -> tuple[int, User | None]:
        """The command_status that a bind gets (SMPP 3.4 §4.1)."""
        user = self._options.users.get(asked.system_id)
        if self._doorman.turned_away(client.address, self._now):
            return names.RBINDFAIL, None
        try:
            known = user is not None and self._verifier.check(user.name, user.password, asked.password)
        except DriverError as error:
            self._notice(f"the user {asked.system_id!r} can't bind: {error}")
            return names.RSYSERR, None
        if user is None or not known or not user.welcome(client.address):
            self._doorman.refused(client.address, self._now)
            return names.RINVSYSID if user is None else names.RINVPASWD, None
        binds = sum(other.user is user for other in self._clients if other.bound)
        return (names.RALYBND, None) if binds >= user.binds else (names.ROK, user)

    def _ended(self, client: Client, event: events.Ended) -> None:
        self._intake.ended(client)
        self._enquiries.ended(client)
        self._handing.unknown(event.doubtful, event.reason)
        self._handing.not_sent(event.unsent, event.reason)
        self._drop(client)
        self._handing.forget_absent(self._clients)

    def _drop(self, client: Client) -> None:
        client.close()
        self._clients.discard(client)

    # What the owner hears.

    def _say_health(self) -> None:
        users = {
            name: {
                "binds": len(binds := [c for c in self._clients if c.bound and c.user is user]),
                "receivers": sum(client.session.can_deliver for client in binds),
                "window": sum(client.session.can_deliver for client in binds) * user.window,
            }
            for name, user in self._options.users.items()
        }  # fmt: skip
        signature = (tuple((name, *told.values()) for name, told in users.items()),)
        if signature == self._said and self._now < self._health_due:
            return
        self._said, self._health_due = signature, self._now + HEALTH_S
        port = self._server.getsockname()[1]
        self._events.append(
            Health(
                State.UP, port=f"{self._options.host}:{port}", details={"users": users, "clients": len(self._clients)}
            )
        )

    def _notice(self, text: str) -> None:
        if len(self._notices) == NOTICES_A_MINUTE and self._now - self._notices[0] < 60:
            return
        self._notices.append(self._now)
        self._events.append(Notice("smpp-server", text))

    def _emit(self, link: Link) -> None:
        if self._events:
            said = tuple(self._events)
            self._events.clear()
            link.send(*said)

    def _due(self) -> float:
        due = [self._now + LONGEST_WAIT_S, self._health_due]
        due += [client.next_deadline() for client in self._clients]
        if not self._unbinding:
            due.append(self._closing_at)
        return min(due)


def _listen(of: ServerOptions) -> socket.socket:
    """Raises OSError."""
    found = socket.getaddrinfo(of.host, of.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    server = socket.create_server((str(address[0]), int(address[1])), family=family, backlog=128)
    server.setblocking(False)
    return server


def _context(of: ServerOptions) -> ssl.SSLContext | None:
    """Raises ``DriverError`` for TLS files that can't be used."""
    if of.tls is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=of.tls.ca)
        context.load_cert_chain(of.tls.cert or "", of.tls.key)
    except OSError as error:
        raise DriverError(f"the SMPP server's certificate can't be used: {error}") from None
    if of.tls.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
