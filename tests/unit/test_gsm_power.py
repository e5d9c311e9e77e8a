"""Restarting a modem from outside, on a USB that is files; and which ports are never asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.gsm import ports
from drivers.gsm.power import PowerError, cycle, hub_and_port, reauthorize


def test_the_usb_device_is_let_go_and_taken_again(tmp_path):
    (tmp_path / "1-1.2").mkdir()
    switch = tmp_path / "1-1.2" / "authorized"
    switch.write_text("1")
    reauthorize("1-1.2", tmp_path, off_s=0.0)
    assert switch.read_text() == "1"
    with pytest.raises(PowerError, match=r"1-9 can't be re-authorized: No such file"):
        reauthorize("1-9", tmp_path, off_s=0.0)


def program(tmp_path, code):
    path = tmp_path / "switch"
    path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\necho "no compatible devices" >&2\nexit {code}\n')
    path.chmod(0o755)
    return str(path)


def test_the_port_of_the_hub_is_switched(tmp_path):
    cycle("1-1.2", program(tmp_path, 0))
    assert (tmp_path / "asked").read_text() == "-l 1-1 -p 2 -a cycle\n"
    with pytest.raises(PowerError, match="can't switch port 1 of hub 3: no compatible devices"):
        cycle("3-1", program(tmp_path, 1))
    with pytest.raises(PowerError, match="is not installed"):
        cycle("3-1", "no-such-program-here")


def test_places():
    assert hub_and_port("1-1.4.3") == ("1-1.4", "3")
    assert hub_and_port("2-1") == ("2", "1")
    with pytest.raises(PowerError):
        hub_and_port("ttyUSB0")


def plugged(tmp_path, place, vendor, product, interfaces):
    """A USB device with serial ports, as /sys shows it, and the ports' device files."""
    device = tmp_path / "sys" / "devices" / "usb1" / place
    for number in interfaces:
        name = f"tty-{place}-{number}"
        interface = device / f"{place}:1.{number}"
        interface.mkdir(parents=True)
        (interface / "bInterfaceNumber").write_text(f"{number:02x}\n")
        tty = tmp_path / "sys" / "class" / "tty" / name
        tty.mkdir(parents=True)
        (tty / "device").symlink_to(interface)
        (tmp_path / name).touch()
    (device / "idVendor").write_text(f"{vendor}\n")
    (device / "idProduct").write_text(f"{product}\n")


def test_diagnostics_and_bare_adapters_are_never_asked(tmp_path):
    plugged(tmp_path, "1-1.2", "2c7c", "0125", range(4))
    plugged(tmp_path, "1-1.3", "0403", "6001", range(1))
    plugged(tmp_path, "1-1.4", "12d1", "1506", range(2))
    found = ports.candidates([f"{tmp_path}/tty-*"], tmp_path / "sys")
    assert [Path(path).name for path in found] == ["tty-1-1.2-2", "tty-1-1.2-3", "tty-1-1.4-0", "tty-1-1.4-1"]
    assert ports.usb_path(found[0], tmp_path / "sys") == "1-1.2"
