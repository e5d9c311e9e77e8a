"""The incoming walk: what comes in is stored, acknowledged, and handled once by the apps."""

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

DEVICES = ("modem", "carrier")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    modem, carrier = virtual_modem(directory), virtual_carrier(directory)
    service = Service(directory, config(directory, modem, carrier))
    service.devices = {"modem": modem, "carrier": carrier}
    try:
        yield service.start()
        assert service.stop() == 0
    finally:
        for each in (service, modem, carrier):
            each.close()


@pytest.mark.parametrize("device", DEVICES)
def test_a_message_is_handled_once_by_the_echo_app(walk, device):
    with walk.devices[device].control() as control:
        control.deliver(PHONE, f"echo ünïcode at {device}")
    answered = eventually(lambda: [e for e in walk.devices[device].witness() if e["text"] == f"ünïcode at {device}"])
    assert [entry["to"].lstrip("+") for entry in answered] == [PHONE.lstrip("+")]
    incoming = [row for row in walk.rows("--in") if row["device"] == device]
    assert [(row["text"], row["status"], row["identity"]) for row in incoming] == [
        (f"echo ünïcode at {device}", "handled", PHONE)
    ]
    eventually(lambda: [row["status"] for row in walk.rows("--out") if row["backend"] == device] == ["delivered"])


def test_a_long_message_is_joined_and_answered(walk):
    text = "echo " + "0123456789" * 30
    with walk.devices["modem"].control() as control:
        control.deliver(PHONE, text)
    eventually(lambda: [row["text"] for row in walk.rows("--in") if row["text"] == text] == [text])
    eventually(lambda: "".join(e["text"] for e in walk.devices["modem"].witness()).endswith("0123456789" * 30))


def test_the_device_keeps_nothing_of_what_was_stored(walk):
    with walk.devices["modem"].control() as control:
        eventually(lambda: control.status()["memories"]["SM"][0] == 0)
    with walk.devices["carrier"].control() as control:
        eventually(lambda: control.status()["waiting"] == {"demo": 0})
