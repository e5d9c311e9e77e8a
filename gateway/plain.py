"""Messages and moments as plain values, as the command line prints them and the web server answers with them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.store.types import MessageRow, TransmissionRow

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ALLOWED = "write ISO 8601 with a zone, such as 2026-01-31T09:30:00Z, or a time from now, such as +2h"


def moment(ms: int | None) -> str | None:
    """ISO 8601 in UTC, such as ``2026-01-31T09:30:00.000Z``.

    >>> moment(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(text: str, now: datetime) -> datetime:
    """The time that a text means, in UTC: ISO 8601 with its zone, or from now on. Raises ValueError with a sentence.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> parse_moment("+1h30m", noon).isoformat(), parse_moment("2026-01-01T15:00+03:00", noon).isoformat()
    ('2026-01-01T13:30:00+00:00', '2026-01-01T12:00:00+00:00')
    """
    if text.startswith("+"):
        return _from_now(text, now)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time; {ALLOWED}") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; add Z for UTC, or the offset: {text}Z")
    return found.astimezone(UTC)


def _from_now(text: str, now: datetime) -> datetime:
    if not re.fullmatch(r"\+(\d+[smhd])+", text, re.ASCII):
        raise ValueError(f"{text!r} is not a time from now; {ALLOWED}")
    seconds = sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhd])", text))
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None


def transmission(row: TransmissionRow, message: MessageRow) -> dict[str, Any]:
    """The documented keys of a transmission, in their order."""
    return {
        "id": message.id,
        "transmission": row.id,
        "direction": str(row.direction),
        "backend": row.connection.backend.name,
        "identity": row.connection.identity,
        "text": message.text,
        "status": str(row.status),
        "device": row.device,
        "parts": row.parts,
        "encoding": row.encoding,
        "complete": message.complete,
        "error": row.error or message.error,
        "created_at": moment(row.created_ms),
        "due_at": moment(row.due_ms),
        "sent_at": moment(row.sent_ms),
        "delivered_at": moment(row.delivered_ms),
        "received_at": moment(message.received_ms),
        "possible_duplicate": row.possible_duplicate,
        "in_response_to": message.in_response_to,
        "fields": dict(message.fields),
    }
