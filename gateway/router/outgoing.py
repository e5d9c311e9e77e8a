"""From an outgoing message to the row that is stored: checks, lanes, parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from drivers.base import Encoding
from drivers.text import binary, segments
from gateway.backends import Choice, NoRouteError
from gateway.given import json_fields
from gateway.message import Desk, ErrorMessage, OutgoingMessage
from gateway.parts import Counting
from gateway.store.types import Connection, MessageRow, NewMessage, NewTransmission, Status
from gateway.transmission import moment

MOST_PARTS = 255
"""The parts that a concatenated message can have (3GPP TS 23.040 §9.2.3.24.1)."""
CONTEXT = "backend_context"
"""Field that keeps what a backend is told besides the fields."""
_ENCODINGS = (Encoding.GSM7, Encoding.UCS2)


def check(msg: Any) -> segments.Count:
    """Check all that a caller or an app has set on an OutgoingMessage, and count its parts.

    Raises TypeError or ValueError.
    """
    for name in ("at", "expires"):
        value = getattr(msg, name)
        if isinstance(value, timedelta):
            setattr(msg, name, msg.created_at + value)
        elif value is not None and not (isinstance(value, datetime) and value.tzinfo):
            raise ValueError(f"{name} must be an aware datetime or a timedelta from now, not {value!r}")
    if isinstance(msg.priority, bool) or not isinstance(msg.priority, int):
        raise TypeError(f"priority must be an int, not {type(msg.priority).__name__}")
    if not -100 <= msg.priority <= 100:
        raise ValueError(f"priority must be from -100 to 100, not {msg.priority}")
    if msg.key is not None and (not isinstance(msg.key, str) or not msg.key):
        raise ValueError(f"key must be a str that isn't empty, not {msg.key!r}")
    if msg.on_unknown not in (None, "resend", "hold"):
        raise ValueError(f"on_unknown must be 'resend' or 'hold', not {msg.on_unknown!r}")
    if msg.encoding is not None and msg.encoding not in _ENCODINGS:
        raise ValueError(f"encoding must be 'gsm7' or 'ucs2', not {msg.encoding!r}")
    json_fields(msg.fields)
    if binary.is_binary(msg.fields):
        return binary.count(msg.fields)
    return check_text(msg.text, msg.encoding)


def check_text(text: object, encoding: str | None = None) -> segments.Count:
    """Check that a text can be sent. Raises TypeError, or ValueError that names what is wrong with it."""
    if not isinstance(text, str):
        raise TypeError(f"the text of a message must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"the text has a NUL at position {text.index(chr(0))}; it can't be sent")
    lone = next((each for each in text if "\ud800" <= each <= "\udfff"), None)
    if lone is not None:
        raise ValueError(f"the text has a lone surrogate, U+{ord(lone):04X}; it is not a character")
    count = segments.count(text, encoding)
    if count.parts > MOST_PARTS:
        raise ValueError(f"the text needs {count.parts} parts; a message has at most {MOST_PARTS}")
    return count


def recipients(msg: OutgoingMessage) -> list[Connection]:
    """Give the connections, each (backend, identity) once unless the message says otherwise; order is kept."""
    if not msg.dedupe:
        return list(msg.connections)
    found: dict[tuple[str, str], Connection] = {}
    for each in msg.connections:
        found.setdefault((each.backend.name, each.identity), each)
    return list(found.values())


def prepare(
    msg: OutgoingMessage,
    count: segments.Count,
    lane_of: Callable[[OutgoingMessage, Connection, int], Choice],
    counting: Counting,
    cancelled_by: str | None,
) -> NewMessage:
    """Give the row of a message that was checked."""
    connections = recipients(msg)

    def transmission(connection: Connection) -> NewTransmission:
        lane, status, error = connection.backend.name, Status.QUEUED, None
        try:
            lane = lane_of(msg, connection, count.parts).lane
        except NoRouteError as no_route:
            status, error = Status.FAILED, str(no_route)
        if connection.id in msg.refused:
            status, error = Status.CANCELLED, msg.refused[connection.id]
        if cancelled_by is not None:
            status, error = Status.CANCELLED, f"cancelled by the app {cancelled_by}"
        there = counting.of(lane, msg.text, msg.encoding, count)
        return NewTransmission(
            connection.id, connection.backend.name, connection.identity, lane, there.parts, str(there.encoding),
            status, error,
        )  # fmt: skip

    return NewMessage(
        id=msg.id,
        text=msg.text,
        transmissions=tuple(map(transmission, connections)),
        fields={**msg.fields, **_context(msg)},
        in_response_to=msg.in_response_to_id,
        priority=msg.priority,
        key=msg.key,
        due_ms=_ms(msg.at),
        expires_ms=_ms(msg.expires),
        flash=bool(msg.flash),
        encoding=msg.encoding,
        on_unknown=msg.on_unknown,
        kind=msg.kind,
    )


def _context(msg: OutgoingMessage) -> dict[str, Any]:
    """Give the field that keeps what a backend must be told and the row alone would not tell."""
    answered = msg.in_response_to
    of_its_own = type(msg).extra_backend_context is not OutgoingMessage.extra_backend_context
    if not of_its_own and (answered is None or answered.transmissions):
        return {}
    context = {key: value for key, value in msg.extra_backend_context().items() if key != "fields"}
    json_fields(context)
    return {CONTEXT: context}


def message(desk: Desk, row: MessageRow) -> OutgoingMessage:
    """Give the message that a row stores."""
    class_ = ErrorMessage if row.kind == ErrorMessage.kind else OutgoingMessage
    first = row.transmissions[0] if row.transmissions else None
    fields = dict(row.fields)
    context = fields.pop(CONTEXT, {})
    msg = class_(
        row.text,
        [each.connection for each in row.transmissions],
        id_=row.id,
        in_response_to=row.in_response_to,
        fields=fields,
        at=moment(first.due_ms) if first else None,
        expires=moment(first.expires_ms) if first else None,
        priority=row.priority,
        key=row.key,
        flash=row.flash,
        encoding=row.encoding,
        on_unknown=row.on_unknown,
    )
    msg.processed = msg.bind(desk, row, context).status is not Status.CANCELLED
    return msg


def _ms(at: Any) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
