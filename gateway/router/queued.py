"""The router that stores, and leaves the rest to whoever drains: the service, or ``drain()`` in any process."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.message import IncomingMessage
from gateway.router import incoming
from gateway.router.blocking import BlockingRouter
from gateway.session import now_ms
from gateway.store import router_rows


class QueuedRouter(BlockingRouter):
    """``receive`` and ``send`` store and return. The outgoing phase runs in ``send``; the rest in ``drain``.

    >>> issubclass(QueuedRouter, BlockingRouter)
    True
    """

    blocking = False

    def receive_incoming(self, msg: IncomingMessage) -> None:
        """Store a message for the service."""
        self.session.store.require_room()
        row = self.session.store.write(lambda c: router_rows.put(c, incoming.new_row(msg), now_ms()))
        msg.bind(self, row)
        self.poke()

    def sent(self, lanes: Iterable[str]) -> None:  # noqa: ARG002 - they are called in drain()
        """Wake the service."""
        self.poke()
