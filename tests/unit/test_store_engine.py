import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from store_help import T0

from gateway.errors import SchemaError, StoreError
from gateway.store import connections, indices, schema, upgrades
from gateway.store.engine import Store


def count(store: Store, table=schema.backend) -> int:
    with store.read() as c:
        return c.execute(select(func.count()).select_from(table)).scalar_one()


def pragma(store: Store, name: str):
    with store.read() as c:
        return c.exec_driver_sql(f"PRAGMA {name}").scalar()


def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/gateway.db"


# --- writing ---------------------------------------------------------------------------------------------------------


def test_what_write_returns_is_there_for_all(store: Store, store_url: str) -> None:
    assert store.write(lambda c: connections.backend(c, "mtn", T0)).name == "mtn"
    other = Store.open(store_url)
    assert count(other) == 1
    other.close()


def test_an_op_that_raises_is_undone_alone(store: Store) -> None:
    def fine(name):
        return store.write(lambda c: connections.backend(c, name, T0).name)

    def bad(name):
        def op(c):
            connections.backend(c, name, T0)
            raise ValueError(name)

        with pytest.raises(ValueError, match=name):
            store.write(op)

    with ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(bad if n % 5 == 0 else fine, f"b{n}") for n in range(200)]
        for job in jobs:
            job.result()
    assert count(store) == 160


def test_a_broken_statement_is_its_own_fault(store: Store) -> None:
    def twice(c):
        for _ in range(2):
            c.execute(schema.backend.insert().values(name="same", created_ms=T0))

    with pytest.raises(Exception, match=r"(?i)unique"):
        store.write(twice)
    assert count(store) == 0


