"""Backends, connections and contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Table, bindparam, delete, select, update

from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.rows import chunks, insert, many, per_database, select_connections, to_connection, to_contact
from gateway.store.types import Backend, Connection, Contact

if TYPE_CHECKING:
    from gateway.store.rows import Insert

_BACKEND = select(s.backend.c.id).where(s.backend.c.name == bindparam("of"))
_KNOWN = select_connections().where(s.backend.c.name == bindparam("of"), among(s.connection.c.identity, "identities"))


@per_database
def _new(insert: Callable[[Table], Insert]) -> Executable:
    return insert(s.connection).on_conflict_do_nothing()


def backend(c: Conn, name: str, now_ms: int) -> Backend:
    """The backend called ``name``, made when there is none."""
    found = c.scalar(_BACKEND, {"of": name})
    if found is None:
        c.execute(insert(c, s.backend).values(name=name, created_ms=now_ms).on_conflict_do_nothing())
        found = c.execute(_BACKEND, {"of": name}).scalar_one()
    return Backend(found, name)


def backends(c: Conn) -> list[Backend]:
    """All backends that were ever used, by name."""
    return [Backend(row.id, row.name) for row in c.execute(select(s.backend).order_by(s.backend.c.name))]


def lookup(c: Conn, backend_name: str, identities: Iterable[str], now_ms: int) -> list[Connection]:
    """The connections of ``identities`` at a backend, made where there are none, in the order given."""
    wanted = list(identities)
    found = _by_identity(c, backend_name, wanted)
    missing = sorted(set(wanted) - found.keys())  # sorted, so that two processes never wait for each other in a ring
    if missing:
        of = backend(c, backend_name, now_ms)
        many(
            c,
            _new(c),
            [
                {"backend_id": of.id, "identity": identity, "created_ms": now_ms, "modified_ms": now_ms}
                for identity in missing
            ],
        )
        found |= _by_identity(c, backend_name, missing)
    return [found[identity] for identity in wanted]


def find(c: Conn, backend_name: str, identities: Iterable[str]) -> list[Connection]:
    """Those of ``identities`` that have a connection already, in the order given. Writes nothing."""
    wanted = list(identities)
    found = _by_identity(c, backend_name, wanted)
    return [found[identity] for identity in wanted if identity in found]


def _by_identity(c: Conn, backend_name: str, identities: Iterable[str]) -> dict[str, Connection]:
    found: dict[str, Connection] = {}
    for some in chunks(dict.fromkeys(identities)):
        for row in c.execute(_KNOWN, {"of": backend_name, "identities": some}):
            found[row.identity] = to_connection(row)
    return found


def connection(c: Conn, connection_id: int) -> Connection | None:
    """One connection."""
    row = c.execute(select_connections().where(s.connection.c.id == connection_id)).one_or_none()
    return to_connection(row) if row else None


def create_contact(
    c: Conn, now_ms: int, name: str = "", language: str = "", data: Mapping[str, Any] | None = None
) -> Contact:
    """A new contact."""
    values = {"name": name, "language": language, "data": dict(data or {}) or None}
    new = s.contact.insert().values(**values, created_ms=now_ms, modified_ms=now_ms).returning(s.contact)
    return to_contact(c.execute(new).one())


def update_contact(
    c: Conn,
    contact_id: int,
    now_ms: int,
    name: str | None = None,
    language: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Contact | None:
    """Change what is not None; None when there is no such contact."""
    given = {"name": name, "language": language, "data": None if data is None else dict(data)}
    changes = {column: value for column, value in given.items() if value is not None}
    changed = update(s.contact).where(s.contact.c.id == contact_id).values(**changes, modified_ms=now_ms)
    row = c.execute(changed.returning(s.contact)).one_or_none()
    return to_contact(row) if row else None


def contact(c: Conn, contact_id: int) -> Contact | None:
    """One contact."""
    row = c.execute(select(s.contact).where(s.contact.c.id == contact_id)).one_or_none()
    return to_contact(row) if row else None


def contacts(c: Conn, name: str | None = None, limit: int = 1000, after: int = 0) -> list[Contact]:
    """Contacts with ``id > after``, by id; of this name when given."""
    wanted = select(s.contact).where(s.contact.c.id > after).order_by(s.contact.c.id).limit(limit)
    if name is not None:
        wanted = wanted.where(s.contact.c.name == name)
    return [to_contact(row) for row in c.execute(wanted)]


def contact_connections(c: Conn, contact_id: int) -> list[Connection]:
    """The connections of one contact, in the order in which they were made."""
    rows = select_connections().where(s.connection.c.contact_id == contact_id).order_by(s.connection.c.id)
    return [to_connection(row) for row in c.execute(rows)]


def set_contact(c: Conn, connection_id: int, contact_id: int | None, now_ms: int) -> Connection | None:
    """Say whose a connection is; None when there is no such connection."""
    changed = update(s.connection).where(s.connection.c.id == connection_id)
    c.execute(changed.values(contact_id=contact_id, modified_ms=now_ms))
    return connection(c, connection_id)


def delete_contact(c: Conn, contact_id: int) -> bool:
    """Delete a contact; its connections and their history stay, without a contact."""
    return c.execute(delete(s.contact).where(s.contact.c.id == contact_id)).rowcount > 0
