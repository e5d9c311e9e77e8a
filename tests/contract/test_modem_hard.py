"""What tries to break the drivers: answers in the wrong place, memories that can't be emptied, PDUs of strangers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from drivers.base import (
    Encoding,
    EnterPin,
    Health,
    Incoming,
    Notice,
    Outcome,
    PinNeeded,
    Receipt,
    Record,
    Recorded,
    State,
)
from tests.contract.modem_bench import PHONE, bench


def vectors():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
    file = Path(os.environ.get("SMS_GATEWAY_VECTORS", beside)) / "sms-deliver.json"
    return json.loads(file.read_text()) if file.is_file() else []


@pytest.fixture(params=["at", "gammu"])
def driver(request):
    return request.param


@pytest.mark.skipif(not vectors(), reason="no folder of vectors (SMS_GATEWAY_VECTORS)")
def test_real_messages_come_in_as_stated(driver, tmp_path):
    wanted = {vector["pdu"].upper(): vector for vector in vectors()}
    with bench(driver, tmp_path, {"poll": 0.2}, sm_size=255) as modem:
        for pdu in wanted:
            modem.modem.do("deliver_pdu", pdu=pdu)
        modem.up()
        modem.until(lambda: len({e.pdu for e in modem.seen if isinstance(e, Incoming)}) == len(wanted), within=60.0)
        modem.until(lambda: modem.memory() == 0, within=60.0)
        for event in (event for event in modem.seen if isinstance(event, Incoming)):
            vector = wanted[event.pdu.hex().upper()]
            assert event.sender == vector["sender"], vector
            assert {"8bit": "binary"}.get(vector["coding"], vector["coding"]) == event.encoding, vector
            assert vector.get("concat", [event.reference, 1, 1]) == [event.reference, event.total, event.index], vector
        assert not any(isinstance(event, Notice) and event.kind == "undecodable" for event in modem.seen)


STRANGE = [
    "00",
    "0004",
    "07911326040000F0",
    "FF" * 40,
    "0000" * 20,
    "0704" + "00" * 200,
    "00" + "04FF" * 60,
    "0106",
    "AB",
]


def test_what_nobody_can_read_is_set_aside_one_by_one(driver, tmp_path):
    with bench(driver, tmp_path, {"poll": 0.2}) as modem:
        modem.up()
        for pdu in STRANGE:
            modem.modem.do("deliver_pdu", pdu=pdu)
        modem.modem.deliver("+4477001", "behind them")
        modem.wait(Incoming, lambda event: event.payload == b"behind them")
        modem.until(lambda: modem.memory() == 0)
        seen = [event for event in modem.seen if isinstance(event, Incoming | Receipt)]
        assert len(seen) == len(STRANGE) + 1
        aside = [event for event in seen if isinstance(event, Incoming) and "undecodable" in event.fields]
        assert {event.pdu.hex().upper() for event in aside} <= set(STRANGE)
        assert all(event.encoding is Encoding.BINARY for event in aside)
        assert modem.process.alive
        modem.accepted(modem.submit("still here"))


def test_what_can_not_be_deleted_is_not_told_again(driver, tmp_path):
    refusing = {f"AT+CMGD={place}": ["+CMS ERROR: 500"] for place in range(3)}
    with bench(driver, tmp_path, {"poll": 0.2}, faults={"answers": refusing}) as modem:
        modem.up()
        modem.modem.deliver("+4477001", "sticks")
        modem.wait(Incoming)
        modem.modem.deliver("+4477001", "sticks too")
        modem.wait(Incoming)
        modem.modem.faults(answers={})
        modem.until(lambda: modem.memory() == 0)
        assert sum(isinstance(event, Incoming) for event in modem.seen) == 2


def test_an_ok_in_place_of_the_prompt_is_no_accepted_message(tmp_path):
    stray = {f"AT+CMGS={length}": ["OK"] for length in range(10, 40)}
    with bench("at", tmp_path, faults={"answers": stray}) as modem:
        modem.up()
        token = modem.submit("not sent")
        assert modem.result(token).outcome is Outcome.NOT_SENT
        assert modem.left(token) == []
        assert modem.modem.sent() == []
        modem.modem.faults(answers={})
        modem.up()
        modem.accepted(modem.submit("sent"))


@pytest.mark.parametrize("final", ["+CMS ERROR: 38", "+CME ERROR: 14", "ERROR"])
def test_a_refusal_in_place_of_the_prompt_is_one_and_nothing_left(driver, tmp_path, final):
    with bench(driver, tmp_path) as modem:
        modem.up()
        modem.modem.faults(prompt_errors=[final])
        token = modem.submit("refused")
        assert modem.result(token).outcome is Outcome.REFUSED
        assert modem.left(token) == []
        modem.accepted(modem.submit("sent"))


def test_a_name_is_no_destination(driver, tmp_path):
    with bench(driver, tmp_path) as modem:
        modem.up()
        result = modem.result(modem.submit("hello", "Clinic"))
        assert (result.outcome, result.reason) == (
            Outcome.REFUSED, "a modem sends to numbers and short codes only, not to 'Clinic'",
        )  # fmt: skip
        modem.accepted(modem.submit("hello", "40404"))
        assert modem.modem.sent()[-1]["to"] == "40404"


def test_habits_of_the_config(driver, tmp_path):
    habits = {"flash": True, "replace": 3, "reject_duplicates": True, "validity": 3600.0}
    with bench(driver, tmp_path, habits) as modem:
        modem.up()
        modem.accepted(modem.submit("hello"))
        sent = modem.modem.sent()[-1]
        assert (sent["class"], sent["validity"]) == (0, 3600)
        assert (sent["protocol"], sent["reject_duplicates"]) == (0x43, True)


def test_calls_are_hung_up_where_the_config_says_so(tmp_path):
    with bench("at", tmp_path, {"hangup": True}) as modem:
        modem.up()
        modem.modem.do("call", number=PHONE)
        notice = modem.wait(Notice, lambda notice: notice.kind == "call")
        assert notice.fields == {"number": PHONE, "hung_up": True}


def test_the_record_of_a_fault_names_nobody(driver, tmp_path):
    with bench(driver, tmp_path, pin="4711") as modem:
        modem.wait(PinNeeded)
        modem.process.send(EnterPin("4711"))
        modem.up()
        modem.modem.deliver("+447700900777", "a secret of somebody")
        modem.wait(Incoming)
        modem.modem.faults(silence="pdu")
        modem.result(modem.submit("another secret"))
        modem.modem.faults(silence="")
        modem.up()
        modem.process.send(Record(7))
        told = modem.wait(Recorded)
        assert told.token == 7
        assert "== no answer to a message" in told.text
        assert "AT+CMGS=" in told.text
        iccid = modem.modem.status()["iccid"]
        for secret in ("4711", PHONE[-9:], "7700900777", "secret", iccid, modem.modem.status()["imei"]):
            assert secret not in told.text


def test_a_profile_is_chosen_and_shown(tmp_path):
    with bench("at", tmp_path, maker="quectel") as modem:
        assert modem.up().details["profile"] == "quectel-ec25"
    with bench("at", tmp_path, {"profile": "general"}, maker="quectel") as modem:
        assert modem.up().details["profile"] == "general"
    with bench("at", tmp_path, {"profile": "nokia"}) as modem:
        assert "no profile 'nokia'" in modem.wait(Health, lambda health: health.state is State.BLOCKED).reason
