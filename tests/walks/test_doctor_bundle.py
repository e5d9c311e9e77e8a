"""``doctor`` beside real parts: a modem that is asked, a bundle that tells nothing private."""

from __future__ import annotations

import json
import tarfile

import pytest
from cli_runs import Folder
from running import Service, virtual_modem

from gateway import config
from gateway.cli import devicechecks

CONFIG = """\
[gateway]
database = "sqlite:///gateway.db"
[modem.mtn]
port = "virtual"
pin = "87654321"
[smpp.acme]
host = "virtual"
password = "hunter2!"
[app.crm]
api_token = "t0ps3cret"
"""
NUMBER = "+254700000001"


def test_a_bundle_holds_all_but_what_is_private(tmp_path):
    folder = Folder(tmp_path)
    folder.write(CONFIG)
    folder.good("send", "mtn", "for your eyes only", NUMBER)
    folder.run("doctor", "--bundle", "help.tar.gz")
    assert (tmp_path / "help.tar.gz").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "help.tar.gz") as archive:
        files = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}
    assert {name.partition("/")[2] for name in files} == {
        "doctor.json", "versions.txt", "config.json", "devices.json", "status.json", "messages.json", "log.txt",
    }  # fmt: skip
    everything = "".join(files.values())
    for private in ("for your eyes", NUMBER, "87654321", "hunter2!", "t0ps3cret"):
        assert private not in everything
    (message,) = map(json.loads, files["help/messages.json"].splitlines())
    assert (message["text"], message["status"]) == ("<18 characters>", "queued")
    assert "python-gammu 3" in files["help/versions.txt"]
    again = folder.run("doctor", "--bundle", "help.tar.gz")
    assert again.status == 1
    assert "exists already" in again.err


def test_a_bundle_has_the_record_of_each_modem_while_the_service_runs(tmp_path):
    service = Service(tmp_path, '[gateway]\nstate = "state"\n[modem.mtn]\nport = "virtual"\ndriver = "at"\n')
    try:
        service.start(60)
        folder = Folder(tmp_path)
        folder.good("send", "mtn", "for your eyes only", NUMBER, "--wait", "60")
        folder.run("doctor", "--bundle", "help.tar.gz")
        with tarfile.open(tmp_path / "help.tar.gz") as archive:
            (name,) = [name for name in archive.getnames() if "/records/" in name]
            told = archive.extractfile(name).read().decode()
        assert name.startswith("help/records/mtn-")
        assert "> AT+CMGS=" in told
        assert NUMBER[1:] not in told
        assert "for your eyes" not in told
        assert service.stop() == 0
    finally:
        service.close()


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [([], [("warn", "network")]), (["--pin", "1234"], [("warn", "pin")])],
)
def test_a_free_modem_is_asked_how_it_is(tmp_path, arguments, levels):
    # The virtual modem says AT+CGSMS: 0, the setting that is worth a warning.
    modem = virtual_modem(tmp_path, *arguments)
    try:
        given = config.from_mapping({"modem": {"m": {"port": modem.ready["port"]}}})
        assert [(each.level, each.check) for each in devicechecks.ways(given)] == levels
    finally:
        modem.close()
