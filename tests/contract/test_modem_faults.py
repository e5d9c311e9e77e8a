"""The contract of drivers.base, kept by each GSM driver while the modem, the SIM or the port fails."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from drivers.base import Close, Closed, EnterPin, Health, Incoming, Outcome, Pause, PinNeeded, PinOutcome, State
from tests.contract.modem_bench import bench

DRIVERS = ["at", "gammu"]


@pytest.fixture(params=DRIVERS)
def driver(request):
    return request.param


IMEI = "004401006609867"


@pytest.fixture(scope="module", params=DRIVERS)
def shaky(request, tmp_path_factory):
    """One modem for what costs an opening each time: every test leaves it up."""
    tmp = tmp_path_factory.mktemp(request.param)
    found_by = {"port": None, "ports": [f"{tmp}/tty-*"], "imei": IMEI}
    with bench(request.param, tmp, found_by, imei=IMEI, link=str(tmp / "tty-one")) as modem:
        modem.up()
        modem.accepted(modem.submit("counted"))
        yield modem


def test_silence_is_unknown_in_time_and_the_next_is_sent(shaky):
    shaky.settle()
    shaky.modem.faults(silence="pdu")
    lost = shaky.submit("no answer")
    result = shaky.result(lost, within=5.0)
    assert (result.outcome, len(shaky.left(lost))) == (Outcome.UNKNOWN, 1)
    assert shaky.wait(Health, lambda health: health.state is State.DOWN).reason
    shaky.modem.faults(silence="")
    shaky.up()
    shaky.accepted(shaky.submit("after the silence"))


def test_a_late_answer_is_credited_to_its_part(shaky):
    shaky.settle()
    shaky.modem.faults(late=1.3, late_sends=1)
    token = shaky.submit("answered while the line is drained")
    assert shaky.result(token, within=5.0).outcome is Outcome.UNKNOWN
    shaky.until(lambda: bool(shaky.late(token)))
    [late] = shaky.late(token)
    assert (late.outcome, late.reference) == (Outcome.ACCEPTED, str(shaky.modem.sent()[-1]["reference"]))
    shaky.up()


def test_a_late_answer_is_never_the_next_parts(shaky):
    """It comes while the next one waits: that one is answered later, and both have their own."""
    shaky.settle()
    shaky.modem.faults(silence="pdu")
    first = shaky.submit("answered late")
    assert shaky.result(first, within=5.0).outcome is Outcome.UNKNOWN
    reference = shaky.modem.sent()[-1]["reference"]
    shaky.up()
    shaky.modem.faults(silence="", late=0.8, late_sends=1)
    before = len(shaky.modem.sent())
    second = shaky.submit("answered in time")
    shaky.until(lambda: bool(shaky.left(second)))
    shaky.modem.do("say", text=f"+CMGS: {reference}\r\n\r\nOK")
    own = shaky.accepted(second)
    assert own.reference == str(shaky.modem.sent()[before]["reference"])
    assert [late.reference for late in shaky.late(first)] == [str(reference)]
    assert not shaky.late(second)


def test_a_mute_modem_is_down_and_comes_back(shaky):
    shaky.until(lambda: shaky.memory() == 0)
    shaky.settle()
    shaky.modem.faults(silence="all")
    assert shaky.wait(Health, lambda health: health.state is State.DOWN, within=40.0).reason
    token = shaky.submit("to nobody")
    assert (shaky.result(token).outcome, shaky.left(token)) == (Outcome.NOT_SENT, [])
    shaky.modem.faults(silence="")
    shaky.up(60.0)
    shaky.accepted(shaky.submit("again"))


def test_a_port_that_vanishes_and_returns_under_another_name(shaky, tmp_path):
    shaky.settle()
    shaky.modem.do("unplug")
    assert shaky.wait(Health, lambda health: health.state is State.ABSENT).reason
    assert shaky.result(shaky.submit("gone")).outcome is Outcome.NOT_SENT
    other = str(Path(shaky.process.options["ports"][0]).with_name("tty-two"))
    shaky.modem.do("plug", link=other)
    assert shaky.up().port == other
    shaky.accepted(shaky.submit("back"))


def test_a_late_answer_does_not_hide_that_the_next_part_got_none(tmp_path):
    with bench("at", tmp_path) as modem:
        modem.up()
        modem.accepted(modem.submit("counted"))
        modem.modem.faults(silence="pdu")
        first = modem.submit("answered late")
        assert modem.result(first, within=5.0).outcome is Outcome.UNKNOWN
        reference = modem.modem.sent()[-1]["reference"]
        modem.up()
        modem.modem.faults(silence="lost")
        second = modem.submit("never answered")
        modem.until(lambda: bool(modem.left(second)))
        modem.modem.do("say", text=f"+CMGS: {reference}\r\n\r\nOK")
        assert modem.result(second, within=8.0).outcome is Outcome.UNKNOWN
        assert not modem.late(second)
        modem.modem.faults(silence="")
        modem.up()
        modem.accepted(modem.submit("after a restart of the modem"))


def test_a_pause_closes_the_line(tmp_path):
    with bench("at", tmp_path) as modem:
        modem.up()
        modem.process.send(Pause(on=True))
        modem.wait(Health, lambda health: health.state is State.PAUSED)
        assert modem.result(modem.submit("paused")).outcome is Outcome.NOT_SENT
        modem.process.send(Pause(on=False))
        modem.up()


def test_a_pin_is_given_only_when_told_and_only_once(driver, tmp_path):
    with bench(driver, tmp_path, pin="1234") as modem:
        needed = modem.wait(PinNeeded)
        assert (needed.tries_left, needed.sim) == (3, modem.modem.status()["iccid"])
        assert modem.wait(Health, lambda health: health.state is State.BLOCKED).reason == "the SIM wants its PIN"
        modem.process.send(EnterPin("9999"))
        refused = modem.wait(PinOutcome)
        assert (refused.accepted, refused.tries_left) == (False, 2)
        assert modem.result(modem.submit("locked")).outcome is Outcome.NOT_SENT
        assert modem.modem.status()["pin"]["pin_tries"] == 2
        modem.process.send(EnterPin("1234"))
        assert modem.wait(PinOutcome).accepted is True
        modem.up()
        modem.accepted(modem.submit("unlocked"))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"pin": "1234", "pin_tries": 0}, "PUK"),
        ({"faults": {"sim": "absent"}}, "no SIM"),
        ({"faults": {"sim": "busy"}}, "busy"),
    ],
)
def test_a_sim_that_only_a_person_can_help_blocks(tmp_path, made, words):
    with bench("at", tmp_path, **made) as modem:
        blocked = modem.wait(Health, lambda health: health.state is State.BLOCKED)
        assert words in blocked.reason
        assert not any(isinstance(event, PinNeeded) for event in modem.seen)
        if "faults" in made:
            modem.modem.faults(sim="ready")
            modem.up()


def test_a_full_sim_is_emptied_until_all_has_come(driver, tmp_path):
    with bench(driver, tmp_path, sm_size=2, me_size=2) as modem:
        for number in range(7):
            modem.modem.deliver("+4477001", f"message {number}")
        modem.up()
        modem.until(lambda: sum(isinstance(event, Incoming) for event in modem.seen) == 7, within=20.0)
        assert {event.payload for event in modem.seen if isinstance(event, Incoming)} == {
            f"message {number}".encode() for number in range(7)
        }
        modem.until(lambda: modem.memory() == 0)
        assert modem.modem.status()["waiting"] == 0


def test_a_modem_left_at_the_prompt_in_text_mode_is_freed(tmp_path):
    with bench("at", tmp_path, at_prompt=True, text_mode=True) as modem:
        modem.up()
        modem.accepted(modem.submit("free"))


@pytest.mark.parametrize("maker", ["zte", "quectel", "simcom"])
def test_other_makers(tmp_path, maker):
    with bench("at", tmp_path, maker=maker, pin="1234", faults={"noise": ["maker"]}) as modem:
        assert modem.wait(PinNeeded).tries_left == 3
        modem.process.send(EnterPin("1234"))
        health = modem.up()
        assert health.iccid == modem.modem.status()["iccid"]
        modem.accepted(modem.submit("hello"))
        modem.modem.deliver("+4477001", "hello")
        modem.wait(Incoming)


def test_without_indications_everything_is_polled(tmp_path):
    with bench("at", tmp_path, {"poll": 0.2}, report_memory="SM") as modem:
        modem.up()
        modem.modem.do("say", text="^SRVST: 1")
        modem.modem.deliver("+4477001", "found by polling")
        assert modem.wait(Incoming).payload == b"found by polling"


def test_another_modem_than_the_config_means_is_not_used(tmp_path):
    with bench("at", tmp_path, {"imei": "356938035640000"}, imei="004401006609867") as modem:
        blocked = modem.wait(Health, lambda health: health.state is State.BLOCKED)
        assert "356938035640000" in blocked.reason
        assert "004401006609867" in blocked.reason


def test_a_port_in_use_is_named_with_its_user(tmp_path):
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    code = f"import sys; held = open({path!r}, 'rb+', buffering=0); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with bench("at", tmp_path, {"port": path}) as modem:
            down = modem.wait(Health, lambda health: health.state is State.DOWN)
            assert f"(process {holder.pid})" in down.reason
        assert holder.stdin
        holder.stdin.close()
    os.close(master)
    os.close(slave)


def test_closing_hands_back_what_has_not_left(tmp_path):
    with bench("at", tmp_path, send_time=0.3) as modem:
        modem.up()
        token = modem.submit("x" * 1000)
        modem.until(lambda: bool(modem.left(token)))
        modem.process.send(Close(5.0))
        modem.wait(Closed)
        outcomes = [modem.result(token, index).outcome for index in range(1, 8)]
        sent = modem.modem.sent()
        assert outcomes.count(Outcome.ACCEPTED) == len(sent) > 0
        assert set(outcomes) <= {Outcome.ACCEPTED, Outcome.NOT_SENT}
        assert len(outcomes) == 7
