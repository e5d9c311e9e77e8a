"""What a database error means: whether to try again, and how to say it in one sentence."""

from __future__ import annotations

import enum
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class Trouble(enum.Enum):
    """What an error calls for."""

    OWN = "a mistake of the statement"
    AGAIN = "undone by the database; the same may work now"
    LOST = "the server can't be reached"
    LOCKED = "locked by another program for too long"
    FULL = "the disk is full"
    CORRUPT = "the file is damaged"
    BROKEN = "the disk or its rights are at fault"


_SQLITE = {
    sqlite3.SQLITE_BUSY: Trouble.LOCKED,
    sqlite3.SQLITE_LOCKED: Trouble.LOCKED,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CORRUPT: Trouble.CORRUPT,
    sqlite3.SQLITE_NOTADB: Trouble.CORRUPT,
    sqlite3.SQLITE_IOERR: Trouble.BROKEN,
    sqlite3.SQLITE_READONLY: Trouble.BROKEN,
    sqlite3.SQLITE_CANTOPEN: Trouble.BROKEN,
    sqlite3.SQLITE_PERM: Trouble.BROKEN,
    sqlite3.SQLITE_NOMEM: Trouble.BROKEN,
    sqlite3.SQLITE_PROTOCOL: Trouble.LOCKED,
}
"""By primary result code; the extended codes carry it in their low octet (sqlite.org/rescode.html)."""

_POSTGRES = {
    "40001": Trouble.AGAIN,
    "40P01": Trouble.AGAIN,
    "55P03": Trouble.LOCKED,
    "57014": Trouble.LOCKED,
    "53100": Trouble.FULL,
    "XX001": Trouble.CORRUPT,
    "XX002": Trouble.CORRUPT,
    "25006": Trouble.BROKEN,
}
"""By SQLSTATE (PostgreSQL, appendix A); classes 08, 53 and 57 are below."""

_SENTENCES = {
    Trouble.OWN: "the database refused a statement ({detail})",
    Trouble.AGAIN: "the database undid the change again and again ({detail})",
    Trouble.LOST: "the database server can't be reached ({detail})",
    Trouble.LOCKED: "the database was locked for too long by another program",
    Trouble.FULL: "the disk that holds the database is full",
    Trouble.CORRUPT: "the database is damaged ({detail})",
    Trouble.BROKEN: "the database can't be read or written ({detail})",
}


def trouble(error: SQLAlchemyError) -> Trouble:
    """What ``error`` calls for."""
    if not isinstance(error, DBAPIError):
        return Trouble.LOST if "QueuePool limit" in str(error) else Trouble.OWN
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, Trouble.OWN)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _POSTGRES:
        return _POSTGRES[state]
    if error.connection_invalidated or state[:2] in {"08", "53", "57"}:
        return Trouble.LOST
    lost = not state and type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout"}
    return Trouble.LOST if lost else Trouble.OWN


def sentence(error: SQLAlchemyError) -> str:
    """One sentence for a person."""
    detail = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    return _SENTENCES[trouble(error)].format(detail=detail[0] if detail else type(error).__name__)
