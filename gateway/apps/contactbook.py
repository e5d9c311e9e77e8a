"""The contact book: who is behind a connection, and in which language they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway import given, session
from gateway.errors import GatewayError
from gateway.session import now_ms
from gateway.store import connections as rows
from gateway.store.engine import Conn
from gateway.store.types import Connection, Contact

LONGEST_NAME, LONGEST_LANGUAGE = 200, 35
"""Characters; the longest language tag that BCP 47 §4.4.1 asks programs to take has 35."""


def add_contact(
    name: str,
    connections: Connection | Iterable[Connection] = (),
    *,
    language: str = "",
    data: Mapping[str, Any] | None = None,
) -> Contact:
    """Make a contact; ``connections`` become theirs, whosever they were.

    ``language``: a BCP 47 tag such as ``"sw"``; empty is unknown. ``data``: anything that is plain JSON. Raises
    TypeError, ValueError, StoreError.

    >>> from gateway import lookup_connections
    >>> ann = add_contact("Ann", lookup_connections("mockbackend", "+1"), language="sw")
    >>> lookup_connections("mockbackend", "+1")[0].contact == ann, str(ann)
    (True, 'Ann')
    """
    values = _checked(name=name, language=language, data=dict(data or {}))
    owned = given.connections(connections)

    def make(c: Conn) -> Contact:
        made = rows.create_contact(c, now_ms(), **values)
        for each in owned:
            rows.set_contact(c, each.id, made.id, now_ms())
        return made

    return session.current().store.write(make)


def edit_contact(
    contact: Contact, *, name: str | None = None, language: str | None = None, data: Mapping[str, Any] | None = None
) -> Contact:
    """Change what is given. Returns the contact as it is now. Raises GatewayError when it was deleted.

    >>> edit_contact(add_contact("Amina"), language="sw").language
    'sw'
    """
    values = _checked(name=name, language=language, data=data)
    changed = session.current().store.write(lambda c: rows.update_contact(c, contact.id, now_ms(), **values))
    if changed is None:
        raise GatewayError(f"there is no contact {contact.id}")
    return changed


def delete_contact(contact: Contact) -> bool:
    """Delete a contact. Their connections and messages stay, without a contact. False when it was gone already.

    >>> delete_contact(add_contact("Njeri"))
    True
    >>> find_contacts(name="Njeri")
    []
    """
    return session.current().store.write(lambda c: rows.delete_contact(c, contact.id))


def find_contacts(name: str | None = None, *, limit: int = 1000, after: int = 0) -> list[Contact]:
    """Give contacts by their id; of this ``name`` when given. ``after``: only those with a larger id.

    >>> _ = add_contact("Wanjiru")
    >>> [contact.name for contact in find_contacts(name="Wanjiru")]
    ['Wanjiru']
    """
    with session.current().store.read() as c:
        return rows.contacts(c, name, limit, after)


def contact_connections(contact: Contact) -> list[Connection]:
    """Give the connections of a contact, the oldest first: the first is where to reach them.

    >>> amina = add_contact("Amina", lookup_connections("mockbackend", "+1"))
    >>> [connection.identity for connection in contact_connections(amina)]
    ['+1']
    """
    with session.current().store.read() as c:
        return rows.contact_connections(c, contact.id)


def set_contact(connection: Connection, contact: Contact | None) -> Connection:
    """Say whose a connection is; None is nobody's. Returns it as it is now. Raises GatewayError when there is none.

    >>> (connection,) = lookup_connections("mockbackend", "+2")
    >>> set_contact(connection, add_contact("Otieno")).contact.name
    'Otieno'
    """
    of = None if contact is None else contact.id

    def change(c: Conn) -> Connection | None:
        if of is not None and rows.contact(c, of) is None:
            raise GatewayError(f"there is no contact {of}")
        return rows.set_contact(c, connection.id, of, now_ms())

    changed = session.current().store.write(change)
    if changed is None:
        raise GatewayError(f"there is no connection {connection.id}")
    return changed


def group_connections(connections: Iterable[Connection]) -> dict[str, list[Connection]]:
    """Give connections by the language of their contact; ``""`` has those whose language isn't known.

    >>> from gateway import Backend, Connection, Contact
    >>> ann = Connection(1, Backend(1, "mtn"), "+1", Contact(1, "Ann", "sw"))
    >>> {language: [str(each) for each in group] for language, group in group_connections([ann]).items()}
    {'sw': ['+1 via mtn']}
    """
    groups: dict[str, list[Connection]] = {}
    for each in connections:
        groups.setdefault(each.contact.language if each.contact else "", []).append(each)
    return groups


def _checked(
    name: str | None = None, language: str | None = None, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    for what, value, most in (("name", name, LONGEST_NAME), ("language", language, LONGEST_LANGUAGE)):
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"{what} must be a str, not {type(value).__name__}")
        if len(value) > most or given.storable_text(value) != value:
            raise ValueError(f"{what} must have at most {most} characters, all of them real ones, not {value[:40]!r}")
    if data is not None:
        given.json_fields(data, "data")
    found = {"name": name, "language": language, "data": data}
    return {key: value for key, value in found.items() if value is not None}
