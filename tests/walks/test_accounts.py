"""Accounts at carriers, run by a person: rebind, test-alphabet, status; and two accounts that share the load."""

import json

import pytest
from running import CARRIER_NUMBER, PHONE, Device, Service, eventually

ACCOUNTS = ("one", "two")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    accounts = [word for name in ACCOUNTS for word in ("--account", f"{name}:demo:{CARRIER_NUMBER}")]
    carrier = Device("carrier", directory, *accounts, "--receipt-delay", "0.1")
    text = f'[gateway]\nstate = "{directory}/state"\n'
    for name in ACCOUNTS:
        text += (
            f'[smpp.{name}]\nhost = "{carrier.ready["host"]}"\nport = {carrier.ready["port"]}\n'
            f'system_id = "{name}"\npassword = "demo"\nsource = "{CARRIER_NUMBER}"\nwindow = 5\n'
        )
    text += '[backend.acme]\ndevices = ["one", "two"]\nstrategy = "balance"\nreturn_after = "0s"\n'
    text += '[modem.try]\nport = "virtual"\nenabled = false\n'
    service = Service(directory, text)
    service.carrier = carrier
    try:
        service.start()
        eventually(lambda: [row["state"] for row in status(service)[:3] if row["kind"] == "smpp"] == ["up", "up"])
        yield service
        assert service.stop() == 0, service.log.read_text()
        assert "Traceback" not in service.log.read_text()
    finally:
        for each in (service, carrier):
            each.close()


def status(walk):
    return [json.loads(line) for line in walk.cli("status", "--json").splitlines()]


def account(walk, name):
    (found,) = [row for row in status(walk) if row["name"] == name]
    return found


def test_accounts_of_one_carrier_share_the_load(walk):
    for number in range(6):
        walk.cli("send", "acme", f"share {number}", PHONE)
    eventually(lambda: len([row for row in walk.rows("--out") if row["status"] == "delivered"]) >= 6)
    used = {row["device"] for row in walk.rows("--out")}
    assert used == {"one", "two"}


def test_rebind_ends_the_binds_in_order_and_makes_new_ones(walk):
    walk.cli("rebind", "one")
    eventually(lambda: walk.log.read_text().count("device=one") and account(walk, "one")["bound"] == 1)
    assert account(walk, "one")["state"] == "up"
    walk.cli("send", "one", "after the rebind", PHONE)
    eventually(lambda: [each for each in walk.carrier.witness() if each["text"] == "after the rebind"])


def test_rebind_is_for_accounts(walk):
    walk.cli("rebind", "try", code=1)
    walk.cli("rebind", "nobody", code=1)


def test_the_alphabet_is_tried(walk):
    said = walk.cli("test-alphabet", "one", PHONE)
    marked, other = said.splitlines()
    assert marked.startswith("* @£$_é[] ")
    assert marked.endswith('alphabet = "gsm7"')
    assert other.endswith('alphabet = "latin1" or "ascii" or "utf8"')
    eventually(lambda: [each for each in walk.carrier.witness() if each["text"] == "@£$_é[]" and each["coding"] == 0])


def test_status_shows_the_flow(walk):
    found = account(walk, "one")
    assert {name: found[name] for name in ("binds", "bound", "window", "throttled", "rate_limit")} == {
        "binds": 1, "bound": 1, "window": 5, "throttled": 0, "rate_limit": None,
    }  # fmt: skip
    assert "one: 1 of 1 binds, window 5, 0 in flight" in walk.cli("status")
