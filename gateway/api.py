"""The functions that everything is done with: ``configure``, ``receive``, ``send``, ``listen`` and so on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, overload

from gateway import backends, given, numbers, session
from gateway import config as configs
from gateway.backends import BackendBase
from gateway.config import beside
from gateway.errors import ConfigurationError
from gateway.message import IncomingMessage, OutgoingMessage
from gateway.router import BlockingRouter, listening
from gateway.router.registry import router_class
from gateway.session import now_ms
from gateway.store import changes, queries
from gateway.store import connections as connection_rows
from gateway.store.types import Backend, Connection, Direction, Status
from gateway.transmission import Transmission

_lock = threading.RLock()
_router: BlockingRouter | None = None


def configure(config: str | Path | Mapping[str, Any] | None = None) -> None:
    """Use this config, a TOML file or a mapping of the same shape; None looks for a file as the command line does.

    The router and the database of before are closed. Raises ConfigurationError with every fault, a router or a
    Python backend that can't be loaded among them; what was before then stays in use.

    >>> configure({"gateway": {"state": "/tmp/x"}, "modem": {"mtn": {"prot": "virtual"}}})
    Traceback (most recent call last):
        ...
    gateway.errors.ConfigurationError: ...
    """
    loaded = configs.from_mapping(config) if isinstance(config, Mapping) else configs.load(config)
    beside.find_code(loaded.path)
    router_class(loaded.gateway.router)
    if faults := backends.faults(loaded):
        raise ConfigurationError(faults)
    adopt(session.Session(loaded))


def adopt(new: session.Session | None) -> None:
    """Use a session that was made elsewhere (the service opens its own store); closes the one before."""
    with _lock:
        set_router(None)
        session.use(new)


def get_router() -> BlockingRouter:
    """Give the router of this process; made from the config when there is none. Raises ConfigurationError.

    >>> [app.name for app in get_router().apps]
    []
    """
    global _router  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _router is None:
            found = router_class(session.current().config.gateway.router)
            _router = found() if isinstance(found, type) else found
        assert _router is not None
        return _router


def set_router(router: BlockingRouter | None) -> None:
    """Make this the router of the process. None forgets it: the next use makes one from the config.

    >>> before = get_router()
    >>> set_router(before)
    >>> get_router() is before
    True
    """
    global _router
    with _lock:
        before, _router = _router, router
    if before is not None and before is not router:
        with contextlib.suppress(AttributeError):  # a router of the user's own need not know how to close
            before.close()


@contextlib.contextmanager
def using(router: BlockingRouter) -> Iterator[None]:
    """Make this the router of the process inside a ``with``; the one before is back afterwards, and stays open."""
    global _router  # noqa: PLW0603 - one per process is the point
    before, _router = _router, router
    try:
        yield
    finally:
        _router = before
        router.close()


def lookup_connections(
    backend: str | Backend | BackendBase, identities: Iterable[str | int] | str | int
) -> list[Connection]:
    """Give the connections of these identities at a backend, made where there are none, in the order given.

    ``backend``: a name, a row, or a backend object. ``identities``: numbers, short codes or names; one str or int
    is one identity. Numbers without a plus are read in the config's ``region``. Raises TypeError, ValueError for an
    identity that is empty or can't be stored, StoreError.

    >>> [str(connection) for connection in lookup_connections("mockbackend", ["+254 700 000001", 22141])]
    ['+254700000001 via mockbackend', '22141 via mockbackend']
    """
    name = backend if isinstance(backend, str) else getattr(backend, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"backend must be a name, a Backend or a backend object, not {backend!r}")
    each_one = [identities] if isinstance(identities, str | int) else list(identities)
    here = _session()
    region = here.config.gateway.region
    wanted = [numbers.normalise(given.identity(each), region) for each in each_one]
    with here.store.read() as c:
        found = connection_rows.find(c, name, wanted)
    if wanted and len(found) == len(wanted):
        return found
    return here.store.write(lambda c: connection_rows.lookup(c, name, wanted, now_ms()))


def receive(text: str, connection: Connection | Iterable[Connection], **kwargs: Any) -> IncomingMessage:
    """Put a message in as if it had been received from ``connection``.

    ``kwargs``: ``fields``, ``class_``, ``id_``, ``in_response_to``, ``received_at`` (aware), ``to``. With the
    blocking router all phases have run when this returns, and what an app raised comes out here; the queued one
    stores the message for the service. Raises TypeError when ``text`` is not a str or it isn't one connection.

    >>> message = receive("hello", lookup_connections("mockbackend", "+254700000001"))
    >>> str(message.status), message.transmissions[0].encoding
    ('handled', 'gsm7')
    """
    if not isinstance(text, str):
        raise TypeError(f"the text of a message must be a str, not {type(text).__name__}")
    router = get_router()
    message = router.new_incoming_message(text, [given.connection(connection)], **kwargs)
    router.receive_incoming(message)
    return message


def send(
    text: str,
    connections: Connection | Iterable[Connection],
    *,
    raise_on_error: bool = False,
    **kwargs: Any,
) -> OutgoingMessage:
    """Send one text to one or more connections. The message is stored when this returns.

    ``kwargs``: ``fields``, ``in_response_to``, ``class_``, ``id_``; ``at``, ``expires`` (aware datetime, or
    timedelta from now), ``priority`` (-100 to 100), ``key`` (the same key again gives the first message), ``flash``,
    ``encoding`` (``"gsm7"``, ``"ucs2"``), ``dedupe`` (default True), ``on_unknown`` (``"resend"``, ``"hold"``).

    Trouble of a backend is not raised: see the message's ``status``, ``errors`` and ``transmissions``; with
    ``raise_on_error`` it is a MessageSendingError. Raises TypeError or ValueError before anything is stored,
    GatewayError for a key of another message, and StoreError.

    >>> message = send("hello", lookup_connections("mockbackend", ["+254700000001", "+254700000002"]), priority=5)
    >>> [(each.connection.identity, str(each.status)) for each in message.transmissions]
    [('+254700000001', 'sent'), ('+254700000002', 'sent')]
    """
    if not isinstance(text, str):
        raise TypeError(f"the text of a message must be a str, not {type(text).__name__}")
    router = get_router()
    message = router.new_outgoing_message(text, connections, **kwargs)
    sent: OutgoingMessage | None = (
        router.send_outgoing(message, raise_on_error=True) if raise_on_error else router.send_outgoing(message)
    )
    return message if sent is None else sent  # a router of the user's own may return nothing


def get_message(id_: str) -> IncomingMessage | OutgoingMessage | None:
    """Give a stored message, with its transmissions as they stand; None when there is none.

    >>> message = send("hello", lookup_connections("mockbackend", "+1"))
    >>> get_message(message.id).text, get_message("nobody")
    ('hello', None)
    """
    router = get_router()
    row = router.row(id_)
    return None if row is None else router.from_row(row)


@overload
def messages(
    *,
    direction: Literal["in"],
    status: str | None = ...,
    backend: str | None = ...,
    identity: str | None = ...,
    device: str | None = ...,
    limit: int = ...,
    after: int | None = ...,
) -> list[IncomingMessage]: ...


@overload
def messages(
    *,
    direction: Literal["out"],
    status: str | None = ...,
    backend: str | None = ...,
    identity: str | None = ...,
    device: str | None = ...,
    limit: int = ...,
    after: int | None = ...,
) -> list[OutgoingMessage]: ...


@overload
def messages(
    *,
    direction: str | None = ...,
    status: str | None = ...,
    backend: str | None = ...,
    identity: str | None = ...,
    device: str | None = ...,
    limit: int = ...,
    after: int | None = ...,
) -> list[IncomingMessage | OutgoingMessage]: ...


def messages(
    *,
    direction: str | None = None,
    status: str | None = None,
    backend: str | None = None,
    identity: str | None = None,
    device: str | None = None,
    limit: int = 100,
    after: int | None = None,
) -> list[IncomingMessage] | list[OutgoingMessage] | list[IncomingMessage | OutgoingMessage]:
    """Give stored messages, the newest last. For a type checker, those of one direction are of its class.

    ``direction`` is ``"in"`` or ``"out"``. ``limit`` counts transmissions. ``after``: only those with a transmission
    of a larger id, the oldest first; so ``messages(after=page[-1].transmissions[-1].id)`` is the next page. Raises
    ValueError for a direction or status that doesn't exist.

    >>> _ = send("one", lookup_connections("mockbackend", "+1")), send("two", lookup_connections("mockbackend", "+1"))
    >>> [message.text for message in messages(direction="out", identity="+1", limit=1)]
    ['two']
    """
    which = queries.MessageFilter(
        direction=None if direction is None else given.word("direction", direction, Direction),
        status=None if status is None else given.word("status", status, Status),
        backend=backend,
        identity=None if identity is None else numbers.normalise(identity, _session().config.gateway.region),
        device=device,
        limit=limit,
        after=after,
    )
    router = get_router()
    with _session().store.read() as c:
        ids = dict.fromkeys(row.id for _, row in queries.messages(c, which))
        rows = [queries.message(c, each) for each in ids]
    return [router.from_row(row) for row in rows if row is not None]


@overload
def listen(
    name: str, start: str = ..., timeout: float | None = ..., backend: str | None = ..., statuses: Literal[False] = ...
) -> Iterator[IncomingMessage]: ...


@overload
def listen(
    name: str,
    start: str = ...,
    timeout: float | None = ...,
    backend: str | None = ...,
    *,
    statuses: Literal[True],
) -> Iterator[Transmission]: ...


def listen(
    name: str,
    start: str = "oldest",
    timeout: float | None = None,
    backend: str | None = None,
    statuses: bool = False,
) -> Iterator[IncomingMessage] | Iterator[Transmission]:
    """Give each message that the router has run, failed ones too, filtered ones not; at least once.

    Asking for the next message acknowledges the last. The position is kept in the store under ``name``; readers
    with one name share the messages, and what a reader that died had not acknowledged is given out again.
    ``start``: where a new name begins, ``"oldest"`` or ``"newest"``. ``timeout`` seconds without a message end it.

    With ``statuses`` it gives each change of an outgoing transmission instead, from the first call under ``name``
    on (``start`` doesn't count), until ``forget_listener``: the Transmission with the ``status`` and ``error`` of the
    change. ``sending`` is left out. A name is for one or the other. Raises ValueError.

    >>> message = receive("hello", lookup_connections("mockbackend", "+1"))
    >>> [message.text for message in listen("crm", timeout=0)][-1]
    'hello'
    """
    if statuses:
        return listening.each(listening.StatusReader(get_router(), name, backend), timeout)
    return listening.each(listening.Reader(get_router(), name, start, backend), timeout)


def forget_listener(name: str) -> bool:
    """Forget a name of ``listen`` and its position; nothing is kept for it any more. False when it isn't known.

    >>> _ = list(listen("report", timeout=0))
    >>> forget_listener("report"), forget_listener("report")
    (True, False)
    """
    return _session().store.write(lambda c: changes.forget(c, name))


async def asend(text: str, connections: Connection | Iterable[Connection], **kwargs: Any) -> OutgoingMessage:
    """As ``send``, without keeping the event loop waiting.

    >>> asyncio.run(asend("hello", lookup_connections("mockbackend", "+1"))).text
    'hello'
    """
    return await asyncio.to_thread(send, text, connections, **kwargs)


async def alisten(
    name: str,
    start: str = "oldest",
    timeout: float | None = None,
    backend: str | None = None,
    statuses: bool = False,
) -> AsyncIterator[Any]:
    """As ``listen``, for ``async for``.

    >>> _ = receive("hello", lookup_connections("mockbackend", "+1"))
    >>> async def read():
    ...     return [message.text async for message in alisten("async", timeout=0)]
    >>> asyncio.run(read())[-1]
    'hello'
    """
    limit = None if timeout is None else asyncio.get_running_loop().time() + timeout
    router = get_router()
    reader: listening.Reader | listening.StatusReader
    if statuses:
        reader = await asyncio.to_thread(listening.StatusReader, router, name, backend)
    else:
        reader = listening.Reader(router, name, start, backend)
    try:
        while True:
            message = await asyncio.to_thread(reader.step)
            now = asyncio.get_running_loop().time()
            if message is not None:
                yield message
                limit = None if timeout is None else asyncio.get_running_loop().time() + timeout
            elif limit is not None and now >= limit:
                return
            else:
                await asyncio.sleep(listening.POLL_S if limit is None else min(listening.POLL_S, limit - now))
    finally:
        reader.close()


def _session() -> session.Session:
    """Give the session of the router in use, which may be one that was set by hand."""
    found: session.Session | None = getattr(_router, "session", None)
    return found or session.current()