def test_many_writers_share_commits(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    commits = []
    gate = threading.Event()
    entered = threading.Event()

    def hold(c):
        entered.set()
        assert gate.wait(10)

    def watch(c):
        commits.append(id(c.connection.driver_connection) and c.get_transaction())

    first = threading.Thread(target=store.write, args=(hold,))
    first.start()
    assert entered.wait(10)
    followers = [threading.Thread(target=store.write, args=(watch,)) for _ in range(20)]
    for one in followers:
        one.start()
    while len(store._jobs) < 20:
        os.sched_yield()
    gate.set()
    for one in [first, *followers]:
        one.join(10)
    assert len(commits) == 20
    assert len(set(map(id, commits))) == 1
    store.close()


def test_write_inside_an_op_is_refused(store: Store) -> None:
    with pytest.raises(RuntimeError, match="inside an op"):
        store.write(lambda c: store.write(lambda c: None))


def test_reading_sees_one_state(store: Store) -> None:
    store.write(lambda c: connections.backend(c, "one", T0))
    with store.read() as c:
        before = connections.backends(c)
        store.write(lambda c: connections.backend(c, "two", T0))
        assert connections.backends(c) == before
    assert count(store) == 2


WRITER = """
import sys
from gateway.store.engine import Store
from gateway.store import connections
store = Store.open(sys.argv[1])
for n in range(int(sys.argv[3])):
    store.write(lambda c: connections.lookup(c, "shared", [f"{sys.argv[2]}-{n}", f"both-{n}"], n))
    print(n, flush=True)
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(count)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_write_at_once(store: Store, store_url: str) -> None:
    both = [writer(store_url, name, 100) for name in ("a", "b")]
    for one in both:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    assert count(store) == 1
    assert count(store, schema.connection) == 300


def test_what_was_acknowledged_survives_kill_9(store: Store, store_url: str) -> None:
    one = writer(store_url, "a", 100_000)
    assert one.stdout is not None
    for _ in range(50):
        last = int(one.stdout.readline())
    one.kill()
    rest, _ = one.communicate(timeout=10)
    last = max([last, *map(int, rest.split("\n")[:-1])])
    with store.read() as c:
        found = connections.find(c, "shared", [f"a-{n}" for n in range(last + 2)])
    assert len(found) in {last + 1, last + 2}
    assert store.check() == []


def test_a_forked_child_has_connections_of_its_own(store: Store) -> None:
    store.write(lambda c: connections.backend(c, "parent", T0))
    child = os.fork()
    if not child:
        try:
            store.write(lambda c: connections.backend(c, "child", T0))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store.write(lambda c: connections.backend(c, "parent again", T0))
    assert count(store) == 3


# --- trouble ---------------------------------------------------------------------------------------------------------


def test_locked_for_too_long_is_one_sentence(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    store = Store.open(url, upgrade=True, lock_timeout_s=0.2)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked for too long by another program"):
        store.write(lambda c: connections.backend(c, "mtn", T0))
    other.execute("ROLLBACK")
    assert store.write(lambda c: connections.backend(c, "mtn", T0)).id == 1
    other.close()
    store.close()


def test_a_full_disk_is_one_sentence_and_heals(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    pages = pragma(store, "page_count")
    with store.read() as c:  # every connection of the pool that exists gets the limit
        c.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")

    def much(c):
        for n in range(500):
            connections.backend(c, f"{n:0500}", T0)

    with pytest.raises(StoreError, match="the disk that holds the database is full"):
        store.write(much)
    assert store.write(lambda c: connections.backend(c, "small", T0)).name == "small"
    assert count(store) == 1
    store.close()


def test_room_is_kept_for_results(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    store.require_room()
    store.close()
    store = Store.open(sqlite_url(tmp_path), reserve=1 << 60)
    with pytest.raises(StoreError, match="nearly full"):
        store.require_room()
    store.close()


def test_a_lost_server_is_one_sentence_and_comes_back(postgres) -> None:
    store = Store.open(postgres.new_database())
    store.write(lambda c: connections.backend(c, "before", T0))
    postgres.stop(signal.SIGQUIT)
    try:
        with pytest.raises(StoreError, match="can't be reached"):
            store.write(lambda c: connections.backend(c, "lost", T0))
        with pytest.raises(StoreError, match="can't be reached"), store.read() as c:
            connections.backends(c)
    finally:
        postgres.start()
    store.write(lambda c: connections.backend(c, "after", T0))
    assert count(store) == 2
    store.close()


def test_a_restarted_server_costs_no_caller_anything(postgres) -> None:
    store = Store.open(postgres.new_database())
    store.write(lambda c: connections.backend(c, "before", T0))
    postgres.stop()
    postgres.start()
    store.write(lambda c: connections.backend(c, "after", T0))
    assert count(store) == 2
    store.close()


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_new_file_is_made_for_the_group_only_and_durable(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    assert store.path.stat().st_mode & 0o777 == 0o660
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2
    assert pragma(store, "foreign_keys") == 1
    assert pragma(store, "auto_vacuum") == 2
    store.close()
    fast = Store.open(sqlite_url(tmp_path), durability="fast")
    assert pragma(fast, "synchronous") == 1
    fast.close()


@pytest.mark.parametrize("upgrade", [False, True])
def test_nothing_is_made_unless_asked(tmp_path: Path, upgrade: bool) -> None:
    path = tmp_path / "none" / "gateway.db"
    with pytest.raises(StoreError, match=r"no database|can't be opened"):
        Store.open(f"sqlite:///{path}", upgrade=upgrade)
    assert not path.exists()


def test_the_migrations_make_the_schema(store: Store) -> None:
    with store.read() as c:
        assert compare_metadata(MigrationContext.configure(c), indices.metadata) == []


def _untouched(path: Path, pattern: str, upgrade: bool) -> None:
    before = path.read_bytes()
    with pytest.raises(SchemaError, match=pattern) as caught:
        Store.open(f"sqlite:///{path}", upgrade=upgrade)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_newer_schema_is_left_untouched(tmp_path: Path, upgrade: bool) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    store.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    _untouched(tmp_path / "gateway.db", "9999.*left untouched", upgrade)


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_damaged_file_is_left_untouched(tmp_path: Path, upgrade: bool) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"this is no database" * 500)
    _untouched(path, "damaged", upgrade)


def test_a_damaged_page_is_found_at_the_start(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    store.write(lambda c: [connections.lookup(c, "b", [f"{n:0100}" for n in range(1000)], T0)])
    store.housekeep(wal=0)
    store.close()
    path = tmp_path / "gateway.db"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(damaged)
    _untouched(path, "damaged", True)


def test_tables_of_another_program_are_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE phones (id)")
    other.close()
    _untouched(path, "another program", True)


def test_the_newest_migration_is_the_head() -> None:
    names = sorted(path.stem for path in (upgrades.MIGRATIONS / "versions").glob("*_[0-9]*.py"))
    assert max(name.rpartition("_")[2] for name in names) == upgrades.HEAD


def test_two_processes_open_an_empty_file_at_once(tmp_path: Path) -> None:
    program = "import sys; from gateway.store.engine import Store; Store.open(sys.argv[1], upgrade=True).close()"
    url = sqlite_url(tmp_path)
    both = [subprocess.Popen([sys.executable, "-c", program, url], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for one in both:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    store = Store.open(url)
    assert store.check() == []
    store.close()


def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path), upgrade=True)
    store.write(lambda c: connections.backend(c, "mtn", T0))
    store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o660
    copy = Store.open(f"sqlite:///{tmp_path}/copy.db")
    assert count(copy) == 1
    copy.close()
    with pytest.raises(StoreError, match="exists already"):
        store.backup(tmp_path / "copy.db")
    store.close()


def test_a_bad_url_is_one_sentence() -> None:
    with pytest.raises(StoreError, match="not the URL"):
        Store.open("no url at all")
