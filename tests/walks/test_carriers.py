"""What a carrier holds: queried when its receipt stays away, recalled and replaced by a person."""

import json
import signal

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier
from sqlalchemy import update

import gateway
from drivers.smpp import addresses, codec
from drivers.smpp.names import DELIVER_SM, ESM_RECEIPT
from gateway.store import inquiries, queries, requests, schema

LATER = {"smpp": {"schedule": "000000001000000R"}}


@pytest.fixture
def walk(tmp_path):
    carrier = virtual_carrier(tmp_path)
    parts = [carrier]

    def make(keys="", faults=None, crash=""):
        with carrier.control() as control:
            control.faults(**(faults or {}))
        service = Service(tmp_path, config(tmp_path, carrier=carrier, carrier_keys=keys))
        service.carrier = carrier
        parts.append(service)
        gateway.configure(service.config)
        return service.start(SMS_GATEWAY_CRASH_AT=crash)

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def sent(text, **more):
    message = gateway.send(text, gateway.lookup_connections("carrier", [PHONE]), **more)
    eventually(lambda: status(message) == "sent")
    return message


def status(message):
    return str(message.refresh().transmissions[0].status)


def test_a_receipt_that_never_comes_is_asked_for(walk):
    service = walk('query = "1s"', {"receipt_lost": True})
    message = sent("no receipt will come")
    eventually(lambda: status(message) == "delivered")
    (receipt,) = json.loads(service.cli("show", message.id, "--json").splitlines()[0])["receipts"]
    assert (receipt["status"], receipt["code"]) == ("delivered", "DELIVRD")
    assert len(service.carrier.witness()) == 1
    assert service.stop() == 0


def test_a_person_asks_recalls_and_is_told_what_the_carrier_says(walk):
    service = walk()
    message = sent("waits at the carrier", fields=LATER)
    assert service.cli("query", message.id).rstrip().endswith(": on its way")
    assert status(message) == "sent"
    (said,) = map(json.loads, service.cli("recall", message.id, "--json").splitlines())
    assert (said["identity"], said["device"], said["text"]) == (PHONE, "carrier", "cancelled at the carrier")
    eventually(lambda: status(message) == "failed")
    assert message.transmissions[0].error == "cancelled at the carrier"
    service.cli("recall", message.id, code=1)
    service.cli("query", "nothing", code=1)
    assert service.stop() == 0
    late = gateway.send("not yet", gateway.lookup_connections("carrier", [PHONE]))
    service.cli("query", late.id, code=1)


def test_a_text_is_replaced_where_it_waits_and_here(walk):
    service = walk()
    message = sent("the meeting is at 3", fields=LATER)
    service.cli("replace", message.id, "the meeting is at 4")
    assert gateway.get_message(message.id).text == "the meeting is at 4"
    assert gateway.get_message(message.id).fields["replaced_text"] == "the meeting is at 3"
    service.cli("replace", message.id, "встреча в 5", code=1)
    assert gateway.get_message(message.id).text == "the meeting is at 4"
    service.cli("replace", message.id, "", code=1)
    long = sent("x" * 200, fields=LATER)
    service.cli("replace", long.id, "short", code=1)
    assert [line.split(": ")[-1] for line in service.cli("recall", long.id).splitlines()] == [
        "cancelled at the carrier"
    ] * 2
    eventually(lambda: status(long) == "failed")
    assert service.stop() == 0


def test_a_text_that_was_replaced_is_noted_though_nobody_waits_for_the_answer(walk):
    service = walk()
    message = sent("at 3", fields=LATER)
    store = gateway.get_router().session.store
    with store.read() as c:
        (held,) = inquiries.of_message(c, message.id)
    asked = {"reference": held.reference, "destination": PHONE, "id": message.id, "text": "at 4"}
    store.write(lambda c: requests.post(c, "carrier", "replace", asked, 0))
    eventually(lambda: gateway.get_message(message.id).text == "at 4")
    assert service.stop() == 0


def test_a_carrier_that_has_no_such_commands_is_named(walk):
    service = walk(faults={"unoffered": True})
    message = sent("waits", fields=LATER)
    service.cli("recall", message.id, code=1)
    assert status(message) == "sent"
    assert service.stop() == 0


def receipt(reference):
    """A receipt of few words, from nobody."""
    words = f"id:{reference} sub:001 dlvrd:001 stat:DELIVRD err:000".encode()
    to = addresses.fields("dest", "destination_addr", addresses.encode("12345"))
    return codec.body(DELIVER_SM, {**to, "esm_class": ESM_RECEIPT, "short_message": words}).hex()


def test_a_receipt_that_may_mean_two_messages_is_counted_and_changes_nothing(walk):
    service = walk(faults={"receipt_lost": True})
    first, second = sent("one"), sent("two")
    # The second is called so that the first one's name, read as a decimal number, means it too.
    store = gateway.get_router().session.store
    with store.read() as c:
        (named,) = queries.attempts(c, first.transmissions[0].id)[0].parts
        (other,) = queries.attempts(c, second.transmissions[0].id)[0].parts
    ours = "1000"
    store.write(lambda c: rename(c, named.reference, ours))
    store.write(lambda c: rename(c, other.reference, "4096"))
    with service.carrier.control() as control:
        control.do("deliver_body", body=receipt(ours))

    def counted():
        (row,) = map(json.loads, service.cli("status", "--json").splitlines()[:1])
        return row.get("receipts_ambiguous")

    eventually(lambda: counted() == 1, 60, service.log.read_text)
    assert (status(first), status(second)) == ("sent", "sent")
    assert "receipts fit several messages and count for none" in service.log.read_text()
    assert service.stop() == 0


def rename(c, reference, name):
    c.execute(update(schema.part).where(schema.part.c.reference == reference).values(reference=name))


@pytest.mark.parametrize("point", ["incoming.taken", "incoming.committed", "incoming.acknowledged"])
def test_a_message_that_the_carrier_repeats_after_a_kill_is_handled_once(walk, point):
    service = walk(crash=f"{point}:1")
    with service.carrier.control() as control:
        control.deliver(PHONE, "echo once")
    assert service.died() == -signal.SIGKILL
    service.start()
    eventually(lambda: [row["status"] for row in service.rows("--in")] == ["handled"], 60)
    with service.carrier.control() as control:
        eventually(lambda: control.status()["waiting"]["demo"] == 0)
        control.deliver(PHONE, "echo another")
    eventually(lambda: [row["status"] for row in service.rows("--in")] == ["handled"] * 2, 60)
    assert [row["text"] for row in service.rows("--in")] == ["echo once", "echo another"]
    eventually(lambda: [each["text"] for each in service.carrier.witness()] == ["once", "another"])
    assert service.stop() == 0
