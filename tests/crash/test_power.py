"""A power cut: the database files as they are at any instant, with a torn tail, open to a state that was promised."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from gateway.store import queries
from gateway.store.engine import Store

SNAPSHOTS = 12
WRITER = """
import itertools, os, sys, threading, time
from gateway.store import connections, outbox
from gateway.store.engine import Store
from gateway.store.types import NewMessage, NewTransmission

store, numbers = Store.open(sys.argv[1]), itertools.count()

def send(thread):
    for n in itertools.count():
        def work(c, n=n):
            found = connections.lookup(c, "mtn", [f"+2547000{thread}{i:04}" for i in range(5)], 1)
            rows = tuple(NewTransmission(one.id, "mtn", one.identity, "mtn", 1, "gsm7") for one in found)
            outbox.enqueue(c, NewMessage(f"{thread}-{n:06}", "hello " * 20, rows), 1_800_000_000_000 + n, 30_000)
        store.write(work)
        os.write(1, f"{thread}-{n:06}\\n".encode())

for thread in range(3):
    threading.Thread(target=send, args=(thread,), daemon=True).start()
while True:
    time.sleep(0.4)
    store.housekeep(wal=0)
"""


class Writer:
    """A process that stores messages and says of each that it is stored."""

    def __init__(self, path):
        self.path, self._said = path, bytearray()
        self.process = subprocess.Popen([sys.executable, "-c", WRITER, f"sqlite:///{path}"], stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)

    def said(self):
        """The ids of which it has said so."""
        try:
            while data := os.read(self.process.stdout.fileno(), 65536):
                self._said += data
        except BlockingIOError:
            pass
        return self._said.decode().split("\n")[:-1]

    def cut(self, folder, chance):
        """Copy the files as they stand, with as much of the unsynced tail as ``chance`` leaves; what was promised."""
        before, wal = self.said(), self.path.with_name("gateway.db-wal")
        head, synced = _head(wal), wal.stat().st_size
        threading.Event().wait(chance.uniform(0, 0.01))
        self.process.send_signal(signal.SIGSTOP)
        folder.mkdir()
        for end in ("", "-wal", *(("-shm",) if chance.random() < 0.5 else ())):
            shutil.copy(self.path.with_name(f"gateway.db{end}"), folder)
        self.process.send_signal(signal.SIGCONT)
        copied = folder / "gateway.db-wal"
        if _head(copied) == head and copied.stat().st_size > synced:
            # The same log: what came after the last promise may be torn anywhere, or be rubbish.
            _tear(copied, chance.randint(synced, copied.stat().st_size), chance)
        return before

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def _head(wal):
    """The salts of a log: they change when it begins anew (sqlite.org/fileformat2.html §4.1)."""
    with wal.open("rb") as file:
        return file.read(32)


def _tear(wal, at, chance):
    rest = wal.stat().st_size - at
    with wal.open("r+b") as file:
        file.truncate(at)
        if chance.random() < 0.5:
            file.seek(at)
            file.write(chance.randbytes(rest))


def _stored(folder):
    """The ids in a copy, by thread, after it was opened and found sound."""
    store = Store.open(f"sqlite:///{folder}/gateway.db", upgrade=True)
    try:
        assert store.check() == []
        with store.read() as c:
            ids = sorted(message.id for _, message in queries.messages(c, queries.MessageFilter(limit=10**9)))
        return {thread: sorted({each for each in ids if each.startswith(f"{thread}-")}) for thread in range(3)}
    finally:
        store.close()


@pytest.fixture
def writer(tmp_path, empty_file):
    (tmp_path / "state").mkdir()
    shutil.copy(empty_file, tmp_path / "state" / "gateway.db")
    made = Writer(tmp_path / "state" / "gateway.db")
    until = time.monotonic() + 60
    while not made.said():
        assert time.monotonic() < until and made.process.poll() is None
        threading.Event().wait(0.05)
    yield made
    made.close()


def test_whatever_was_promised_before_the_cut_is_there(writer, tmp_path):
    chance = random.Random(20261126)
    for number in range(SNAPSHOTS):
        promised = writer.cut(tmp_path / f"cut{number}", chance)
        stored = _stored(tmp_path / f"cut{number}")
        assert set(promised) <= {each for ids in stored.values() for each in ids}, f"cut {number}"
        for thread, ids in stored.items():
            assert ids == [f"{thread}-{n:06}" for n in range(len(ids))], f"cut {number}: a gap"
        shutil.rmtree(tmp_path / f"cut{number}")
    assert len(writer.said()) > SNAPSHOTS


def test_a_log_that_is_cut_anywhere_opens_to_an_earlier_state(writer, tmp_path):
    chance = random.Random(7)
    folder = tmp_path / "whole"
    writer.cut(folder, chance)
    size = (folder / "gateway.db-wal").stat().st_size
    for number in range(15):
        torn = tmp_path / f"torn{number}"
        torn.mkdir()
        for end in ("", "-wal"):
            shutil.copy(folder / f"gateway.db{end}", torn)
        _tear(torn / "gateway.db-wal", chance.randint(0, size), chance)
        for thread, ids in _stored(torn).items():
            assert ids == [f"{thread}-{n:06}" for n in range(len(ids))], f"cut {number}: a gap"
