"""The contact book as CSV: ``name,backend,identity[,language][,contact]``, one row for each connection.

Rows with the same ``contact`` are one person; so an export can be read by another gateway. A connection that has a
contact already keeps it, and the contact gets the name and language of the row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from gateway import given, session
from gateway.apps.contactbook import LONGEST_LANGUAGE, LONGEST_NAME
from gateway.config.values import nearest
from gateway.numbers import normalise
from gateway.session import now_ms
from gateway.store import connections as rows
from gateway.store.engine import Conn
from gateway.store.types import Connection, Contact

NEEDED = ("name", "backend", "identity")
COLUMNS = (*NEEDED, "language", "contact")
_MOST_IDENTITY = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, and the line that it begins on."""

    line: int
    name: str
    backend: str
    identity: str
    language: str | None = None
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a row, or is wrong with it: ``created``, ``updated``, ``unchanged`` or ``fault``."""

    line: int
    outcome: str
    what: str


def read(stream: TextIO, backends: Iterable[str], region: str | None) -> tuple[list[Row], list[Report]]:
    """Read a file (opened with ``newline=""``) whole: its rows, and a report for each that is wrong.

    ``backends``: those that are configured. ``region``: how numbers without a plus are read.
    """
    found: list[Row] = []
    faults: list[Report] = []
    known, seen = sorted(backends), dict[tuple[str, str], int]()
    try:
        for line, values in _tables(stream):
            row, why = _row(line, values, known, region)
            first = seen.setdefault((row.backend, row.identity), line)
            if first != line:
                why = why or f"{row.identity} via {row.backend} is on line {first} already"
            if why:
                faults.append(Report(line, "fault", why))
            else:
                found.append(row)
    except _HeadError as error:
        return [], [Report(1, "fault", str(error))]
    except csv.Error as error:
        faults.append(Report(0, "fault", f"is not CSV: {error}"))
    if not found and not faults:
        faults.append(Report(1, "fault", "has no rows"))
    return found, faults


class _HeadError(ValueError):
    """The first line doesn't name the columns."""


def _tables(stream: TextIO) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(stream, strict=True)
    head = [name.strip().lower() for name in next(reader, [])]
    for name in head:
        if name not in COLUMNS:
            hint = nearest(name, COLUMNS)
            raise _HeadError(f"unknown column {name!r}{hint}; the columns are {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in head]:
        raise _HeadError(f"the column {missing[0]!r} is missing; the first line names the columns")
    line = reader.line_num + 1
    for values in reader:
        if any(value.strip() for value in values):
            extra = {"": "x"} if len(values) > len(head) else {}
            yield line, {**dict(zip(head, values, strict=False)), **extra}
        line = reader.line_num + 1


def _row(line: int, values: dict[str, str], known: list[str], region: str | None) -> tuple[Row, str | None]:
    text = {key: value.strip() for key, value in values.items()}
    identity = normalise(text.get("identity", ""), region)
    row = Row(
        line, text.get("name", ""), text.get("backend", ""), identity, text.get("language"), text.get("contact", "")
    )
    if "" in values:
        return row, "has more fields than the first line; put texts with commas in quotes"
    if row.backend not in known:
        return row, f"there is no backend {row.backend!r}{nearest(row.backend, known)}"
    if not identity or len(identity) > _MOST_IDENTITY or not identity.isprintable():
        return row, f"an identity is 1 to {_MOST_IDENTITY} printable characters, not {identity[:40]!r}"
    for what, value, most in (("name", row.name, LONGEST_NAME), ("language", row.language or "", LONGEST_LANGUAGE)):
        if len(value) > most or given.storable_text(value) != value:
            return row, f"{what} must have at most {most} characters, all of them real ones"
    return row, None


def load(found: Iterable[Row]) -> list[Report]:
    """Write all rows in one commit, or none; a report for each. Raises StoreError."""

    def write(c: Conn) -> list[Report]:
        people: dict[str, Contact] = {}
        return [_load(c, row, people) for row in found]

    return session.current().store.write(write)


def _load(c: Conn, row: Row, people: dict[str, Contact]) -> Report:
    (connection,) = rows.lookup(c, row.backend, [row.identity], now_ms())
    of = connection.contact or people.get(row.contact)
    language = row.language if row.language is not None else (of.language if of else "")
    if of is None:
        of = rows.create_contact(c, now_ms(), row.name, language)
        outcome = "created"
    elif (of.name, of.language) != (row.name, language):
        of = rows.update_contact(c, of.id, now_ms(), name=row.name, language=language) or of
        outcome = "updated"
    else:
        outcome = "unchanged" if connection.contact else "updated"
    if connection.contact is None:
        rows.set_contact(c, connection.id, of.id, now_ms())
    if row.contact:
        people[row.contact] = of
    return Report(row.line, outcome, f"{of} ({connection.identity} via {connection.backend})")


def write(stream: TextIO) -> int:
    """Write the contact book; gives how many rows that was. Raises StoreError."""
    writer, count, after = csv.writer(stream, lineterminator="\n"), 0, 0
    writer.writerow(COLUMNS)
    with session.current().store.read() as c:
        while some := rows.contacts(c, None, 1000, after):
            after = some[-1].id
            for contact, connection in ((each, of) for each in some for of in rows.contact_connections(c, each.id)):
                writer.writerow(_values(contact, connection))
                count += 1
    return count


def _values(contact: Contact, connection: Connection) -> tuple[str, ...]:
    return contact.name, connection.backend.name, connection.identity, contact.language, str(contact.id)
