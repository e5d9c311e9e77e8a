"""What apps share that carry messages to somewhere else than a phone: each has a backend of its own.

So what they carry waits in the queue like any message: it survives a crash, is tried again, can be looked at with
``messages --backend NAME`` and be put in again with ``resend``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.apps.base import App
from gateway.backends import BackendBase
from gateway.message import IncomingMessage, OutgoingMessage
from gateway.session import now_ms
from gateway.store import connections
from gateway.store.outbox import KeyConflictError
from gateway.store.types import Connection

if TYPE_CHECKING:
    from gateway.router import BlockingRouter


class OutletApp(App):
    """Subclasses name their backend and call ``attach`` when they are configured."""

    backend_class: type[BackendBase]

    def attach(self, **config: Any) -> None:
        """Add the backend to the router. Raises ValueError when its name is taken."""
        self._connections: dict[str, Connection] = {}
        if self.router is None:
            return
        config_ = self.router.config
        if self.name in {*config_.devices, *config_.backend}:
            raise ValueError(f"the name {self.name!r} is this app's own; a device or backend is called the same")
        self.router.add_backend(self.name, self.backend_class, config)

    def carry(
        self,
        identity: str,
        text: str,
        key: str,
        fields: Mapping[str, Any],
        answered: IncomingMessage | str | None = None,
    ) -> None:
        """Store one message for ``identity``; the same key again changes nothing."""
        assert self.router is not None
        message = self.router.new_outgoing_message(
            text, [self._connection(identity)], key=f"{self.name}/{identity}/{key}", fields=fields,
            in_response_to=answered,
        )  # fmt: skip
        send_once(self.router, message)

    def _connection(self, identity: str) -> Connection:
        found = self._connections.get(identity)
        if found is None:
            assert self.router is not None
            store = self.router.session.store
            (found,) = store.write(lambda c: connections.lookup(c, self.name, [identity], now_ms()))
            self._connections[identity] = found
        return found


def send_once(router: BlockingRouter, message: OutgoingMessage) -> None:
    """Send a message that has a key. When that was used it was sent, before the process died in the middle."""
    with contextlib.suppress(KeyConflictError):  # with another text, since a name in it has changed meanwhile
        router.send_outgoing(message)


def strings(key: str, value: object) -> tuple[str, ...]:
    """Read a list of strings, or one string. Raises TypeError."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) and item for item in items):
        raise TypeError(f"{key} must be a list of strings that aren't empty, not {value!r}")
    return tuple(items)
