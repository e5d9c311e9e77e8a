"""Backup, restore to another host, and the factory reset."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from cli_runs import Folder
from running import Service, eventually

CONFIG = '[gateway]\n[modem.mtn]\nport = "virtual"\ndriver = "at"\nquota = ["2/day"]\n'
NUMBER = "+254700000001"


def host(path, text=CONFIG):
    path.mkdir()
    folder = Folder(path)
    folder.write(text)
    return folder


@pytest.fixture
def old(tmp_path):
    return host(tmp_path / "old")


@pytest.fixture
def new(tmp_path):
    return host(tmp_path / "new")


def texts(folder, *options):
    return [row["text"] for row in folder.good("messages", "--json", *options).json]


def test_quotas_and_queue_move_to_another_host(old, new, tmp_path):
    service = Service(old.path, CONFIG.replace("[gateway]\n", f'[gateway]\nstate = "{old.path}/state"\n'))
    service.start()
    try:
        for text in ("one", "two"):
            old.good("send", "mtn", text, NUMBER, "--wait", "60")
        waiting = old.good("send", "mtn", "three", NUMBER).out.strip()
        copy = tmp_path / "copy.db"
        old.good("db", "backup", str(copy))
        assert copy.stat().st_mode & 0o777 == 0o660
    finally:
        service.close()
    ran = new.good("db", "restore", str(copy))
    assert ran.out.endswith(f"restored from {copy}\n")
    assert texts(new) == ["one", "two", "three"]
    assert (new.path / "state/gateway.db").stat().st_mode & 0o777 == 0o660
    again = Service(new.path, CONFIG.replace("[gateway]\n", f'[gateway]\nstate = "{new.path}/state"\n'))
    again.start()
    try:
        eventually(lambda: "2/day is used up until" in new.good("explain", waiting).out, 60)
        assert texts(new, "--status", "queued") == ["three"]
        assert new.run("db", "restore", str(copy), "--force").status == 1
    finally:
        again.close()


def test_a_database_is_replaced_only_by_force_and_kept(old, new, tmp_path):
    old.good("send", "mtn", "from the old one", NUMBER)
    new.good("send", "mtn", "from the new one", NUMBER)
    old.good("db", "backup", str(tmp_path / "copy.db"))
    ran = new.run("db", "restore", str(tmp_path / "copy.db"))
    assert (ran.status, ran.out) == (1, "")
    assert "--force" in ran.err
    assert texts(new) == ["from the new one"]
    ran = new.good("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert "is kept as" in ran.err
    assert texts(new) == ["from the old one"]
    with closing(sqlite3.connect(new.path / "state/gateway.db")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    new.good("db", "restore", str(new.path / "state/gateway.db.replaced-1"), "--force")
    assert texts(new) == ["from the new one"]
    assert (new.path / "state/gateway.db.replaced-2").exists()


def test_a_restored_queue_can_be_held(old, new, tmp_path):
    for text in ("one", "two"):
        old.good("send", "mtn", text, NUMBER)
    old.good("db", "backup", str(tmp_path / "copy.db"))
    assert new.good("db", "restore", str(tmp_path / "copy.db"), "--hold").out.endswith("; 2 queued messages are held\n")
    assert texts(new, "--status", "held") == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no file"),
        (b"not a database", "damaged"),
        ("CREATE TABLE t (x)", "is no copy"),
        ("9999", "9999"),
    ],
)
def test_what_is_no_copy_changes_nothing(new, tmp_path, content, sentence):
    new.good("send", "mtn", "still here", NUMBER)
    copy = tmp_path / "copy.db"
    if isinstance(content, bytes):
        copy.write_bytes(content)
    elif content:
        step = f"CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('{content}')"
        with closing(sqlite3.connect(copy)) as raw:
            raw.executescript(step if content.isdigit() else content)
    ran = new.run("db", "restore", str(copy), "--force")
    assert ran.status in (1, 78)
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert texts(new) == ["still here"]
    assert sorted(path.name for path in (new.path / "state").glob("gateway.db?*")) == []


def test_a_factory_reset_asks_and_leaves_nothing(new):
    new.write(CONFIG + 'pin = { file = "mtn.pin" }\n')
    new.write("1234", "mtn.pin")
    new.good("send", "mtn", "secret", NUMBER)
    new.good("db", "backup", str(new.path / "state/gateway.db.before-0000"))
    ran = new.run("factory-reset", stdin="n\n")
    assert ran.status == 1
    assert texts(new) == ["secret"]
    new.good("factory-reset", "--yes")
    left = {path.relative_to(new.path).as_posix() for path in new.path.rglob("*") if path.is_file()}
    assert left <= {"gateway.toml", "state/service.lock"}


def test_a_factory_reset_is_refused_while_the_service_runs(new):
    service = Service(new.path, CONFIG.replace("[gateway]\n", f'[gateway]\nstate = "{new.path}/state"\n'))
    service.start()
    try:
        ran = new.run("factory-reset", "--yes")
    finally:
        service.close()
    assert ran.status == 1
    assert "already runs" in ran.err
    assert (new.path / "gateway.toml").exists()
