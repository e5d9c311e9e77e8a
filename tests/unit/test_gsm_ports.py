"""Names of ports that stay when the ports change theirs."""

from pathlib import Path

import pytest

from drivers.gsm import discover, ports


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A folder like /dev with two sticks of one make; udev has named both by socket, and one of them by make."""
    for name in ("ttyUSB0", "ttyUSB1", "ttyS0"):
        (tmp_path / name).touch()
    for directory, link, port in (
        ("by-id", "usb-HUAWEI_Mobile-if00-port0", "ttyUSB1"),
        ("by-path", "platform-usb-0:1.1:1.0-port0", "ttyUSB0"),
        ("by-path", "platform-usb-0:1.2:1.0-port0", "ttyUSB1"),
    ):
        (tmp_path / "serial" / directory).mkdir(parents=True, exist_ok=True)
        (tmp_path / "serial" / directory / link).symlink_to(tmp_path / port)
    return tmp_path


def test_a_name_that_stays_is_that_of_the_socket(dev):
    serial = dev / "serial"
    names = [Path(ports.stable_name(str(dev / port), serial)) for port in ("ttyUSB0", "ttyUSB1", "ttyS0")]
    assert [name.relative_to(dev).as_posix() for name in names] == [
        "serial/by-path/platform-usb-0:1.1:1.0-port0",
        "serial/by-path/platform-usb-0:1.2:1.0-port0",
        "ttyS0",
    ]
    (serial / "by-path/platform-usb-0:1.2:1.0-port0").unlink()
    assert ports.stable_name(str(dev / "ttyUSB1"), serial).endswith("by-id/usb-HUAWEI_Mobile-if00-port0")


def test_a_modem_without_an_imei_is_offered_by_that_name(dev, monkeypatch):
    monkeypatch.setattr(ports.stable_name, "__defaults__", (dev / "serial",))
    found = discover.Found(str(dev / "ttyUSB0"), maker="huawei")
    assert f'port   = "{dev}/serial/by-path/platform-usb-0:1.1:1.0-port0"' in found.toml
