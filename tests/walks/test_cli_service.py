"""The command line beside a running service: what is asked of devices, and what it says of them."""

from __future__ import annotations

import pytest
from cli_runs import CONFIG, DEVICE, Folder
from running import Service, eventually


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("service")
    text = CONFIG.replace("[gateway]\n", f'[gateway]\nstate = "{path}/state"\n')
    text = text.replace('quota = ["200/day"]\n', 'quota = ["3/day"]\nvirtual = { ussd = { "*100#" = "Credit: 5" } }\n')
    service = Service(path, text)
    (path / "gateway.toml").chmod(0o600)
    service.start()
    folder = Folder(path)
    try:
        eventually(lambda: states(folder) == {"mtn": "up", "acme": "up"}, 60)
        yield folder
    finally:
        service.close()


def states(folder):
    return {each["name"]: each["state"] for each in folder.good("status", "--json").json}


def test_status_of_what_runs(folder):
    found = folder.good("status", "--json").json
    assert [list(each)[: len(DEVICE)] for each in found] == [DEVICE] * 2
    assert {"oldest_queued_at", "waits_for"} <= set(found[0])
    modem, account = found
    assert (modem["state"], account["state"]) == ("up", "up")
    assert modem["imei"]
    assert 0 <= modem["signal"] <= 100
    assert "the service doesn't run" not in folder.good("status").err


def test_a_pause_holds_and_is_explained(folder):
    folder.good("pause", "mtn")
    assert states(folder)["mtn"] == "paused"
    message_id = folder.good("send", "mtn", "hello", "+254700000001").out.strip()
    assert "mtn: is paused; sms-gateway resume mtn" in folder.good("explain", message_id).out
    pool = folder.good("send", "pool", "hello", "+254700000001", "--dry-run", "--json").json
    assert [(each["device"], each["when"]) for each in pool] == [("acme", "now")]
    folder.good("resume", "mtn")
    eventually(lambda: "sent by mtn" in folder.good("explain", message_id).out, 60)


def test_waiting_until_it_is_sent(folder):
    (found,) = folder.good("send", "acme", "hello", "+254700000001", "--wait", "60", "--json").json
    assert found["status"] in ("sent", "delivered")
    assert found["device"] == "acme"
    (shown,) = folder.good("show", found["id"], "--json").json
    assert [(each["part"], each["outcome"]) for each in shown["parts"]] == [(1, "accepted")]
    assert [each["device"] for each in shown["attempts"]] == ["acme"]


def test_ussd(folder):
    assert folder.good("ussd", "mtn", "*100#").out == "Credit: 5\n"
    ran = folder.run("ussd", "acme", "*100#")
    assert (ran.status, ran.out) == (1, "")


def test_a_used_up_quota_is_explained(folder):
    folder.good("send", "mtn", "hello", "+254700000001", "--wait", "60")
    ran = folder.run("send", "mtn", "x" * 400, "+254700000001", "--wait", "0")
    message_id = ran.out.strip()
    eventually(lambda: "its quota of 3/day" in folder.good("explain", message_id).out, 60)
    assert "is used up until 20" in folder.good("explain", message_id).out
    folder.good("cancel", message_id)


def test_a_second_service_is_refused(folder):
    ran = folder.run("run")
    assert (ran.status, ran.out) == (1, "")
    assert "another service" in ran.err
