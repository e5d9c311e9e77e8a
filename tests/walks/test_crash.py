"""The crash contract: nothing is lost, and what is in doubt says so."""

import contextlib
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway

COUNT = 200


@pytest.fixture
def walk(tmp_path):
    parts = []

    def make(*, modem=False, keys="", gateway_keys="", carrier=()):
        devices = {"carrier": virtual_carrier(tmp_path, *carrier)}
        parts.append(devices["carrier"])
        if modem:
            devices["modem"] = virtual_modem(tmp_path)
            parts.append(devices["modem"])
        text = config(tmp_path, devices.get("modem"), devices["carrier"], carrier_keys=keys, gateway=gateway_keys)
        service = Service(tmp_path, text)
        service.devices = devices
        parts.append(service)
        gateway.configure(service.config)
        return service

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def queue(count=COUNT, backend="carrier"):
    numbers = [f"+4477008{index:05}" for index in range(count)]
    return gateway.send("one of many", gateway.lookup_connections(backend, numbers))


def reached(service, device="carrier"):
    return Counter("+" + entry["to"].lstrip("+") for entry in service.devices[device].witness() if entry["status"] == 0)


def statuses(message):
    return Counter(str(each.status) for each in message.refresh().transmissions)


@pytest.mark.parametrize("on_unknown", ["resend", "hold"])
def test_kill_9_in_the_middle_loses_nothing_and_marks_every_one_in_doubt(walk, on_unknown):
    keys = f'on_unknown = "{on_unknown}"\nsettle = "1s"\nwindow = 10\nrate = "100/second"\nreceipts = false'
    service = walk(keys=keys, carrier=("--faults", "latency=0.05"))
    message = queue()
    service.start()
    eventually(lambda: sum(reached(service).values()) >= 60, what=service.log.read_text())
    service.kill()
    in_doubt = {each.connection.identity for each in message.refresh().transmissions if each.status == "sending"}
    at_kill = reached(service)
    assert in_doubt
    service.start()
    expected = {"resend": {"sent": COUNT}, "hold": {"sent": COUNT - len(in_doubt), "unknown": len(in_doubt)}}[
        on_unknown
    ]
    eventually(lambda: statuses(message) == expected, 60, what=f"{statuses(message)} {service.log.read_text()}")
    assert service.stop() == 0
    rows = {each.connection.identity: each for each in message.refresh().transmissions}
    got = reached(service)
    lost = [number for number, row in rows.items() if row.status == "sent" and not got[number]]
    twice = {number for number, count in got.items() if count > 1}
    unmarked = [number for number in twice if not rows[number].possible_duplicate]
    assert (lost, unmarked) == ([], [])
    assert twice <= in_doubt
    assert {number for number, row in rows.items() if row.possible_duplicate} <= in_doubt
    if on_unknown == "hold":
        assert not twice
        assert all("a person" in row.error for row in rows.values() if row.status == "unknown")
        assert {number for number in in_doubt if at_kill[number]} <= {
            n for n, row in rows.items() if row.status == "unknown"
        }


def test_sigterm_loses_nothing_and_leaves_no_sending(walk):
    service = walk(keys='window = 10\nrate = "100/second"\nreceipts = false', carrier=("--faults", "latency=0.05"))
    message = queue()
    service.start()
    eventually(lambda: sum(reached(service).values()) >= 40)
    assert service.stop() == 0
    counted = statuses(message)
    assert set(counted) == {"sent", "queued"}, (counted, service.log.read_text())
    assert counted["sent"] == sum(reached(service).values())
    service.start()
    eventually(lambda: statuses(message) == {"sent": COUNT}, 60)
    assert set(reached(service).values()) == {1}
    assert service.stop() == 0


def test_the_rate_holds_over_a_kill_and_a_restart(walk):
    service = walk(keys='rate = "20/minute"\nreceipts = false\nsettle = "500ms"')
    queue(60)
    service.start()
    eventually(lambda: sum(reached(service).values()) >= 20)
    service.kill()
    for starts in (2, 3):
        service.start()
        eventually(lambda starts=starts: service.log.read_text().count("the device is up") == starts)
        assert service.stop() == 0
    assert len(service.devices["carrier"].witness()) == 20


def test_a_second_service_on_one_state_directory_is_refused_in_one_sentence(walk):
    service = walk()
    service.start()
    second = subprocess.run(
        [sys.executable, "-m", "gateway", "-c", str(service.config), "run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "already runs" in second.stderr
    assert service.stop() == 0


def test_a_database_that_another_program_keeps_locked_costs_time_and_nothing_else(walk):
    service = walk(keys="receipts = false").start()
    eventually(lambda: "the device is up" in service.log.read_text())
    message = queue(20)
    other = sqlite3.connect(service.directory / "state" / "gateway.db", isolation_level=None, timeout=30)
    with contextlib.closing(other):
        other.execute("BEGIN EXCLUSIVE")
        with service.devices["carrier"].control() as control:
            control.deliver(PHONE, "echo through a locked door")
        eventually(lambda: "the database can't be used" in service.log.read_text(), 60)
        other.execute("ROLLBACK")
    eventually(lambda: statuses(message) == {"sent": 20}, 60)
    eventually(lambda: [row["status"] for row in service.rows("--in")] == ["handled"])
    eventually(lambda: reached(service)[PHONE] == 1)
    assert set(reached(service).values()) == {1}
    assert service.stop() == 0
