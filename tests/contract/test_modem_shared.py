"""The contract of drivers.base, kept by each GSM driver: what an open, healthy modem does. One opening serves all."""

from __future__ import annotations

import hashlib

import pytest

from drivers.base import (
    Ack,
    Encoding,
    Fault,
    Health,
    Incoming,
    Notice,
    Outcome,
    Receipt,
    ReceiptStatus,
    State,
    Ussd,
    UssdReply,
)
from drivers.text.segments import join, split, split_binary
from tests.contract.modem_bench import PHONE, bench


@pytest.fixture(scope="module", params=["at", "gammu"])
def running(request, tmp_path_factory):
    ussd = {"*100#": "Balance 12.50", "*101#": ">1 yes 2 no"}
    with bench(request.param, tmp_path_factory.mktemp(request.param), ussd=ussd) as opened:
        yield opened, opened.up()


@pytest.fixture
def modem(running):
    opened, _ = running
    opened.acknowledges = True
    opened.until(lambda: opened.memory() == 0)
    opened.settle()
    return opened


def test_identity_and_network(running):
    opened, health = running
    status = opened.modem.status()
    assert (health.imei, health.iccid, health.imsi) == (status["imei"], status["iccid"], status["imsi"])
    assert health.maker.lower() == "huawei"
    assert (health.model, health.operator, health.registration) == ("E173", "Virtual", "home")
    assert health.technology == "UMTS"
    assert 50 < health.signal < 80
    assert health.smsc == "+447700900999"
    assert health.memory_size == 20


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain @ text £ with € [brackets] {} ~ \\ ^ |", "gsm7"), ("Ж и \U0001f600", "ucs2"), ("x" * 160, "gsm7")],
)
def test_a_text_arrives_as_it_was_written(modem, text, encoding):
    token = modem.submit(text)
    result = modem.accepted(token)
    sent = modem.modem.sent()[-1]
    assert (sent["text"], sent["encoding"], sent["to"]) == (text, encoding, PHONE)
    assert result.reference == str(sent["reference"])
    assert sent["mono"] >= modem.left(token)[0].at_mono


@pytest.mark.parametrize("text", ["long € " * 60, "длинный текст \U0001f600 " * 15])
def test_a_long_text_goes_out_in_its_parts(modem, text):
    parts = split(text, reference=77)
    token = modem.submit(parts)
    references = [modem.accepted(token, part.index).reference for part in parts]
    sent = modem.modem.sent()[-len(parts) :]
    assert [str(one["reference"]) for one in sent] == references
    assert [one["concat"] for one in sent] == [[77, len(parts), part.index] for part in parts]
    assert "".join(one["text"] for one in sent) == text


def test_binary_with_ports(modem):
    udh = bytes.fromhex("0504158A0000")
    [part] = split_binary(b"\x00\x01\x80\xff", udh, reference=1)
    modem.accepted(modem.submit((part,)))
    sent = modem.modem.sent()[-1]
    assert (sent["encoding"], sent["hex"], sent["udh"]) == ("binary", "000180ff", udh.hex())


def test_flash_validity_and_no_report(modem):
    modem.accepted(modem.submit("flash", flash=True, validity_s=3600.0, receipt=False))
    sent = modem.modem.sent()[-1]
    assert (sent["class"], sent["validity"], sent["report"]) == (0, 3600, False)
    modem.accepted(modem.submit("plain"))
    sent = modem.modem.sent()[-1]
    assert (sent["class"], sent["report"]) == (None, True)
    assert sent["validity"] is None or sent["validity"] >= 30 * 86400


def test_a_report_is_told_and_deleted_after_the_answer(modem):
    reference = modem.accepted(modem.submit("report me")).reference
    receipt = modem.wait(Receipt, lambda receipt: receipt.references == (reference,))
    assert (receipt.status, receipt.number, receipt.code) == (ReceiptStatus.DELIVERED, PHONE, "0")
    assert receipt.sim == modem.modem.status()["iccid"]
    modem.until(lambda: modem.memory() == 0)


def test_what_comes_in_is_told_once_and_deleted_after_the_answer(modem):
    modem.acknowledges = False
    modem.modem.deliver("+4477001", "hello € ~")
    incoming = modem.wait(Incoming)
    assert join(incoming.encoding, [(incoming.payload, *incoming.shift)]) == "hello € ~"
    assert (incoming.sender, incoming.total, incoming.may_repeat) == ("+4477001", 1, True)
    raw = incoming.pdu.hex().upper()
    assert incoming.fingerprint == hashlib.sha256(f"{incoming.sim}:{raw}".encode()).hexdigest()
    modem.modem.deliver("+4477001", "second")
    second = modem.wait(Incoming)
    assert second.key != incoming.key
    assert modem.memory() == 2
    modem.process.send(Ack((incoming.key, second.key)))
    modem.until(lambda: modem.memory() == 0)


