"""What ``doctor`` says of ports, groups, programs, disk and database; and where it looks for the power and the hubs."""

import ctypes
import grp
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers.gsm import ports
from gateway import config
from gateway.cli import checkup, devicechecks, hostchecks
from gateway.cli.finding import FAIL, OK, WARN
from gateway.errors import StoreError

MEGABYTE = 1 << 20
Usage = namedtuple("Usage", "total used free")


class Database:
    """Stands for the store."""

    def __init__(self, *faults: str, broken: str = "") -> None:
        self.faults, self.broken = list(faults), broken

    def check(self) -> list[str]:
        if self.broken:
            raise StoreError(self.broken)
        return self.faults


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """The findings of one check; each that is not good comes with its fix."""
    monkeypatch.setattr(hostchecks, "all_checks", lambda _state: [])
    monkeypatch.setattr(devicechecks, "all_checks", lambda _config, _one: [])

    def look(check, *, modem=None, runs=False, store=None):
        given = {"gateway": {"state": str(tmp_path), "ports": [f"{tmp_path}/tty*"]}}
        loaded = config.from_mapping({**given, "modem": {"m": modem or {"port": "virtual"}}})
        one = SimpleNamespace(
            config=lambda: loaded, service_runs=runs, has_database=store is not None, store=store, database="gateway.db"
        )
        found = [each for each in checkup.findings(one) if each.check == check]
        assert all(each.fix for each in found if each.level != OK)
        return [(each.level, each.finding) for each in found]

    return look


@pytest.mark.parametrize(
    ("there", "holder", "runs", "level", "words"),
    [
        (True, None, False, OK, "is free"),
        (True, "minicom (process 7)", False, FAIL, "is held by minicom (process 7)"),
        (True, "python3 (process 8)", False, FAIL, "is held by python3 (process 8)"),
        (True, "python3 (process 8)", True, OK, "is held by python3 (process 8)"),
        (False, None, False, FAIL, "is not there"),
    ],
)
def test_a_port_and_who_holds_it(doctor, tmp_path, monkeypatch, there, holder, runs, level, words):
    port = tmp_path / "ttyUSB0"
    if there:
        port.touch()
    monkeypatch.setattr(ports, "holder_of", lambda _path: holder)
    assert doctor("ports", modem={"port": str(port)}, runs=runs) == [(level, f"{port} {words}")]


def test_a_port_that_this_user_may_not_open(doctor, tmp_path, monkeypatch):
    (tmp_path / "ttyUSB0").touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).endswith("ttyUSB0"))
    assert doctor("ports") == [(FAIL, f"{tmp_path}/ttyUSB0 may not be opened by this user")]


def test_a_modem_without_a_port(doctor):
    ((level, _),) = doctor("ports", modem={"imei": "490154203237518"})
    assert level == WARN
    assert doctor("ports") == [], "the virtual modem needs none"


@pytest.mark.parametrize(("groups", "level"), [([20], OK), ([100], WARN)])
def test_the_group_of_the_ports(doctor, monkeypatch, groups, level):
    monkeypatch.setattr(grp, "getgrnam", lambda _name: SimpleNamespace(gr_gid=20))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: groups)
    assert [found[0] for found in doctor("groups")] == [level]


@pytest.mark.parametrize(("rule", "level"), [(True, OK), (False, FAIL)])
def test_a_modem_manager_that_runs(doctor, tmp_path, monkeypatch, rule, level):
    program = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'ModemManager'); print(flush=True); sys.stdin.read()"
    monkeypatch.setattr(checkup, "RULES", (tmp_path / "77-sms-gateway.rules",))
    if rule:
        (tmp_path / "77-sms-gateway.rules").touch()
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        assert [found[0] for found in doctor("ModemManager")] == [level]
        running.stdin.close()


@pytest.mark.parametrize(("free", "level"), [(2000, OK), (400, WARN), (40, FAIL)])
def test_room_on_the_disk(doctor, monkeypatch, free, level):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(0, 0, free * MEGABYTE))
    assert [found[0] for found in doctor("disk")] == [level]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (Database(), (OK, "gateway.db is sound")),
        (Database("a page is damaged"), (FAIL, "a page is damaged")),
        (Database(broken="the database is locked"), (FAIL, "the database is locked")),
    ],
)
def test_the_database(doctor, store, said):
    assert doctor("database", store=store) == [said]


@pytest.mark.parametrize(("runs", "level"), [(True, OK), (False, WARN)])
def test_the_service(doctor, runs, level):
    assert [found[0] for found in doctor("service", runs=runs)] == [level]


# Where the host is asked


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Tools of the host that say what a test wants."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name: str, says: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
        (folder / name).chmod(0o755)

    return make


def checks(sys: Path, which: str) -> list[str]:
    return [each.level for each in hostchecks.all_checks(sys, sys=sys) if each.check == which]


def test_a_pi_tells_of_its_power_by_its_tool_or_in_a_file(tmp_path, tools):
    tools("vcgencmd", "throttled=0x50005")
    assert checks(tmp_path, "power") == [FAIL]
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("0\n")
    assert checks(tmp_path, "power") == [OK]


def test_the_hub_and_the_kernel_are_asked_by_their_tools(tmp_path, tools):
    device = tmp_path / "bus/usb/devices/1-1.4.2"
    device.mkdir(parents=True)
    (device / "idVendor").write_text("12d1\n")
    tools("uhubctl", "Current status for hub 1-1.4 [0bda:5411 Hub, USB 2.10, 4 ports, ppps]")
    tools("dmesg", "[ 9.9] usb usb1-port2: over-current change #1")
    assert checks(tmp_path, "hub") == [OK]
    assert checks(tmp_path, "kernel") == [WARN]


@pytest.mark.parametrize(
    ("state", "chip", "level", "words"),
    [(0, True, OK, "it is synchronised"), (5, False, WARN, "it is not synchronised; no clock chip")],
)
def test_whether_the_clock_follows_another(tmp_path, monkeypatch, state, chip, level, words):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace(adjtimex=lambda _buffer: state))
    if chip:
        (tmp_path / "class/rtc/rtc0").mkdir(parents=True)
    (found,) = hostchecks.clock(tmp_path)
    assert found.level == level
    assert found.finding.startswith(words)
