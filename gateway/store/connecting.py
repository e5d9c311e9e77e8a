"""How a connection to each kind of database is made, and how its transactions begin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database, None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def engine(url: URL, durability: str, lock_timeout_s: float) -> Engine:
    """The engine of a database; ``durability`` is "full" or "fast". Nothing is connected yet."""
    lock_ms = int(lock_timeout_s * 1000)
    if url.get_backend_name() == "sqlite":
        made = create_engine(url, connect_args={"timeout": lock_timeout_s, "check_same_thread": False})
        event.listen(made, "connect", lambda raw, _record: _prepare(raw, durability))
        event.listen(made, "begin", lambda conn: _begin(conn, durability))
        return made
    commit = "off" if durability == "fast" else "on"
    # A gateway that was stopped, or lost its network, in a transaction must not keep its locks from the others.
    idle = f"-c idle_in_transaction_session_timeout={lock_ms // 2}"
    options = f"-c lock_timeout={lock_ms} -c synchronous_commit={commit} -c timezone=UTC {idle}"
    # Pinged, because the connections that a restart of the server has ended are noticed only by using them.
    arguments = {"options": options, "connect_timeout": 10}
    return create_engine(url, connect_args=arguments, pool_size=10, pool_pre_ping=True)


def _prepare(raw: sqlite3.Connection, durability: str) -> None:
    """Settings of one SQLite connection. Autocommit: the ``begin`` event says how each transaction begins."""
    raw.isolation_level = None
    with closing(raw.cursor()) as cursor:
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA synchronous = {'NORMAL' if durability == 'fast' else 'FULL'}")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA journal_size_limit = 16777216")


def _begin(conn: Connection, durability: str) -> None:
    """Begin with the driver's own means, which cost a tenth; ``synchronous`` can't be changed inside a transaction."""
    options, raw = conn.get_execution_options(), cast("sqlite3.Connection", conn.connection.driver_connection)
    try:
        if options.get("writing"):
            synchronous = "NORMAL" if durability == "fast" or options.get("lazy") else "FULL"
            if conn.info.get("synchronous") != synchronous:
                raw.execute(f"PRAGMA synchronous = {synchronous}")
                conn.info["synchronous"] = synchronous
        raw.execute("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")
    except sqlite3.Error as error:
        raise DBAPIError("BEGIN", None, error) from error
