"""SIMs that are wrong, swapped, moved or forgetful; and the PIN, which only the right one may be given."""

from __future__ import annotations

import pytest

from drivers.base import EnterPin, Health, Notice, Outcome, PinNeeded, PinOutcome, State
from drivers.virtual.handle import virtual_modem
from tests.contract.modem_bench import bench

OTHER = "89440000000000000018"
MINE = "89440000000000000026"


@pytest.fixture(params=["at", "gammu"])
def driver(request):
    return request.param


def test_another_sim_than_the_config_means_blocks_and_never_gets_the_pin(tmp_path):
    options = {"iccid": MINE, "port": None}
    with virtual_modem({"link": str(tmp_path / "tty-0")}, "own"):  # another modem of this host, without that SIM
        options["port"] = str(tmp_path / "tty-1")
        with bench("at", tmp_path, options, iccid=OTHER, pin="1234", link=str(tmp_path / "tty-1")) as modem:
            blocked = modem.wait(Health, lambda health: health.state is State.BLOCKED)
            assert OTHER in blocked.reason
            assert MINE in blocked.reason
            modem.process.send(EnterPin("9999"))
            assert modem.wait(PinOutcome).accepted is None
            assert not any(isinstance(event, PinNeeded) for event in modem.seen)
            assert modem.modem.status()["pin"]["pin_tries"] == 3


def test_a_pin_that_was_meant_for_one_sim_is_not_given_to_the_next(tmp_path):
    with bench("at", tmp_path, iccid=OTHER, pin="1234") as modem:
        assert modem.wait(PinNeeded).sim == OTHER
        # In one breath: the modem is still open when the permission for the first SIM comes.
        modem.modem.do("sim", iccid=MINE, pin="5678")
        modem.process.send(EnterPin("1234"))
        outcome = modem.wait(PinOutcome)
        assert (outcome.sim, outcome.accepted) == (OTHER, None)
        assert modem.wait(PinNeeded).sim == MINE
        assert modem.modem.status()["pin"]["pin_tries"] == 3
        modem.process.send(EnterPin("5678"))
        modem.up()


def test_a_swapped_sim_is_said_with_the_modem_that_it_was_in(driver, tmp_path):
    past = {"sim": OTHER, "homes": {MINE: "second"}}
    with bench(driver, tmp_path, {"past": past}, iccid=MINE) as modem:
        notice = modem.wait(Notice, lambda notice: notice.kind == "sim")
        assert notice.text == f"another SIM is in the modem: {MINE} instead of {OTHER}; it was in second before"
        assert modem.up().reason == notice.text


def test_a_sim_that_is_swapped_while_the_modem_is_open_is_said(tmp_path):
    with bench("at", tmp_path, iccid=OTHER) as modem:
        assert modem.up().reason == ""
        modem.modem.do("sim", iccid=MINE, number="+447700900555")
        assert modem.wait(Notice, lambda notice: notice.kind == "sim").fields["sim"] == MINE
        assert modem.up().iccid == MINE
        modem.accepted(modem.submit("from the new one"))
        assert modem.modem.sent()[-1]["from"] == "+447700900555"


def test_a_sim_that_has_lost_its_service_centre_gets_it_again(driver, tmp_path):
    past = {"smscs": {MINE: "+447700900998"}}
    with bench(driver, tmp_path, {"past": past}, iccid=MINE, faults={"no_smsc": True}) as modem:
        assert "+447700900998" in modem.wait(Notice, lambda notice: notice.kind == "smsc").text
        assert modem.up().smsc == "+447700900998"
        modem.accepted(modem.submit("by the old way"))
        assert modem.modem.status()["smsc"] == "+447700900998"


def test_without_a_service_centre_that_is_said(tmp_path):
    with bench("at", tmp_path, faults={"no_smsc": True}) as modem:
        assert "no service centre" in modem.wait(Notice, lambda notice: notice.kind == "smsc").text
        modem.up()
        assert modem.result(modem.submit("nowhere")).code == 330


def test_the_service_centre_of_the_config_comes_first(tmp_path):
    with bench("at", tmp_path, {"smsc": "+447700900997"}) as modem:
        assert modem.up().smsc == "+447700900997"
        modem.accepted(modem.submit("hello"))
        assert modem.modem.sent()[-1]["smsc"] == "+447700900997"


def test_an_answer_that_an_earlier_process_waited_for_is_never_the_next_messages(tmp_path):
    """The process is killed between a PDU and its answer; the answer comes while the next message waits."""
    with bench("at", tmp_path, {"answer_timeout": 5.0}) as modem:
        modem.up()
        before = modem.accepted(modem.submit("counted")).reference
        modem.modem.faults(silence="pdu")
        first = modem.submit("in doubt")
        modem.until(lambda: len(modem.modem.sent()) == 2)
        modem.process.kill()
        assert modem.result(first).outcome is Outcome.UNKNOWN
        reference = modem.modem.sent()[-1]["reference"]
        modem.process.options["past"] = {"reference": int(before), "doubts": [(first, 1, 1.0)]}
        modem.process.start()
        modem.up()
        modem.modem.faults(silence="", late=0.8, late_sends=1)
        second = modem.submit("answered in time")
        modem.until(lambda: bool(modem.left(second)))
        modem.modem.do("say", text=f"+CMGS: {reference}\r\n\r\nOK")
        assert modem.accepted(second).reference == str(modem.modem.sent()[-1]["reference"])
        assert [late.reference for late in modem.late(first)] == [str(reference)]


def test_a_modem_is_heard_out_before_the_first_message_after_its_owner_died(driver, tmp_path):
    """The answer of before comes while the next message is waiting to leave: it is the first one's."""
    owed = {"past": {"reference": 40, "owed": ((7001, 1), (7002, 1)), "owed_s": 120.0}}
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        with bench(driver, tmp_path / name, owed) as modem:
            modem.up(60.0)
            second = modem.submit("waits for that")
            modem.modem.do("say", text="+CMS ERROR: 304")
            modem.modem.do("say", text="+CMGS: 41\r\n\r\nOK")
            if modem.result(second, 1).outcome is Outcome.NOT_SENT:
                continue  # what was said fell into a question of the driver's own: it opens the modem anew
            assert modem.accepted(second).reference == str(modem.modem.sent()[-1]["reference"])
            assert [(late.outcome, late.reference) for late in modem.late(7001)] == [(Outcome.ACCEPTED, "41")]
            return
    raise AssertionError("the answer fell into a question three times")


def test_nothing_is_waited_for_longer_than_an_answer_may_take(driver, tmp_path):
    with bench(driver, tmp_path, {"past": {"owed": ((7001, 1),), "owed_s": 1.0}}) as modem:
        modem.up(60.0)
        second = modem.submit("leaves then")
        assert modem.accepted(second).reference == str(modem.modem.sent()[-1]["reference"])
        assert modem.late(7001) == []
