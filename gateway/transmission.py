"""One message to one connection, as callers see it; and the status of the message as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.store.types import Connection, Status, TransmissionRow

OPEN = frozenset({Status.QUEUED, Status.HELD, Status.SENDING, Status.UNKNOWN, Status.RECEIVED})
"""Statuses that are going to change by themselves or by a person."""


def moment(ms: int | None) -> datetime | None:
    """Give an aware datetime in UTC for milliseconds since 1970."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Transmission:
    """One message to, or from, one connection: the unit that has a status. Times are aware, in UTC.

    >>> roll_up([Status.SENT, Status.DELIVERED])
    <Status.SENT: 'sent'>
    """

    id: int
    connection: Connection
    status: Status
    error: str | None
    device: str | None
    parts: int
    encoding: str
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    possible_duplicate: bool
    attempts: int
    message_id: str

    @classmethod
    def of(cls, row: TransmissionRow) -> Transmission:
        """Give the public form of a stored row."""
        created = moment(row.created_ms)
        assert created is not None
        return cls(
            row.id, row.connection, row.status, row.error, row.device, row.parts, row.encoding, created,
            moment(row.due_ms), moment(row.sent_ms), moment(row.delivered_ms), row.possible_duplicate,
            row.attempts, row.message_id,
        )  # fmt: skip


def roll_up(statuses: Iterable[Status]) -> Status | None:
    """Give the status of a message whose transmissions have these; None when it has none.

    >>> str(roll_up([Status.DELIVERED, Status.SENT])), str(roll_up([Status.SENT, Status.EXPIRED]))
    ('sent', 'failed')
    >>> str(roll_up([Status.SENDING, Status.SENT])), str(roll_up([Status.SENDING, Status.QUEUED]))
    ('sending', 'queued')
    """
    found = set(statuses)
    if len(found) <= 1 and not found & {Status.EXPIRED, Status.HELD}:
        return next(iter(found), None)
    if found & {Status.FAILED, Status.EXPIRED}:
        return Status.FAILED
    if Status.UNKNOWN in found:
        return Status.UNKNOWN
    waiting = found & {Status.QUEUED, Status.HELD, Status.SENDING}
    if waiting:
        return Status.SENDING if waiting == {Status.SENDING} else Status.QUEUED
    return Status.SENT if Status.SENT in found else Status.DELIVERED
