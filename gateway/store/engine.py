"""The database: opening it, reading it, and writing to it with one commit for many callers."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.engine import Connection as Conn
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from gateway.errors import StoreError
from gateway.store import connecting, housekeeping, upgrades
from gateway.store.crashing import Point, point
from gateway.store.faults import Trouble, sentence, trouble

if TYPE_CHECKING:
    from gateway.store.notices import Notices

__all__ = ["Conn", "Store"]

T = TypeVar("T")

BATCH = 256
"""Most callers whose work goes into one commit, so that none waits for long."""
RERUNS = 5
"""How often work that the database undid before its commit (deadlock, lost connection) is run again."""
RESERVE = 8 << 20
"""Octets of disk that are kept for results: new messages are refused before (``require_room``)."""


@dataclass(slots=True)
class _Job(Generic[T]):
    """What one caller of ``write`` wants, and what came of it."""

    op: Callable[[Conn], T]
    durable: bool = True
    done: bool = False
    error: BaseException | None = None
    value: T | None = None

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class Store:
    """One database, SQLite or PostgreSQL, used from any thread of any process."""

    def __init__(self, engine: Engine, reserve: int = RESERVE) -> None:
        self._engine = self._reading = engine
        if engine.dialect.name == "postgresql":
            self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._reserve = reserve
        self._begin_afresh()
        ref = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forked(ref()))

    def _begin_afresh(self) -> None:
        self._jobs: deque[_Job[Any]] = deque()
        self._leading = threading.Lock()
        self._leader: int | None = None

    @classmethod
    def open(
        cls,
        url: str,
        durability: str = "full",
        upgrade: bool = False,
        lock_timeout_s: float = 10.0,
        reserve: int = RESERVE,
        examine: int = upgrades.SMALL,
    ) -> Store:
        """Open ``url`` (a SQLAlchemy URL). A SQLite file of up to ``examine`` octets is checked page by page.

        ``upgrade`` brings an empty or older schema up to this version. Raises SchemaError when the schema is newer,
        older without ``upgrade``, or the file is corrupt; StoreError when the database can't be reached.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise StoreError(f"{url!r} is not the URL of a database") from error
        path = connecting.file_of(parsed)
        engine = connecting.engine(parsed, durability, lock_timeout_s)
        try:
            if path is not None:
                upgrades.probe_file(path, upgrade, examine)
            upgrades.bring_up(engine, path, upgrade)
        except DBAPIError as error:
            engine.dispose()
            raise StoreError(sentence(error)) from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, reserve)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database, None for a server."""
        return connecting.file_of(self._engine.url)

    @contextmanager
    def read(self) -> Iterator[Conn]:
        """A connection that sees one consistent state. Raises StoreError."""
        try:
            with self._reading.connect() as conn:
                yield conn
        except SQLAlchemyError as error:
            raise StoreError(sentence(error)) from error

    def write(self, op: Callable[[Conn], T], *, durable: bool = True) -> T:
        """Run ``op`` and commit, together with what other threads hand in meanwhile; returns what ``op`` returned.

        When this returns the change is durable. With ``durable=False`` it survives this process at once, and a power
        cut only with the next change that is durable (SQLite; on a server every change is). An ``op`` that raises is
        undone alone and its exception comes out here. ``op`` may be run again after a lost race, so it must do nothing
        but use the connection. Raises StoreError when the database is full, lost, or locked for longer than
        ``lock_timeout_s``.
        """
        if self._leader == threading.get_ident():
            raise RuntimeError("write() was called inside an op; pass the connection on instead")
        job = _Job(op, durable)
        self._jobs.append(job)
        with self._leading:
            self._leader = threading.get_ident()
            try:
                while not job.done:
                    self._commit([self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))])
            finally:
                self._leader = None
        return job.outcome()

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        """Run these jobs in one transaction; afterwards each is done."""
        failure: BaseException | None = None
        try:
            self._transaction(jobs)
        except SQLAlchemyError as error:
            if trouble(error) is Trouble.FULL and len(jobs) > 1:
                return self._one_by_one(jobs)
            failure = StoreError(sentence(error))
            failure.__cause__ = error
        except StoreError as error:
            failure = error
        except BaseException:
            failure = StoreError("the write was broken off; whether it was committed is not known")
            raise
        finally:
            for job in jobs:
                job.error = job.error or failure
                job.done = True
        return None

    def _one_by_one(self, jobs: list[_Job[Any]]) -> None:
        """A full disk may still have room for the small ones."""
        for job in jobs:
            job.error = None
            self._commit([job])

    def _transaction(self, jobs: list[_Job[Any]]) -> None:
        for last in (*[False] * RERUNS, True):
            try:
                options = {"writing": True, "lazy": not any(job.durable for job in jobs)}
                with self._engine.connect().execution_options(**options) as conn:
                    transaction = conn.begin()
                    for job in jobs:
                        _run(job, conn, alone=len(jobs) == 1)
                    if any(job.error is None for job in jobs):
                        point(Point.COMMIT_BEFORE)
                        try:
                            transaction.commit()
                        except SQLAlchemyError as error:
                            # Never run again: a connection that is lost here may have committed.
                            raise StoreError(_uncommitted(error)) from error
            except SQLAlchemyError as error:
                if last or trouble(error) not in {Trouble.AGAIN, Trouble.LOST}:
                    raise
            else:
                point(Point.COMMIT_AFTER)
                return

    def announce(self) -> None:
        """Tell the gateways of other hosts that there is new work (PostgreSQL). Raises StoreError."""
        if self.path is None:
            self.write(lambda c: c.exec_driver_sql("NOTIFY sms_gateway"))

    def notices(self, woken: Callable[[], object]) -> Notices | None:
        """A thread, to be started, that calls ``woken`` at each ``announce``; None where there is one host (SQLite)."""
        if self.path is not None:
            return None
        from gateway.store.notices import Notices  # and psycopg, which SQLite needs not

        return Notices(self._engine.url, woken)

    def require_room(self) -> None:
        """Raise StoreError when the disk has less left than is kept for recording results (SQLite)."""
        if self.path is None:
            return
        try:
            stat = os.statvfs(self.path.parent)
        except OSError as error:
            raise StoreError(f"the directory of the database can't be read ({error.strerror})") from error
        free = stat.f_bavail * stat.f_frsize
        if free < self._reserve:
            raise StoreError(
                f"no new message is taken: the disk that holds the database is nearly full, {free >> 20} MB are free, "
                f"and {self._reserve >> 20} MB are kept for the results of what is under way"
            )

    def backup(self, target: Path) -> None:
        """Write a consistent copy of a SQLite database to ``target`` (a new file, 0660) while it is in use.

        Raises StoreError when ``target`` exists or can't be written, or the database is a server.
        """
        if self.path is None:
            raise StoreError("a database server is backed up with its own tool, pg_dump")
        upgrades.copy(self.path, target)

    def check(self) -> list[str]:
        """What is wrong with the database, one sentence each; empty when it is sound."""
        if self.path is None:
            with self.read() as conn:
                conn.exec_driver_sql("SELECT 1")
            return []
        with self.read() as conn:
            try:
                pages = [row[0] for row in conn.exec_driver_sql("PRAGMA integrity_check(20)")]
                orphans = conn.exec_driver_sql("PRAGMA foreign_key_check").all()
            except DBAPIError as error:
                return [sentence(error)]
        return [page for page in pages if page != "ok"] + [
            f"row {row[1]} of {row[0]} points at a row of {row[2]} that is missing" for row in orphans
        ]

    def housekeep(self, pages: int = 200, wal: int = housekeeping.WAL_KEPT) -> None:
        """Give up to ``pages`` free pages back to the file system and empty a WAL of more than ``wal`` octets (SQLite).

        Raises StoreError.
        """
        if self.path is None:
            return
        with self._leading, self.read() as conn:
            raw = cast("sqlite3.Connection", conn.connection.driver_connection)
            conn.rollback()
            housekeeping.tidy(raw, self.path, pages, wal)

    def close(self) -> None:
        """Close all connections. The store can't be used any more."""
        self._engine.dispose()


def _run(job: _Job[Any], conn: Conn, alone: bool) -> None:
    """Run one job; what it raises is its own, unless the database can't go on."""
    job.error, savepoint = None, None if alone else conn.begin_nested()
    try:
        job.value = job.op(conn)
        if savepoint:
            savepoint.commit()
    except Exception as error:
        if isinstance(error, SQLAlchemyError) and trouble(error) is not Trouble.OWN:
            raise
        if savepoint:
            savepoint.rollback()
        job.error = error


def _uncommitted(error: SQLAlchemyError) -> str:
    if trouble(error) is Trouble.LOST:
        return "the database server was lost during a commit; whether it took the change is not known"
    return sentence(error)


def _forked(store: Store | None) -> None:
    """A child must not touch the connections that it shares with its parent, nor wait for its threads."""
    if store is not None:
        store._engine.dispose(close=False)  # noqa: SLF001 - a function of this class in all but name
        store._begin_afresh()  # noqa: SLF001
