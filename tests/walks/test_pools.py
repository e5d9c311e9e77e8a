"""A device that goes and comes back: its pool leaves it at once and takes it again later; limits as the network sees
them."""

import itertools
import json
import signal

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

POOL = """
[backend.kenya]
devices = ["modem", "carrier"]
return_after = "10m"
"""


@pytest.fixture
def walk(tmp_path):
    made = []

    def make(modem_keys="", pool=POOL):
        modem, carrier = virtual_modem(tmp_path), virtual_carrier(tmp_path)
        service = Service(tmp_path, config(tmp_path, modem, carrier, modem_keys=f'driver = "at"\n{modem_keys}\n{pool}'))
        made.extend((service, modem, carrier))
        service.modem, service.carrier = modem, carrier
        service.start(90)
        eventually(lambda: states(service) == {"modem": "up", "carrier": "up"}, 60, service.log.read_text)
        return service

    yield make
    for each in made:
        each.close()


def states(service):
    return {
        row["name"]: row["state"]
        for row in map(json.loads, service.cli("status", "--json").splitlines())
        if "state" in row
    }


def device_of(service, text, status="sent"):
    """By which device a message has left, once it has."""

    def left():
        return [row for row in service.rows("--out") if row["text"] == text and row["status"] in (status, "delivered")]

    (row,) = eventually(left, 60, service.log.read_text)
    return row["device"]


def test_a_pool_leaves_a_device_that_fails_and_takes_it_again_when_it_has_been_up(walk):
    service = walk()
    service.cli("send", "kenya", "first", PHONE)
    assert device_of(service, "first") == "modem"
    with service.modem.control() as control:
        control.do("unplug")
    eventually(lambda: states(service)["modem"] in ("absent", "down"), 60, service.log.read_text)
    service.cli("send", "kenya", "while it is away", PHONE)
    assert device_of(service, "while it is away") == "carrier"
    with service.modem.control() as control:
        control.do("plug")
    eventually(lambda: states(service)["modem"] == "up", 60, service.log.read_text)
    service.cli("send", "kenya", "just back", PHONE)
    assert device_of(service, "just back") == "carrier"
    # With the other one paused, what waits is told to wait for it, and leaves when it has been up for long enough.
    service.cli("pause", "carrier")
    message = service.cli("send", "kenya", "has been up", PHONE).strip()
    assert "modem has come back; the pool takes it again at" in service.cli("explain", message)
    service.config.write_text(service.config.read_text().replace('return_after = "10m"', 'return_after = "1s"'))
    service.process.send_signal(signal.SIGHUP)
    assert device_of(service, "has been up") == "modem"


def test_a_backlog_leaves_a_device_that_came_back_slowly_at_first(walk):
    service = walk('rate = "20/second"\nslow_start = "8s"\nreceipts = false', "")
    with service.modem.control() as control:
        control.do("unplug")
    eventually(lambda: states(service)["modem"] in ("absent", "down"), 60, service.log.read_text)
    service.cli("send", "modem", "backlog", *(f"+25470000{number:04}" for number in range(60)))
    with service.modem.control() as control:
        control.do("plug")
    eventually(lambda: len(service.modem.witness()) == 60, 90, service.log.read_text)
    at = [entry["mono"] for entry in service.modem.witness()]
    # A tenth of the rate in the first seconds; all of it would have been out in three.
    assert sum(moment < at[0] + 1.0 for moment in at) <= 5
    assert at[-1] - at[0] > 4.5
    first, last = at[10] - at[0], at[-1] - at[-11]
    assert first > 1.5 * last, "it comes to its rate"


def test_a_modem_pauses_for_a_while_of_its_own_between_two_messages(walk):
    service = walk('spacing = ["700ms", "1500ms"]\nreceipts = false', "")
    service.cli("send", "modem", "spaced", *(f"+25470000{number:04}" for number in range(6)))
    eventually(lambda: len(service.modem.witness()) == 6, 60, service.log.read_text)
    at = [entry["mono"] for entry in service.modem.witness()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(pauses) >= 0.65
    assert max(pauses) - min(pauses) > 0.01, "not all alike"
