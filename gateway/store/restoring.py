"""Putting a copy of a SQLite database in the place of the database, and taking all of it away."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from gateway.errors import SchemaError, StoreError
from gateway.store import upgrades

SIDES = ("", "-wal", "-shm")
"""Ends of the names of the files that make up one database."""


def restore(copy: Path, target: Path) -> Path | None:
    """Make ``target`` a database with the content of ``copy``; where the old one is kept, None when there was none.

    Nobody may have ``target`` open. Raises SchemaError when ``copy`` is damaged or not ours, StoreError when it can't
    be read or written; ``target`` is then as it was. The schema of an older copy is stepped when it is opened next.
    """
    _prove(copy)
    new = target.with_name(f"{target.name}.new")
    try:
        new.unlink(missing_ok=True)
        upgrades.copy(copy, new)
        upgrades.settle_file(new)
        _as_its_folder(new)
        aside = set_aside(target)
        new.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror})") from error
    finally:
        new.unlink(missing_ok=True)
    return aside


def set_aside(target: Path) -> Path | None:
    """Rename the files of a database to ``NAME.replaced-N``; None when there is none. Raises OSError."""
    if not target.exists():
        return None
    aside = next(
        path for number in count(1) if not (path := target.with_name(f"{target.name}.replaced-{number}")).exists()
    )
    for side in SIDES:
        here = target.with_name(target.name + side)
        if here.exists():
            here.replace(aside.with_name(aside.name + side))
    return aside


def files(target: Path) -> list[Path]:
    """The files of a database and all copies that were kept beside it, sorted."""
    kept = (f"{target.name}.before-*", f"{target.name}.replaced-*", f"{target.name}.new*")
    sides = [path for side in SIDES if (path := target.with_name(target.name + side)).exists()]
    return sorted({*sides, *(path for pattern in kept for path in target.parent.glob(pattern))})


def _prove(copy: Path) -> None:
    if not copy.is_file():
        raise StoreError(f"there is no file {copy}")
    upgrades.probe_file(copy, upgrade=True)
    try:
        with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as raw:
            (version,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError):
        raise SchemaError(f"{copy} is no copy of a database of sms-gateway") from None
    if not upgrades.knows(version):
        raise SchemaError(f"{copy} has schema {version}; the newest that this version knows is {upgrades.HEAD}")


def _as_its_folder(path: Path) -> None:
    """Root restores for the service, which owns the folder."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
