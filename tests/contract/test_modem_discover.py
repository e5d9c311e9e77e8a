"""Finding the modems that are plugged in."""

from __future__ import annotations

import os
import pty
import tomllib
import tty

import pytest

from drivers.gsm.discover import discover
from drivers.virtual.control import Control
from drivers.virtual.handle import virtual_modem


@pytest.fixture
def mute_port(tmp_path):
    master, slave = pty.openpty()
    tty.setraw(slave)
    (tmp_path / "tty-3").symlink_to(os.ttyname(slave))
    yield
    os.close(master)
    os.close(slave)


def test_each_modem_is_shown_as_a_table_for_the_config(tmp_path, mute_port):
    locked = {"link": str(tmp_path / "tty-2"), "maker": "quectel", "pin": "1234", "control": str(tmp_path / "control")}
    with virtual_modem({"link": str(tmp_path / "tty-1")}, "one") as one, virtual_modem(locked, "two") as two:
        first, second = discover([f"{tmp_path}/tty-*"])
        assert two.control is not None
        with Control(two.control) as control:
            assert control.status()["pin"]["pin_tries"] == 3
    assert (first.port, first.imei, first.operator, first.model) == (str(one.path), one.imei, "Virtual", "E173")
    assert first.iccid
    assert first.signal == 65
    assert tomllib.loads(first.toml) == {"modem": {first.name: {"imei": one.imei}}}
    assert (second.imei, second.sim) == (two.imei, "the SIM wants its PIN")
    assert "the SIM wants its PIN" in second.toml
