"""A backend that goes nowhere: what is sent to it is in the database."""

from __future__ import annotations

from typing import Any

from gateway.backends.base import BackendBase
from gateway.message import OutgoingMessage
from gateway.store import queries
from gateway.store.types import Direction, Status

MOST = 100_000
SENT = (Status.SENT, Status.DELIVERED)


class DatabaseBackend(BackendBase):
    """Takes every message, so that any process can see what was sent: for tests of whole services, and for testers.

    ``[backend.NAME] class = "gateway.backends.database:DatabaseBackend"``. What it has received is
    ``messages(direction="in", backend=NAME)``, as for any other.

    >>> backend = get_router().add_backend("kept", DatabaseBackend)
    >>> _ = send("hello", lookup_connections("kept", ["+1", "+2"]))
    >>> [(message.text, len(message.transmissions)) for message in backend.sent_messages]
    [('hello', 2)]
    >>> backend.clear_sent_messages()
    >>> backend.sent_messages
    []
    """

    def configure(self, *_: Any) -> None:
        """Take no options."""
        self._after = 0

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> bool:  # noqa: ARG002
        """Take a message. It is stored already."""
        return True

    @property
    def sent_messages(self) -> list[OutgoingMessage]:
        """The messages that were sent through this backend, the oldest first. Raises StoreError."""
        router = self.router
        if router is None:
            return []
        with router.session.store.read() as c:
            ids = dict.fromkeys(row.id for each, row in queries.messages(c, self._sent) if each.status in SENT)
            rows = [queries.message(c, id_) for id_ in ids]
        made = [router.from_row(row) for row in rows if row is not None]
        return [each for each in made if isinstance(each, OutgoingMessage)]

    def clear_sent_messages(self) -> None:
        """Leave what was sent so far out of ``sent_messages``, in this process; it stays stored."""
        if self.router is not None:
            with self.router.session.store.read() as c:
                self._after = max((each.id for each, _ in queries.messages(c, self._sent)), default=self._after)

    @property
    def _sent(self) -> queries.MessageFilter:
        return queries.MessageFilter(direction=Direction.OUT, backend=self.name, limit=MOST, after=self._after)
