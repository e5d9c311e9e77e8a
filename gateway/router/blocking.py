"""The router that runs the phases inside ``receive``, and calls Python backends inside ``send``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway import session
from gateway.apps.base import App
from gateway.backends import BackendBase
from gateway.errors import GatewayError, MessageSendingError
from gateway.message import IncomingMessage, Message, OutgoingMessage
from gateway.parts import Counting
from gateway.router import delivery, incoming, lanes, outgoing, phases
from gateway.router.registry import Registry
from gateway.router.statuses import Statuses
from gateway.session import now_ms
from gateway.store import connections as connection_rows
from gateway.store import optouts, outbox, queries, router_rows
from gateway.store.crashing import Point, point
from gateway.store.engine import Conn
from gateway.store.gate import CONFIRMATION, OPTED_OUT, Gate
from gateway.store.types import Backend, Connection, Direction, MessageRow, NewMessage, Status

_VERBS: Mapping[str, Callable[[Conn, str, int], outbox.Changed]] = {
    "cancel": outbox.cancel,
    "hold": outbox.hold,
    "release": outbox.release,
    "resend": outbox.resend,
}

_TURN = 100
"""So many incoming messages, then the Python backends have their turn."""


class BlockingRouter:
    """Runs the phases where the message is put in, and keeps all that happens in the store.

    ``apps`` are paths or App classes, ``backends`` is by name a BackendBase class, a path, or a table with
    ``class`` and options; what isn't given comes from the config. Raises ConfigurationError for a backend that
    can't be made; an app that can't be loaded is logged and left out (``missing_apps``).

    >>> isinstance(get_router(), BlockingRouter), [backend for backend in get_router().backends]
    (True, ['mockbackend'])
    """

    incoming_phases: tuple[str, ...] = phases.INCOMING
    outgoing_phases: tuple[str, ...] = phases.OUTGOING
    blocking = True

    def __init__(
        self,
        apps: Iterable[str | type[App]] | None = None,
        backends: Mapping[str, Any] | None = None,
    ) -> None:
        self.session = session.current()
        self.config = self.session.config
        self._registry = Registry(self, self.config)
        self._lanes, self._counting = lanes.Lanes(self), Counting(self.config)
        self.gate = Gate(self.config)
        """What every message passes on its way out."""
        self._statuses = Statuses(self, of_the_config=apps is None)
        self._closed = False
        if backends is None:
            backends = {name: each for name, each in self.config.backend.items() if not hasattr(each, "devices")}
        self._registry.load_backends(backends)
        self._registry.load_apps(self.config.gateway.apps if apps is None else apps)

    # --- apps and backends ------------------------------------------------------------------------------------

    @property
    def apps(self) -> list[App]:
        """The apps in the order of the incoming phases."""
        return self._registry.apps

    @property
    def backends(self) -> dict[str, BackendBase]:
        """The backends in Python, by name."""
        return self._registry.backends

    @property
    def missing_apps(self) -> dict[str, str]:
        """Apps that couldn't be loaded, with the reason."""
        return self._registry.missing

    def add_app(self, path: str | type[App], options: Mapping[str, Any] | None = None) -> App:
        """Load an app and put it behind the others. Raises ConfigurationError.

        ``options`` are those of the config's ``[app.NAME]`` unless given.
        """
        return self._registry.add_app(path, options)

    def get_app(self, path: str | type[App]) -> App:
        """Give a loaded app by its path, class or name. Raises KeyError."""
        return self._registry.get_app(path)

    def add_backend(
        self, name: str, backend: str | type[BackendBase], config: Mapping[str, Any] | None = None
    ) -> BackendBase:
        """Make a Python backend of this name. The keys of ``config`` are lower-cased. Raises ConfigurationError."""
        return self._registry.add_backend(name, backend, config)

    def backend_row(self, name: str) -> Backend:
        """Give the stored row of a backend, made when there is none."""
        return self.session.store.write(lambda c: connection_rows.backend(c, name, now_ms()))

    def backend_settings(self, name: str) -> Any:
        """Give the batch, retries and retry_delay of a Python backend."""
        return self._registry.settings[name]

    # --- incoming ---------------------------------------------------------------------------------------------

    def new_incoming_message(
        self,
        text: str,
        connections: Connection | Iterable[Connection],
        class_: type[IncomingMessage] = IncomingMessage,
        **kwargs: Any,
    ) -> IncomingMessage:
        """Build an incoming message. Override it to have a class of your own for all."""
        return class_(text, connections, **kwargs).bind(self)

    def receive_incoming(self, msg: IncomingMessage) -> None:
        """Store a message and run its phases. Raises what an app raises; the message is kept as failed."""
        self.session.store.require_room()
        with self.session.claiming() as epoch:
            row = self.session.store.write(lambda c: router_rows.put(c, incoming.new_row(msg, epoch), now_ms()))
            failure = incoming.run_alone(self, msg.bind(self, row), epoch)
        self.deliver()
        self._statuses.drain()
        msg.refresh()
        if failure is not None:
            raise failure.cause

    def process_incoming_phases(self, msg: IncomingMessage) -> bool:
        """Run the incoming phases. Return False to keep the responses back. Raises ``phases.AppError``."""
        phases.run_incoming(self.apps, self.incoming_phases, msg)
        return True

    # --- outgoing ---------------------------------------------------------------------------------------------

    def new_outgoing_message(
        self,
        text: str,
        connections: Connection | Iterable[Connection],
        class_: type[OutgoingMessage] = OutgoingMessage,
        **kwargs: Any,
    ) -> OutgoingMessage:
        """Build an outgoing message. Override it to have a class of your own for all."""
        return class_(text, connections, **kwargs).bind(self)

    def process_outgoing_phases(self, msg: OutgoingMessage) -> App | None:
        """Run the outgoing phase. Returns the app that cancelled the message, if one did."""
        return phases.run_outgoing(self.apps, self.outgoing_phases, msg)

    def send_outgoing(self, msg: OutgoingMessage, *, raise_on_error: bool = False) -> OutgoingMessage:
        """Run the outgoing phase, store the message, wake whoever sends it.

        Returns the message; with a ``key`` that was used before, the first message. Raises TypeError and
        ValueError before anything is stored, GatewayError for a key that belongs to another message, StoreError,
        and with ``raise_on_error`` MessageSendingError.
        """
        self.session.store.require_room()
        first = lanes.first_with_key(self, msg)
        if first is None:
            new = self.prepare(msg)
            if not new.transmissions:
                return msg
            row, created = self.session.store.write(
                lambda c: router_rows.enqueue(c, new, now_ms(), int(self.config.gateway.ageing * 1000))
            )
            point(Point.SEND_STORED)
            first = msg.bind(self, row) if created else self._outgoing(row)
            self.sent(self.python_lanes(row) if created else ())
        if self.blocking:
            first.refresh()
        if raise_on_error:
            _raise_failed(first)
        return first

    def prepare(self, msg: OutgoingMessage) -> NewMessage:
        """Check a message, run its outgoing phase, and give the row to store. Raises TypeError, ValueError."""
        outgoing.check(msg)
        self._statuses.ask()
        cancelled_by = self.process_outgoing_phases(msg)
        if cancelled_by is not None:
            msg.processed = False
        self._refuse_opted_out(msg)
        by = cancelled_by.name if cancelled_by else None
        return outgoing.prepare(msg, outgoing.check(msg), self._lanes.of, self._counting, by)

    def _refuse_opted_out(self, msg: OutgoingMessage) -> None:
        """Say at once what the gate would say of these recipients."""
        if msg.kind != CONFIRMATION:
            with self.session.store.read() as c:
                found = optouts.among(c, [each.identity for each in msg.connections])
            for connection in msg.connections if found else ():
                if connection.identity in found:
                    msg.refuse(connection, OPTED_OUT)

    def sent(self, lanes: Iterable[str]) -> None:
        """Called after messages were stored; ``lanes`` are the Python backends that have work now."""
        for lane in lanes:
            delivery.drain_lane(self, lane)
        self._statuses.drain()
        self.poke()

    def poke(self) -> None:
        """Wake the service, if it runs."""
        self.session.poke()

    def group_outgoing_identities(self, msg: OutgoingMessage) -> dict[str, list[str]]:
        """Give the identities of a message by backend, in the order of its connections."""
        groups: dict[str, list[str]] = {}
        for connection in outgoing.recipients(msg):
            groups.setdefault(connection.backend.name, []).append(connection.identity)
        return groups

    def send_to_backend(
        self, backend_name: str, id_: str, text: str, identities: list[str], context: dict[str, Any] | None = None
    ) -> None:
        """Call a Python backend. Raises MessageSendingError, whatever the backend raised."""
        delivery.call(self.backends, backend_name, id_, text, identities, context or {})

    def context_of(self, message_id: str) -> dict[str, Any]:
        """Give what a backend is told about a message besides text and identities."""
        found = self.load(message_id)
        return found.extra_backend_context() if isinstance(found, OutgoingMessage) else {}

    def python_lanes(self, row: MessageRow) -> list[str]:
        """Give the Python backends that have something to do for a message now."""
        lanes = {each.lane: None for each in row.transmissions if each.status is Status.QUEUED}
        return [lane for lane in lanes if lane in self.backends]

    # --- what is due ------------------------------------------------------------------------------------------

    def drain(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Do all router work that is due, here and now; gives how many messages and batches that was.

        Runs the phases of stored incoming messages, calls Python backends and tells apps of changes of status. Each
        item is claimed by one process; what a dead process had claimed comes back after its lease. An app that raises
        fails its message only. ``stop`` is asked after each item, and ends the work by True.
        """
        total = 0
        while done := self.run_apps(stop) + self.deliver(stop):
            total += done
        return total

    def run_apps(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Do that part of ``drain`` that is the apps': up to 100 incoming messages, then all changes of status."""
        return incoming.drain(self, stop, _TURN) + self._statuses.drain(stop)

    def deliver(self, stop: Callable[[], bool] = lambda: False, lanes: Iterable[str] | None = None) -> int:
        """Call the Python backends that have something due, or of those ``lanes``; gives how many batches that was."""
        return sum(delivery.drain_lane(self, lane, stop) for lane in (list(self.backends) if lanes is None else lanes))

    def report(self, message_id: str, identity: str, status: str, error: str | None = None) -> bool:
        """Hand in a receipt from a Python backend: ``"sent"``, ``"delivered"``, or ``"failed"`` with the reason.

        Gives False when the status was that, or something final, before. Raises ValueError for another status, and
        GatewayError when no such message went to that identity.
        """
        return delivery.report(self, message_id, identity, status, error)

    # --- reading ----------------------------------------------------------------------------------------------

    def row(self, message_id: str) -> MessageRow | None:
        """Read one message with its transmissions."""
        with self.session.store.read() as c:
            return queries.message(c, message_id)

    def load(self, message_id: str) -> Message | None:
        """Read one message as an object; None when there is none."""
        row = self.row(message_id)
        return None if row is None else self.from_row(row)

    def from_row(self, row: MessageRow) -> IncomingMessage | OutgoingMessage:
        """Give the message that a row stores."""
        return incoming.message(self, row) if row.direction is Direction.IN else self._outgoing(row)

    def _outgoing(self, row: MessageRow) -> OutgoingMessage:
        return outgoing.message(self, row)

    def change(self, verb: str, message_id: str) -> int:
        """Cancel, hold, release or resend a message; gives how many transmissions changed. Raises GatewayError."""
        act = _VERBS[verb]
        changed = self.session.store.write(lambda c: act(c, message_id, now_ms()))
        if not changed.known:
            raise GatewayError(f"there is no message {message_id}")
        if changed.refused:
            raise GatewayError("; ".join(changed.refused))
        self.poke()
        return changed.count

    def close(self) -> None:
        """Tell apps and backends that it is over. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._registry.close()


def _raise_failed(msg: OutgoingMessage) -> None:
    failed = [
        each
        for each in msg.transmissions
        if each.status is Status.FAILED or (each.error and each.status is Status.QUEUED)
    ]
    if failed:
        raise MessageSendingError(
            "; ".join(dict.fromkeys(str(each.error) for each in failed)), [each.connection.identity for each in failed]
        )
