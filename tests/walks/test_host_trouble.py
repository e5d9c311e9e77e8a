"""Trouble of the host: a full disk, a locked database, a damaged one, one of a newer version."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier

import gateway
from gateway import StoreError

MB = 1 << 20
RESERVE = 8 * MB


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "sms-gateway-test", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def walk(tmp_path):
    parts = []

    def make(directory, keys=""):
        carrier = virtual_carrier(tmp_path, "--faults", "latency=0.05")
        parts.append(carrier)
        service = Service(directory, config(directory, None, carrier, carrier_keys=keys))
        service.carrier = carrier
        parts.append(service)
        gateway.configure(service.config)
        return service

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def queue(text, count):
    numbers = [f"+4477008{index:05}" for index in range(count)]
    return gateway.send(text, gateway.lookup_connections("carrier", numbers))


def statuses(message):
    return Counter(str(each.status) for each in message.refresh().transmissions)


def free(folder):
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


def fill(folder, left):
    """Leave so many octets."""
    with (folder / "filler").open("ab") as filler:
        while (most := free(folder) - left) > 0:
            filler.write(b"\0" * min(most, MB))
            filler.flush()


def test_a_disk_that_fills_refuses_new_messages_before_results_have_no_room_and_recovers(walk, small_disk):
    service = walk(small_disk, 'rate = "40/second"\nreceipts = false').start(90)
    message = queue("accepted in time", 200)
    eventually(lambda: len(service.carrier.witness()) > 10, what=service.log.read_text())
    fill(small_disk, RESERVE - MB)
    with pytest.raises(StoreError, match=r"nearly full, \d MB are free, and 8 MB are kept"):
        queue("too late", 1)
    refused = subprocess.run(
        [sys.executable, "-m", "gateway", "-c", str(service.config), "send", "carrier", "too late", PHONE],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "nearly full" in refused.stderr
    eventually(lambda: statuses(message) == {"sent": 200}, 60, what=service.log.read_text())
    fill(small_disk, 0)
    with service.carrier.control() as control:
        control.deliver(PHONE, "echo kept by the carrier meanwhile")
    eventually(lambda: "the disk that holds the database is full" in service.log.read_text(), 60)
    (small_disk / "filler").unlink()
    again = queue("room again", 5)
    eventually(lambda: statuses(again) == {"sent": 5}, 60, what=service.log.read_text())
    eventually(lambda: [row["status"] for row in service.rows("--in")] == ["handled"], 60)
    sent = Counter(entry["text"] for entry in service.carrier.witness())
    assert sent == {"accepted in time": 200, "room again": 5, "kept by the carrier meanwhile": 1}
    assert service.stop() == 0


def test_a_database_that_another_program_locks_for_30_seconds_loses_no_result(walk, tmp_path):
    service = walk(tmp_path, 'rate = "40/second"\nreceipts = false').start(90)
    eventually(lambda: "the device is up" in service.log.read_text())
    message = queue("before the lock", 100)
    eventually(lambda: len(service.carrier.witness()) > 10)
    other = sqlite3.connect(tmp_path / "state" / "gateway.db", isolation_level=None, timeout=30)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked for too long by another program"):
            queue("while it is locked", 1)
        # The service has tried to write for as long as it may, and says that it can't.
        eventually(lambda: "locked for too long" in service.log.read_text(), 60, lambda: service.log.read_text())
        assert statuses(message) != {"sent": 100}
        other.execute("ROLLBACK")
    eventually(
        lambda: statuses(message) == {"sent": 100}, 60, what=lambda: f"{statuses(message)}\n{service.log.read_text()}"
    )
    assert Counter(entry["to"] for entry in service.carrier.witness()).most_common(1)[0][1] == 1
    assert service.stop() == 0


def newer(path):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()


def damaged(path):
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2 : len(octets) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(octets)


def foreign(path):
    path.write_bytes(b"no database at all\n" * 500)


@pytest.mark.parametrize(
    ("harm", "said"),
    [(newer, "schema 9999; the newest that this version knows"), (damaged, "is damaged"), (foreign, "is damaged")],
    ids=["newer", "damaged", "foreign"],
)
def test_a_database_that_can_not_be_used_ends_with_78_and_stays_as_it_is(walk, tmp_path, empty_file, harm, said):
    service = walk(tmp_path)
    path = tmp_path / "state" / "gateway.db"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(empty_file.read_bytes())
    harm(path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "-c", str(service.config), "run"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "untouched" in done.stderr
    assert path.read_bytes() == before
