"""The outgoing walk: a message leaves through a modem and through a carrier, and its receipt comes back."""

import json
import time

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway

DEVICES = ("modem", "carrier")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    modem, carrier = virtual_modem(directory), virtual_carrier(directory)
    service = Service(directory, config(directory, modem, carrier))
    service.devices = {"modem": modem, "carrier": carrier}
    try:
        service.start()
        gateway.configure(service.config)
        yield service
        assert service.stop() == 0, service.log.read_text()
    finally:
        gateway.set_router(None)
        for each in (service, modem, carrier):
            each.close()


def status(message):
    return [str(each.status) for each in message.refresh().transmissions]


def seen(walk, device, text):
    return [entry for entry in walk.devices[device].witness() if entry["text"] == text]


@pytest.mark.parametrize("device", DEVICES)
def test_a_message_by_the_command_line_is_delivered_with_its_receipt(walk, device):
    message_id = walk.cli("send", device, f"by command through {device}", PHONE).strip()
    message = gateway.get_message(message_id)
    eventually(lambda: status(message) == ["delivered"], what=f"{device}: {walk.log.read_text()}")
    assert len(seen(walk, device, f"by command through {device}")) == 1
    shown = json.loads(walk.cli("show", message_id, "--json"))
    assert shown["transmissions"][0]["device"] == device
    assert message.transmissions[0].delivered_at is not None


@pytest.mark.parametrize("device", DEVICES)
def test_a_message_by_the_api_of_a_second_process_is_delivered_with_its_receipt(walk, device):
    message = gateway.send(f"by API through {device}", gateway.lookup_connections(device, [PHONE]))
    assert status(message) == ["queued"] or status(message) == ["sending"]
    eventually(lambda: status(message) == ["delivered"])
    assert len(seen(walk, device, f"by API through {device}")) == 1


@pytest.mark.parametrize("device", DEVICES)
def test_what_an_app_responds_is_delivered_with_its_receipt(walk, device):
    gateway.receive(f"echo answer of {device}", gateway.lookup_connections(device, [PHONE])[0])
    answer = eventually(lambda: [row for row in walk.rows("--out") if row["text"] == f"answer of {device}"])[0]
    message = gateway.get_message(answer["id"])
    eventually(lambda: status(message) == ["delivered"])
    assert answer["in_response_to"]
    assert len(seen(walk, device, f"answer of {device}")) == 1


@pytest.mark.parametrize("device", DEVICES)
def test_a_long_text_with_every_kind_of_character_leaves_in_parts_and_is_one_transmission(walk, device):
    text = f"{device} " + "žluťoučký kůň 🐎 " * 12
    message = gateway.send(text, gateway.lookup_connections(device, [PHONE]))
    eventually(lambda: status(message) == ["delivered"], 60)
    parts = [entry for entry in walk.devices[device].witness() if entry["text"] and entry["text"] in text]
    assert len(parts) == message.transmissions[0].parts > 1
    assert "".join(entry["text"] for entry in parts) == text


def test_an_idle_gateway_sends_at_once(walk):
    eventually(lambda: "up" in walk.cli("status"))
    before = time.monotonic()
    message = gateway.send("at once", gateway.lookup_connections("carrier", [PHONE]))
    eventually(lambda: seen(walk, "carrier", "at once"))
    assert time.monotonic() - before < 1.0
    eventually(lambda: status(message) == ["delivered"])
