"""Bringing a database up to this version's schema, or leaving it untouched and saying why."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection as Conn

from gateway.errors import SchemaError, StoreError

MODE = 0o660
SMALL = 64 << 20
"""A file up to this size is checked page by page when the service starts; larger ones by ``db check``."""
LOCK = 0x736D73
"""Key of PostgreSQL's advisory lock around an upgrade."""


def probe_file(path: Path, upgrade: bool) -> None:
    """Look at a SQLite file without changing it; make it, empty, when there is none and ``upgrade`` is set.

    Raises SchemaError when it is damaged or not ours, StoreError when it can't be made or read.
    """
    try:
        if not path.exists():
            if not upgrade:
                raise StoreError(f"there is no database at {path}; `sms-gateway db upgrade` makes one")
            _create(path)
            return
        if path.stat().st_size == 0:
            return
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as raw:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if upgrade and path.stat().st_size <= SMALL:
                verdict = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
                if verdict != "ok":
                    raise SchemaError(f"the database {path} is damaged and was left untouched: {verdict}")
    except OSError as error:
        raise StoreError(f"the database {path} can't be opened ({error.strerror})") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise SchemaError(f"the database {path} is damaged and was left untouched: {error}") from error
        raise StoreError(f"the database {path} can't be opened ({error})") from error


def _create(path: Path) -> None:
    """An empty file of the right mode before SQLite opens it, so that no one else can read it even for a moment."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
        path.chmod(MODE)
    except FileExistsError:
        pass


def bring_up(engine: Engine, path: Path | None, upgrade: bool) -> None:
    """Check the schema's version and, with ``upgrade``, run the missing steps, one process at a time.

    Raises SchemaError when the schema is newer, not ours, or older without ``upgrade``; the database is untouched.
    """
    with engine.connect() as conn:
        if _is_current(conn, upgrade):
            return
    if path is not None:
        _settle_file(path)
    with engine.connect().execution_options(writing=True) as conn, conn.begin():
        if path is None:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if _is_current(conn, upgrade):
            return
        version = _version(conn)
        if path is not None and version is not None:
            copy(path, path.with_name(f"{path.name}.before-{version}"))
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def _is_current(conn: Conn, upgrade: bool) -> bool:
    script = ScriptDirectory.from_config(_config())
    version, head = _version(conn), script.get_current_head()
    if version == head:
        return True
    known = {revision.revision for revision in script.walk_revisions()}
    if version is not None and version not in known:
        raise SchemaError(
            f"the database has schema {version}; the newest that this version knows is {head}; it was left untouched"
        )
    if version is None and inspect(conn).get_table_names():
        raise SchemaError("the database has tables of another program and no schema version; it was left untouched")
    if not upgrade:
        found = f"has schema {version}, older than {head}" if version else "is empty"
        raise SchemaError(f"the database {found}; `sms-gateway db upgrade` brings it up")
    return False


def _version(conn: Conn) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    return MigrationContext.configure(conn).get_current_revision()


def _settle_file(path: Path) -> None:
    """What lasts in the file itself and can't be set inside a transaction."""
    with closing(sqlite3.connect(path, timeout=10)) as raw:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("PRAGMA journal_mode = WAL")


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite file, which may be in use. Raises StoreError when ``target`` exists or can't be made."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
