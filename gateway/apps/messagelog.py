"""The log of all messages, a view on the store: one entry for each recipient, with its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.apps.base import App
from gateway.store import queries
from gateway.store.types import Connection, Contact, Direction, MessageRow, Status, TransmissionRow
from gateway.transmission import Transmission


@dataclass(frozen=True, slots=True)
class Entry:
    """One transmission of one message. ``date`` is aware, in UTC."""

    message_id: str
    direction: Direction
    date: datetime
    connection: Connection
    contact: Contact | None
    text: str
    status: Status
    error: str | None


class MessageLogApp(App):
    """Needs no phase: every message is in the store anyway, those that apps drop or cancel too."""

    def entries(
        self,
        *,
        direction: str | None = None,
        backend: str | None = None,
        identity: str | None = None,
        limit: int = 100,
        after: int | None = None,
    ) -> list[Entry]:
        """Give the newest entries, the newest last; or those behind the transmission id ``after``, oldest first."""
        if self.router is None:
            raise RuntimeError("the message log belongs to no router")
        which = queries.MessageFilter(
            direction=None if direction is None else Direction(direction),
            backend=backend,
            identity=identity,
            limit=limit,
            after=after,
        )
        with self.router.session.store.read() as c:
            found = queries.messages(c, which)
        return [_entry(row, message) for row, message in found]


def _entry(row: TransmissionRow, message: MessageRow) -> Entry:
    date, connection = Transmission.of(row).created_at, row.connection
    return Entry(
        message.id, row.direction, date, connection, connection.contact, message.text, row.status, row.error
    )  # fmt: skip
