"""Things to test with. Each function takes a dict of what matters to the test and makes up the rest."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from typing import Any

from gateway import api
from gateway.message import IncomingMessage, OutgoingMessage
from gateway.session import now_ms
from gateway.store import connections
from gateway.store.types import Backend, Connection, Contact
from gateway.testing.doubles import BACKEND, configured

_random = random.Random()  # noqa: S311 - made-up names and numbers


def random_string(length: int = 12, extra_chars: str = "") -> str:
    """Give letters and digits.

    >>> len(random_string(8))
    8
    """
    return "".join(_random.choices(string.ascii_letters + string.digits + extra_chars, k=length))


def create_backend(data: Mapping[str, Any] | None = None) -> Backend:
    """Make the row of a backend: ``name``.

    >>> create_backend({"name": "mtn"}).name
    'mtn'
    """
    configured()
    return api.get_router().backend_row((data or {}).get("name") or random_string())


def create_contact(data: Mapping[str, Any] | None = None) -> Contact:
    """Make a contact: ``name``, ``language``, ``data``.

    >>> create_contact({"name": "Amina"}).name
    'Amina'
    """
    configured()
    given = {"name": random_string(), **(data or {})}
    return api.get_router().session.store.write(lambda c: connections.create_contact(c, now_ms(), **given))


def create_connection(data: Mapping[str, Any] | None = None) -> Connection:
    """Make a connection: ``identity``, ``backend`` (a row or a name; else the mock backend), ``contact``.

    >>> str(create_connection({"identity": "+1"}))
    '+1 via mockbackend'
    """
    configured()
    given = dict(data or {})
    identity = str(given.get("identity") or f"+1555{_random.randrange(10**7):07}")
    (made,) = api.lookup_connections(given.get("backend") or BACKEND, [identity])
    contact: Contact | None = given.get("contact")
    if contact is None:
        return made
    owned = api.get_router().session.store.write(lambda c: connections.set_contact(c, made.id, contact.id, now_ms()))
    return owned or made


def create_incoming_message(data: Mapping[str, Any] | None = None) -> IncomingMessage:
    """Make an incoming message, not yet received: ``text``, ``connection`` and what the class takes.

    >>> create_incoming_message({"text": "join"}).text
    'join'
    """
    given = _message(data)
    return api.get_router().new_incoming_message(**given)


def create_outgoing_message(data: Mapping[str, Any] | None = None, backend: Any = None) -> OutgoingMessage:
    """Make an outgoing message, not yet sent: ``text``, ``connection`` or ``connections``, what the class takes.

    >>> create_outgoing_message({"text": "hello"}).text
    'hello'
    """
    given = _message(data, backend)
    return api.get_router().new_outgoing_message(**given)


def _message(data: Mapping[str, Any] | None, backend: Any = None) -> dict[str, Any]:
    configured()
    given: dict[str, Any] = {"text": random_string(20), **(data or {})}
    backend = given.pop("backend", None) or backend
    connection = given.pop("connection", None)
    if "connections" not in given:
        given["connections"] = [connection or create_connection({"backend": backend} if backend else None)]
    return given
