"""Between rows of tables and the values of ``types``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sqlalchemy import Executable, Row, Select, Table, select
from sqlalchemy.engine import Connection as Conn

from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.types import Backend, Connection, Contact, Direction, MessageRow, Status, TransmissionRow

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert: TypeAlias = sqlite.Insert | postgresql.Insert

T = TypeVar("T")
S = TypeVar("S")

CHUNK = 500
"""Most values in one ``IN``."""


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """``values`` in lists of at most ``CHUNK``."""
    whole = list(values)
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def per_database(build: Callable[[Callable[[Table], Insert]], S]) -> Callable[[Conn], S]:
    """A statement with ON CONFLICT, which each database words differently: made when a connection first needs it.

    ``build`` is given the INSERT of that database; the other one's dialect is never imported.
    """

    @functools.cache
    def made(dialect: str) -> S:
        return build(_insert(dialect))

    return lambda c: made(c.dialect.name)


def insert(c: Conn, table: Table) -> Insert:
    """The same for a statement that is needed now and then."""
    return _insert(c.dialect.name)(table)


@functools.cache
def _insert(dialect: str) -> Callable[[Table], Insert]:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


Take: TypeAlias = Callable[[Mapping[str, Any]], Any]
_compiled: dict[tuple[Executable, str, tuple[str, ...]], tuple[str, Take, dict[str, Any]]] = {}
"""By statement, database and parameters: its text, what it takes of a row, and the values that are its own."""


def many(c: Conn, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement that was made once for each row, without a step of SQLAlchemy's own for each: half the time.

    All rows have the same keys. Not for columns of JSON, nor for RETURNING. Gives how many rows changed.
    """
    if not rows:
        return 0
    key = statement, c.dialect.name, tuple(rows[0])
    if key not in _compiled:
        made: Any = cast("Any", statement).compile(dialect=c.dialect, column_keys=list(rows[0]))
        own = {name: value for name, value in made.params.items() if name not in rows[0]}
        _compiled[key] = made.string, _take(made.positiontup), own
    text, take, own = _compiled[key]
    whole = [{**own, **row} for row in rows] if own else rows
    return c.exec_driver_sql(text, list(map(take, whole))).rowcount


def _take(order: Sequence[str] | None) -> Take:
    """Parameters by their names, or in the order of their places where they have none."""
    if order is None:
        return dict
    return itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],)


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
"""Made once, as all statements of the store that run for each message: making one takes longer than its query."""
_MESSAGES_OF = select(s.message).where(among(s.message.c.seq, "seqs"))
_TRANSMISSIONS_OF = _TRANSMISSIONS.where(among(_t.message_seq, "seqs")).order_by(_t.id)


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
        for row in c.execute(_MESSAGES_OF, {"seqs": some}):
            found[row.seq] = row
        for row in c.execute(_TRANSMISSIONS_OF, {"seqs": some}):
            transmissions.setdefault(row.message_seq, []).append(row)
    return [
        to_message(found[seq], [to_transmission(row, found[seq].id) for row in transmissions.get(seq, [])])
        for seq in seqs
        if seq in found
    ]
