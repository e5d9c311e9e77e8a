"""Bringing a database up to this version's schema, or leaving it untouched and saying why."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection as Conn

from gateway.errors import SchemaError, StoreError

HEAD = "0006"
"""The newest schema: the last revision in ``migrations``. Alembic itself is imported only for an upgrade, since every
command opens the database."""
MIGRATIONS = Path(__file__).parent / "migrations"
MODE = 0o660
SMALL = 64 << 20
"""A file up to this size is checked page by page when the service starts; larger ones by ``db check``."""
TINY = 2 << 20
"""The same for a command, which must not read a card for seconds before it does its own work."""
LOCK = 0x736D73
"""Key of PostgreSQL's advisory lock around an upgrade."""


def probe_file(path: Path, upgrade: bool, examine: int = SMALL) -> None:
    """Look at a SQLite file without changing it; make it, empty, when there is none and ``upgrade`` is set.

    A file of up to ``examine`` octets is checked page by page.

    Raises SchemaError when it is damaged or not ours, StoreError when it can't be made or read.
    """
    try:
        if not path.exists():
            if not upgrade:
                raise StoreError(f"there is no database at {path}; `sms-gateway db upgrade` makes one")
            with contextlib.suppress(FileExistsError):  # another process was faster
                _new_file(path)
            return
        if path.stat().st_size == 0:
            return
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as raw:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if upgrade and path.stat().st_size <= examine:
                verdict = raw.execute("PRAGMA quick_check(1)").fetchone()[0].splitlines()[-1]
                if verdict != "ok":
                    raise SchemaError(f"the database {path} is damaged and was left untouched: {verdict}")
    except OSError as error:
        raise StoreError(f"the database {path} can't be opened ({error.strerror})") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise SchemaError(f"the database {path} is damaged and was left untouched: {error}") from error
        raise StoreError(f"the database {path} can't be opened ({error})") from error


def _new_file(path: Path) -> None:
    """An empty file of the right mode before SQLite opens it, so that no one else can read it even for a moment."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
    path.chmod(MODE)


def bring_up(engine: Engine, path: Path | None, upgrade: bool) -> None:
    """Check the schema's version and, with ``upgrade``, run the missing steps, one process at a time.

    Raises SchemaError when the schema is newer, not ours, or older without ``upgrade``; the database is untouched.
    """
    with engine.connect() as conn:
        if _is_current(conn, upgrade):
            return
    if path is not None:
        settle_file(path)
    with engine.connect().execution_options(writing=True) as conn, conn.begin():
        if path is None:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if _is_current(conn, upgrade):
            return
        version = _version(conn)
        if path is not None and version is not None:
            copy(path, path.with_name(f"{path.name}.before-{HEAD}"))
        _migrate(conn)


def _migrate(conn: Conn) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    command.upgrade(config, HEAD)


def _is_current(conn: Conn, upgrade: bool) -> bool:
    version = _version(conn)
    if version == HEAD:
        return True
    if version is not None and not knows(version):
        raise SchemaError(
            f"the database has schema {version}; the newest that this version knows is {HEAD}; it was left untouched"
        )
    if version is None and set(inspect(conn).get_table_names()) - {"alembic_version"}:
        raise SchemaError("the database has tables of another program and no schema version; it was left untouched")
    if not upgrade:
        found = f"has schema {version}, older than {HEAD}" if version else "is empty"
        raise SchemaError(f"the database {found}; `sms-gateway db upgrade` brings it up")
    return False


def knows(version: str) -> bool:
    """Whether this version of the program has had this schema."""
    return any((MIGRATIONS / "versions").glob(f"*_{version}.py"))


def _version(conn: Conn) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    version: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def settle_file(path: Path) -> None:
    """What lasts in the file itself and can't be set inside a transaction."""
    with closing(sqlite3.connect(path, timeout=10)) as raw:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("PRAGMA journal_mode = WAL")


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite file, which may be in use. Raises StoreError when ``target`` exists or can't be made."""
    try:
        _new_file(target)
        with closing(sqlite3.connect(source, timeout=10)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new, pages=4096)
            new.execute("PRAGMA journal_mode = DELETE")
        with target.open("rb") as written:
            os.fsync(written.fileno())
    except FileExistsError as error:
        raise StoreError(f"{target} exists already") from error
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror})") from error
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StoreError(f"the database can't be copied to {target} ({error})") from error
