"""The receipt walk: a report finds its message, early, late, bad or without a reference."""

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway
from gateway.store import queries


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    modem, carrier = virtual_modem(directory), virtual_carrier(directory, "--receipt-delay", "1.5")
    keys = 'response_timeout = "500ms"\nsettle = "60s"'
    service = Service(directory, config(directory, modem, carrier, carrier_keys=keys, modem_keys='driver = "at"'))
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


@pytest.fixture
def carrier(walk):
    with walk.devices["carrier"].control() as control:
        yield control
        control.faults(receipt_first=False, stat="DELIVRD", drop=0.0, receipt_id="same")


def receipts(message):
    with gateway.get_router().session.store.read() as c:
        return [row for each in message.transmissions for row in queries.receipts(c, each.id)]


def sent(device, text):
    return gateway.send(text, gateway.lookup_connections(device, [PHONE]))


def status(message):
    return [str(each.status) for each in message.refresh().transmissions]


@pytest.mark.parametrize("device", ["modem", "carrier"])
def test_a_receipt_is_stored_and_says_delivered(walk, device):
    message = sent(device, f"a receipt, please, {device}")
    eventually(lambda: status(message) == ["delivered"])
    (receipt,) = receipts(message)
    assert (receipt.device, receipt.status) == (device, "delivered")
    assert receipt.reference


@pytest.mark.parametrize("device", ["modem", "carrier"])
def test_a_long_message_is_delivered_when_every_part_is(walk, device):
    message = sent(device, f"{device} " * 60)
    eventually(lambda: status(message) == ["delivered"])
    assert len(receipts(message)) == message.transmissions[0].parts > 1


def test_a_receipt_that_comes_before_the_answer_is_kept_for_it(walk, carrier):
    carrier.faults(receipt_first=True)
    message = sent("carrier", "early")
    eventually(lambda: status(message) == ["delivered"])
    assert len(receipts(message)) == 1


def test_a_receipt_that_says_undelivered_makes_it_failed(walk, carrier):
    carrier.faults(stat="UNDELIV")
    message = sent("carrier", "nobody there")
    eventually(lambda: status(message) == ["failed"])
    assert message.transmissions[0].error


def test_a_receipt_settles_what_was_never_answered_and_it_is_not_sent_again(walk, carrier):
    carrier.faults(drop=1.0)
    message = sent("carrier", "unanswered")
    eventually(lambda: status(message) in (["unknown"], ["delivered"]))
    eventually(lambda: status(message) == ["delivered"])
    assert len([e for e in walk.devices["carrier"].witness() if e["text"] == "unanswered"]) == 1
