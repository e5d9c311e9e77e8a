"""The listener: HTTP/1.1 over asyncio, in one thread, with limits on everything that a client may make it wait for.

h11 knows the protocol and owns no socket; this file owns the sockets and knows the limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote

import h11

from gateway.web.request import Refusal, Request, Response

CHUNK = 65536
MOST_HEADERS = 16384
MOST_CONNECTIONS = 200
THREADS = 4
LINGER_S = 1.0
Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the listener is, and what it grants a client."""

    host: str
    port: int
    timeout_s: float
    most: int
    tls: ssl.SSLContext | None = None


@contextlib.asynccontextmanager
async def listening(address: Address, answer: Answer) -> AsyncIterator[asyncio.Server]:
    """Serve inside an ``async with``. ``answer`` is called in threads. Raises OSError when the port can't be had.

    At the end no new request is taken, and those under way are waited for, but not for ever.
    """
    clients = _Clients(address, answer)
    extra = {"ssl_handshake_timeout": address.timeout_s} if address.tls else {}
    server = await asyncio.start_server(
        clients.serve, address.host, address.port, ssl=address.tls, limit=CHUNK, **extra
    )
    try:
        yield server
    finally:
        server.close()
        await clients.end()


class _Clients:
    """The connections that are open."""

    def __init__(self, address: Address, answer: Answer) -> None:
        self._address, self._answer = address, answer
        self._threads = asyncio.Semaphore(THREADS)
        self._busy: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its end."""
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        client = _Client(reader, writer, self._address)
        try:
            if len(self._idle) + len(self._busy) <= MOST_CONNECTIONS:
                while (request := await client.request()) is not None:
                    self._move(task, self._idle, self._busy)
                    await client.respond(await self._answered(request))
                    self._move(task, self._busy, self._idle)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError, h11.ProtocolError):
            pass  # the client went away, was too slow, or we end
        finally:
            self._idle.discard(task)
            self._busy.discard(task)
            writer.close()

    async def _answered(self, request: Request) -> Response:
        """Call ``answer`` in a daemon thread, so that one which hangs can't keep the process from ending."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        found: list[Response] = []

        def work() -> None:
            try:
                found.append(self._answer(request))
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                    loop.call_soon_threadsafe(done.set)

        async with self._threads:
            threading.Thread(target=work, name="http", daemon=True).start()
            await done.wait()
        return found[0] if found else Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway failed").response

    @staticmethod
    def _move(task: asyncio.Task[None], out: set[asyncio.Task[None]], into: set[asyncio.Task[None]]) -> None:
        out.discard(task)
        into.add(task)

    async def end(self) -> None:
        """Answer those who have asked, and leave the others."""
        for task in list(self._idle):
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._address.timeout_s)


class _Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address) -> None:
        self._reader, self._writer, self._address = reader, writer, address
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEADERS)
        self._peer = str((writer.get_extra_info("peername") or ("127.0.0.1",))[0])

    async def request(self) -> Request | None:
        """The next request, whole; None when there will be none. What can't be one is refused here."""
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        if self._protocol.our_state is not h11.IDLE:
            return None
        try:
            async with asyncio.timeout(self._address.timeout_s):
                return await self._whole()
        except h11.RemoteProtocolError as error:
            await self._refuse(Refusal(error.error_status_hint, "this is not HTTP that the gateway understands"))
        except TimeoutError:
            if self._protocol.their_state is not h11.IDLE:
                await self._refuse(Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request took too long"))
        except Refusal as refusal:
            await self._refuse(refusal)
        return None

    async def _whole(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                await self._more()
            elif isinstance(event, h11.Request):
                head = event
                self._small_enough(event)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._address.most:
                    raise self._too_large
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return self._made(head, bytes(body))
            else:  # ConnectionClosed, PAUSED
                return None

    async def _more(self) -> None:
        if self._protocol.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        self._protocol.receive_data(await self._reader.read(CHUNK))

    def _small_enough(self, head: h11.Request) -> None:
        for name, value in head.headers:
            if name == b"content-length" and (len(value) > 12 or int(value) > self._address.most):
                raise self._too_large

    @property
    def _too_large(self) -> Refusal:
        said = f"a body may have at most {self._address.most} octets"
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)

    def _made(self, head: h11.Request, body: bytes) -> Request:
        path, _, query = head.target.decode("ascii", "replace").partition("?")
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        secure = self._address.tls is not None
        return Request(head.method.decode("ascii"), unquote(path), query, headers, body, self._peer, secure)

    async def respond(self, response: Response) -> None:
        """Send an answer."""
        body = response.body.encode()
        headers = [
            ("date", formatdate(usegmt=True)),
            ("content-type", response.kind),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            *response.headers,
        ]
        async with asyncio.timeout(self._address.timeout_s):
            await self._send(h11.Response(status_code=response.status, headers=headers))
            await self._send(h11.Data(data=body))
            await self._send(h11.EndOfMessage())

    async def _refuse(self, refusal: Refusal) -> None:
        """Say no to what is not a whole request, and end the connection: nobody knows what would come next."""
        if self._protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            response = refusal.response
            await self.respond(
                Response(response.body, response.status, response.kind, (*response.headers, ("connection", "close")))
            )
            await self._linger()

    async def _linger(self) -> None:
        """Let the client go on for a moment: what it had sent unread would take our answer away from it (TCP reset)."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(LINGER_S):
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await self._reader.read(CHUNK):
                    pass

    async def _send(self, event: h11.Event) -> None:
        octets = self._protocol.send(event)
        if octets:
            self._writer.write(octets)
            await self._writer.drain()
