"""What ``doctor`` says of a computer that is made of files, and of carriers that answer or don't."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import config
from gateway.cli import devicechecks, hostchecks
from gateway.cli.bundling import masked
from gateway.cli.finding import FAIL, OK, WARN
from gateway.store.types import DeviceRow


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content + "\n")


def usb_device(sys: Path, place: str, vendor: str, *interfaces: str) -> None:
    """A device with interfaces given as ``class/subclass``."""
    device = sys / "bus/usb/devices" / place
    write(device, idVendor=vendor, product="Stick")
    for number, each in enumerate(interfaces):
        kind, _, sub = each.partition("/")
        write(device / f"{place}:1.{number}", bInterfaceClass=kind, bInterfaceSubClass=sub or "00")


def said(findings) -> list[tuple[str, str]]:
    found = list(findings)
    assert all(each.fix for each in found if each.level != OK)
    return [(each.level, each.check) for each in found]


@pytest.mark.parametrize(
    ("flags", "level"), [(0x0, OK), (0x50000, WARN), (0x50005, FAIL), (0x1, FAIL), (0x10000, WARN)]
)
def test_under_voltage(flags, level):
    assert said(hostchecks.power(flags)) == [(level, "power")]


def test_a_computer_that_does_not_tell_of_its_power():
    assert said(hostchecks.power(None)) == []


@pytest.mark.parametrize(
    ("vendor", "interfaces", "levels"),
    [
        ("12d1", ["08/06"], [FAIL]),
        ("12d1", ["ff/02", "ff/02", "08/06"], [OK]),
        ("12d1", ["02/06", "0a/00", "08/06"], [FAIL]),
        ("2c7c", ["ff/00", "ff/00", "ff/ff"], [OK]),
        ("1bc7", ["02/02", "0a/00", "02/0e"], [OK]),
        ("0781", ["08/06"], []),
    ],
)
def test_modems_that_are_no_modems_yet(tmp_path, vendor, interfaces, levels):
    usb_device(tmp_path, "1-1.2", vendor, *interfaces)
    assert said(hostchecks.usb(tmp_path)) == [(level, "mode-switch") for level in levels]


def test_hubs_that_can_switch_the_power(tmp_path):
    listing = (
        "Current status for hub 1-1.4 [0bda:5411 Hub, USB 2.10, 4 ports, ppps]\n  Port 1: 0103 power enable connect\n"
        "Current status for hub 2-1 [2109:0817 Hub, USB 2.00, 4 ports, ganged]\n"
    )
    usb_device(tmp_path, "1-1.4.2", "12d1", "ff/02")
    usb_device(tmp_path, "2-1.1", "12d1", "ff/02")
    assert said(hostchecks.hubs(listing, tmp_path)) == [(OK, "hub"), (WARN, "hub")]
    assert said(hostchecks.hubs(None, tmp_path)) == [(WARN, "hub")]
    assert said(hostchecks.hubs(listing, tmp_path / "none")) == []


def test_the_kernels_complaints_each_once():
    lines = [
        "[ 1.0] usb 1-1.2: new high-speed USB device number 5 using xhci_hcd",
        *["[ 9.1] usb 1-1.2: device descriptor read/64, error -71"] * 3,
        "[ 9.9] usb usb1-port2: over-current change #1",
        "[ 10.0] option1 ttyUSB3: GSM modem (1-port) converter now disconnected from ttyUSB3",
        "[ 11.0] mmcblk0: error -110 transferring data; I/O error, dev mmcblk0, sector 1",
    ]
    found = list(hostchecks.kernel(lines))
    assert [each.finding.split("saw ")[1] for each in found] == [
        "a device that does not answer, 3 times",
        "over-current on a USB port, 1 times",
        "modems that vanished, 1 times",
        "disk errors, 1 times",
    ]
    assert said(found) == [(WARN, "kernel")] * 4
    assert said(hostchecks.kernel([])) == [(OK, "kernel")]
    assert said(hostchecks.kernel(None)) == [(WARN, "kernel")]


def test_a_clock_from_before_this_program(tmp_path):
    assert said(hostchecks.clock(tmp_path, datetime(1970, 1, 1, tzinfo=UTC))) == [(FAIL, "clock")]
    assert [check for _, check in said(hostchecks.clock(tmp_path))] in ([], ["clock"])


def disk(sys: Path, folder: Path, **device: str) -> None:
    """``folder`` lies on the first partition of a disk."""
    number = folder.stat().st_dev
    write(sys / "block/mmcblk0/mmcblk0p1", partition="1")
    write(sys / "block/mmcblk0/device", **device)
    (sys / "dev/block").mkdir(parents=True)
    (sys / f"dev/block/{os.major(number)}:{os.minor(number)}").symlink_to(sys / "block/mmcblk0/mmcblk0p1")


@pytest.mark.parametrize(
    ("device", "level"),
    [
        ({"type": "SD"}, WARN),
        ({"type": "MMC", "life_time": "0x02 0x01"}, OK),
        ({"type": "MMC", "life_time": "0x01 0x09"}, FAIL),
    ],
)
def test_cards_and_their_wear(tmp_path, device, level):
    disk(tmp_path / "sys", tmp_path, **device)
    assert said(hostchecks.card(tmp_path, tmp_path / "sys")) == [(level, "card")]


def test_a_file_system_with_errors(tmp_path):
    disk(tmp_path / "sys", tmp_path, type="MMC")
    write(tmp_path / "sys/fs/ext4/mmcblk0p1", errors_count="2")
    assert said(hostchecks.card(tmp_path, tmp_path / "sys")) == [(FAIL, "card"), (OK, "card")]


def test_carriers_that_answer_and_that_do_not():
    with socket.create_server(("127.0.0.1", 0)) as open_port, socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        account = {"host": "127.0.0.1", "system_id": "x", "password": "y"}
        given = config.from_mapping(
            {
                "smpp": {
                    "good": {**account, "port": open_port.getsockname()[1]},
                    "bad": {**account, "port": shut.getsockname()[1]},
                    "off": {**account, "port": shut.getsockname()[1], "enabled": False},
                    "unreal": {"host": "virtual"},
                }
            }
        )
        found = list(devicechecks.carriers(given))
    assert said(found) == [(OK, "carriers"), (FAIL, "carriers")]
    assert found[1].finding.startswith("bad: 127.0.0.1 port ")


def test_secrets_that_stand_in_the_open(tmp_path):
    (tmp_path / "open").write_text("1234")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "kept").write_text("1234")
    (tmp_path / "kept").chmod(0o640)
    sources = {
        "a": "1234",
        "b": {"file": str(tmp_path / "open")},
        "c": {"file": str(tmp_path / "kept")},
        "d": {"credential": "d"},
    }
    given = config.from_mapping({"modem": {name: {"port": "virtual", "pin": pin} for name, pin in sources.items()}})
    found = list(devicechecks.secrets(given))
    assert said(found) == [(level, "secrets") for level in (WARN, FAIL, OK, OK)]
    assert not any("1234" in each.finding + each.fix for each in found)


def test_devices_as_the_service_sees_them():
    given = config.from_mapping({"modem": {name: {"port": "virtual"} for name in ("a", "b", "c", "d")}})
    states = {"a": ("up", ""), "b": ("blocked", "the SIM is locked and wants its PUK"), "c": ("paused", ""),
              "d": ("down", "no network"), "gone": ("down", "x")}  # fmt: skip
    rows = [
        DeviceRow(name, "modem", "at", "n", state, reason, False, health={"registration": "home", "technology": "LTE"})
        for name, (state, reason) in states.items()
    ]
    found = list(devicechecks.states(given, rows))
    assert [each.level for each in found] == [OK, FAIL, WARN, WARN]
    assert found[0].finding == "a is up (home, LTE)"
    assert "PUK" in found[1].fix


def test_what_a_bundle_masks():
    assert masked("from +254700000001, 356938035640000 at 2026-11-25T10:00:00.123Z took 7776000.0 s") == (
        "from +254…01, 3569…00 at 2026-11-25T10:00:00.123Z took 7776000.0 s"
    )
    assert masked("postgresql://sms:hunter2@db/sms") == "postgresql://sms:********@db/sms"