def test_what_could_not_be_stored_comes_again(modem):
    modem.acknowledges = False
    modem.modem.deliver("+4477002", "again")
    first = modem.wait(Incoming)
    modem.process.send(Ack((first.key,), stored=False))
    second = modem.wait(Incoming)
    assert (second.fingerprint, second.session) == (first.fingerprint, first.session)
    modem.until(lambda: modem.memory() == 1)
    modem.process.send(Ack((second.key,)))
    modem.until(lambda: modem.memory() == 0)


def test_a_long_text_comes_in_as_its_parts(modem):
    text = "Это длинное сообщение \U0001f600 " * 8
    modem.modem.deliver("+4477003", text)
    first = modem.wait(Incoming)
    parts = [first, *(modem.wait(Incoming) for _ in range(first.total - 1))]
    assert {part.reference for part in parts} == {first.reference}
    parts.sort(key=lambda part: part.index)
    assert join(first.encoding, [(part.payload, *part.shift) for part in parts]) == text


def test_what_can_not_be_read_is_set_aside_and_holds_up_nothing(modem):
    modem.modem.do("deliver_pdu", pdu="0004")
    modem.modem.deliver("+4477004", "after it")
    # In either order: a driver may come back to what it can not read once it has read the rest.
    read = [modem.wait(Incoming), modem.wait(Incoming)]
    (aside,) = (incoming for incoming in read if incoming.encoding is Encoding.BINARY)
    (after,) = (incoming for incoming in read if incoming is not aside)
    assert aside.fields["undecodable"]
    assert aside.pdu == bytes.fromhex("0004")
    assert after.payload == b"after it"
    modem.until(lambda: modem.memory() == 0)
    assert any(isinstance(event, Notice) and event.kind == "undecodable" for event in modem.seen)


@pytest.mark.parametrize(
    ("final", "fault", "code"),
    [
        ("+CMS ERROR: 1", Fault.MESSAGE, 1),
        ("+CMS ERROR: 27", Fault.TEMPORARY, 27),
        ("+CMS ERROR: 38", Fault.DEVICE, 38),
        ("+CMS ERROR: 500", Fault.UNCLEAR, 500),
        ("+CME ERROR: 30", Fault.DEVICE, 30),
        ("ERROR", Fault.UNCLEAR, None),
    ],
)
def test_a_refusal_says_whose_fault_it_is(modem, final, fault, code):
    modem.modem.faults(send_errors=[final])
    token = modem.submit("refused")
    result = modem.result(token)
    assert (result.outcome, result.fault, result.code) == (Outcome.REFUSED, fault, code)
    assert result.reason


def test_the_rest_of_a_refused_text_is_not_sent(modem):
    modem.modem.faults(send_errors=["", "+CMS ERROR: 21"])
    before = len(modem.modem.sent())
    token = modem.submit("x" * 400)
    outcomes = [modem.result(token, index).outcome for index in (1, 2, 3)]
    assert outcomes == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.NOT_SENT]
    assert len(modem.modem.sent()) == before + 2


def test_noise_disturbs_nothing(modem):
    noise = ["^RSSI: 17", '+QIND: "csq",17,99', "Call Ready", "+CSQ: 3,99", "+ZUSIMR:2"]
    modem.modem.faults(noise=noise, noise_inside=True)
    modem.accepted(modem.submit("in the noise"))
    modem.modem.deliver("+4477005", "still read")
    assert modem.wait(Incoming).payload == b"still read"
    modem.modem.faults(noise=noise, noise_inside=False)
    modem.accepted(modem.submit("in front"))
    modem.modem.faults(noise=[])


def test_torn_answers_are_answers(modem):
    modem.modem.faults(torn=0.05)
    modem.accepted(modem.submit("torn"))
    modem.modem.faults(torn=0.0)


def test_a_report_may_come_before_the_answer(modem):
    modem.modem.faults(reports="first")
    reference = modem.accepted(modem.submit("early report")).reference
    modem.wait(Receipt, lambda receipt: receipt.references == (reference,))
    modem.modem.faults(reports="normal")


def test_a_call_is_noticed(modem):
    modem.modem.do("call", number="+4477006")
    assert modem.wait(Notice, lambda notice: notice.kind == "call").text
    modem.modem.do("hang_up")


def test_ussd(modem):
    modem.process.send(Ussd(1, "*100#"))
    assert modem.wait(UssdReply) == UssdReply(1, "Balance 12.50")
    modem.process.send(Ussd(2, "*101#"))
    assert modem.wait(UssdReply) == UssdReply(2, "1 yes 2 no", open=True)
    modem.process.send(Ussd(3, "*999#"))
    assert modem.wait(UssdReply).error


def test_without_network_nothing_is_sent_and_the_reason_is_told(modem):
    modem.modem.faults(registration="denied")
    modem.modem.do("say", text="+CREG: 3")
    down = modem.wait(Health, lambda health: health.state is State.DOWN)
    assert "denied" in down.reason
    token = modem.submit("not now")
    result = modem.result(token)
    assert result.outcome is Outcome.NOT_SENT
    assert not modem.left(token)
    modem.modem.faults(registration="roaming")
    assert modem.up().registration == "roaming"
    modem.modem.faults(registration="home")
