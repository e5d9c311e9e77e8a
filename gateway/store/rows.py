"""Between rows of tables and the values of ``types``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Conn

from gateway.store import schema as s
from gateway.store.types import Backend, Connection, Contact, Direction, MessageRow, Status, TransmissionRow

T = TypeVar("T")

CHUNK = 500
"""Most values in one ``IN``."""


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """``values`` in lists of at most ``CHUNK``."""
    whole = list(values)
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def insert(c: Conn, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT with ON CONFLICT, in the words of the connection's database."""
    return sqlite.insert(table) if c.dialect.name == "sqlite" else postgresql.insert(table)


_CONNECTION = (
    s.connection.c.id.label("connection_id"),
    s.connection.c.identity,
    s.backend.c.id.label("backend_id"),
    s.backend.c.name.label("backend_name"),
    s.contact.c.id.label("contact_id"),
    s.contact.c.name.label("contact_name"),
    s.contact.c.language,
    s.contact.c.data,
    s.contact.c.created_ms.label("contact_created_ms"),
    s.contact.c.modified_ms.label("contact_modified_ms"),
)
_OF_CONNECTION = s.connection.join(s.backend).outerjoin(s.contact)

_t = s.transmission.c
_TRANSMISSION = (
    _t.id,
    _t.message_seq,
    _t.direction,
    _t.status,
    _t.lane,
    _t.device,
    _t.parts,
    _t.encoding,
    _t.error,
    _t.attempts,
    _t.possible_duplicate,
    _t.created_ms,
    _t.due_ms,
    _t.expires_ms,
    _t.sent_ms,
    _t.delivered_ms,
)


_CONNECTIONS = select(*_CONNECTION).select_from(_OF_CONNECTION)
_TRANSMISSIONS = select(*_TRANSMISSION, *_CONNECTION).select_from(
    s.transmission.join(s.connection).join(s.backend).outerjoin(s.contact)
)
"""Made once: finding out how tables join takes longer than the query."""


def select_connections() -> Select[Any]:
    """Connections, to be read by ``to_connection``."""
    return _CONNECTIONS


def select_transmissions() -> Select[Any]:
    """Transmissions with their connections, to be read by ``to_transmission``."""
    return _TRANSMISSIONS


def to_contact(row: Row[Any]) -> Contact:
    """From a row of the table."""
    return Contact(row.id, row.name, row.language, row.data or {}, row.created_ms, row.modified_ms)


def to_connection(row: Row[Any]) -> Connection:
    """From a row of ``select_connections`` or ``select_transmissions``."""
    contact = None
    if row.contact_id is not None:
        contact = Contact(
            row.contact_id,
            row.contact_name,
            row.language,
            row.data or {},
            row.contact_created_ms,
            row.contact_modified_ms,
        )
    return Connection(row.connection_id, Backend(row.backend_id, row.backend_name), row.identity, contact)


def to_transmission(row: Row[Any], message_id: str) -> TransmissionRow:
    """From a row of ``select_transmissions``."""
    return TransmissionRow(
        id=row.id,
        message_id=message_id,
        direction=Direction(row.direction),
        connection=to_connection(row),
        status=Status(row.status),
        lane=row.lane,
        device=row.device,
        parts=row.parts,
        encoding=row.encoding,
        error=row.error,
        attempts=row.attempts,
        possible_duplicate=bool(row.possible_duplicate),
        created_ms=row.created_ms,
        due_ms=row.due_ms,
        expires_ms=row.expires_ms,
        sent_ms=row.sent_ms,
        delivered_ms=row.delivered_ms,
    )


def to_message(row: Row[Any], transmissions: Sequence[TransmissionRow]) -> MessageRow:
    """From a row of the table and the message's transmissions."""
    return MessageRow(
        id=row.id,
        direction=Direction(row.direction),
        text=row.text,
        fields=row.fields or {},
        in_response_to=row.in_response_to,
        created_ms=row.created_ms,
        transmissions=tuple(transmissions),
        priority=row.priority,
        key=row.key,
        flash=bool(row.flash),
        encoding=row.encoding,
        on_unknown=row.on_unknown,
        kind=row.kind,
        received_ms=row.received_ms,
        to=row.to,
        complete=bool(row.complete),
        redelivered=bool(row.redelivered),
        error=row.error,
    )


def load_messages(c: Conn, seqs: Sequence[int]) -> list[MessageRow]:
    """These messages with all their transmissions, in the order of ``seqs``."""
    transmissions: dict[int, list[Row[Any]]] = {}
    found: dict[int, Row[Any]] = {}
    for some in chunks(seqs):
        for row in c.execute(select(s.message).where(s.message.c.seq.in_(some))):
            found[row.seq] = row
        for row in c.execute(select_transmissions().where(_t.message_seq.in_(some)).order_by(_t.id)):
            transmissions.setdefault(row.message_seq, []).append(row)
    return [
        to_message(found[seq], [to_transmission(row, found[seq].id) for row in transmissions.get(seq, [])])
        for seq in seqs
        if seq in found
    ]
