"""Housekeeping beside the work: nobody waits long, the files shrink, a copy of a busy database is whole."""

import shutil
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from store_help import T0, accepted, claim, epoch, send, settle

from gateway.store import queries, retention
from gateway.store.engine import Store
from gateway.store.types import Status

OLD = 6000
LONGEST_S = 1.5
"""The longest that a claim may wait while old messages are deleted, on a computer that is busy with other tests."""


@pytest.fixture
def one(tmp_path, empty_file):
    shutil.copy(empty_file, tmp_path / "gateway.db")
    store = Store.open(f"sqlite:///{tmp_path}/gateway.db")
    yield store
    store.close()


def fill(store: Store, count: int = OLD, now: int = T0) -> None:
    for start in range(0, count, 500):
        for message in range(start, start + 500, 100):
            numbers = [f"+2547{message:06}{n:02}" for n in range(100)]
            send(store, *numbers, text="long ago " * 10, now=now, status=Status.CANCELLED)


def test_claims_go_on_while_old_messages_are_deleted(one: Store) -> None:
    fill(one)
    mine, waits, done = epoch(one), [], threading.Event()

    def work() -> None:
        while not done.is_set():
            send(one, "+254700000001", now=T0 + 10)
            before = time.monotonic()
            (only,) = claim(one, mine, T0 + 10)
            waits.append(time.monotonic() - before)
            settle(one, mine, only, Status.SENT, accepted(only), now=T0 + 10)

    worker = threading.Thread(target=work)
    worker.start()
    batches = []
    try:
        while gone := one.write(lambda c: retention.forget(c, T0 + 1, 500)):
            batches.append(gone)
    finally:
        done.set()
        worker.join()
    assert sum(batches) == OLD // 100
    assert max(batches) == 5  # messages of 100 recipients each
    assert 3 * len(waits) >= len(batches) // 2  # three commits each, in turn with the batches
    assert max(waits) < LONGEST_S


def free(store: Store) -> int:
    """Pages that nothing uses."""
    with closing(sqlite3.connect(store.path)) as raw:
        return raw.execute("PRAGMA freelist_count").fetchone()[0]


def test_the_file_shrinks_and_the_log_is_emptied(one: Store) -> None:
    fill(one)
    while one.write(lambda c: retention.forget(c, T0 + 1, 500)):
        pass
    sizes = [free(one)]
    while sizes[-1]:
        one.housekeep(pages=100, wal=0)
        sizes.append(free(one))
        assert sizes[-1] <= max(0, sizes[-2] - 90)  # less what the statistics of `optimize` take
    assert len(sizes) > 2
    assert one.path.with_name("gateway.db-wal").stat().st_size == 0
    assert one.check() == []


def test_a_reader_that_takes_its_time_does_not_hold_up_the_writers(one: Store) -> None:
    with closing(sqlite3.connect(one.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM message").fetchall()
        send(one, "+1")
        before = time.monotonic()
        one.housekeep(wal=0)
        assert time.monotonic() - before < 3.0
        other.execute("ROLLBACK")
    one.housekeep(wal=0)
    assert one.path.with_name("gateway.db-wal").stat().st_size == 0


def test_a_copy_of_a_busy_database_is_whole(one: Store, tmp_path) -> None:
    stored, done = [], threading.Event()

    def work() -> None:
        for n in range(10_000):
            if done.is_set():
                return
            stored.append(send(one, "+1", "+2", id=f"w{n:05}"))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(3):
            promised = list(stored)
            one.backup(tmp_path / f"copy{number}.db")
            with closing(Store.open(f"sqlite:///{tmp_path}/copy{number}.db")) as copy, copy.read() as c:
                found = {row.message_id for row, _ in queries.messages(c, queries.MessageFilter(limit=10**6))}
                assert set(promised) <= found
                assert copy.check() == []
    finally:
        done.set()
        worker.join()
