"""What modems say about themselves, their SIMs and their networks; and the small pure parts of the GSM drivers."""

from __future__ import annotations

import pytest

from drivers.gsm.at import Reply
from drivers.gsm.identity import percent, registration
from drivers.gsm.lines import Cutter
from drivers.gsm.recovery import BUDGET, PAUSES_S, PERIOD_S, STEADY_S, Recovery, Step
from drivers.gsm.settings import Settings
from drivers.gsm.sim import TRIES
from drivers.gsm.unasked import Hint, understand
from drivers.gsm.ussd import decode


@pytest.mark.parametrize(
    ("csq", "signal"),
    [
        ("20,99", 65),
        ("0,0", 0),
        ("31,99", 100),
        ("99,99", None),
        ("145,99", 49),
        (None, None),
        ("", None),
        ("199,99", None),
    ],
)
def test_signal_in_percent(csq, signal):
    assert percent(csq) == signal


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("0,1", ("home", None)),
        ('2,5,"00C3","0001E2F4",7', ("roaming", "LTE")),
        ("0,3", ("denied", None)),
        ("2,0", ("none", None)),
        ("0,11", ("unknown", None)),
        ("1", (None, None)),
        (None, (None, None)),
    ],
)
def test_registration(answer, told):
    assert registration(answer) == told


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("+CPINR: SIM PIN,3,3", "3"),
        ("^CPIN: SIM PIN,2,10,2,10,3", "2"),
        ("+SPIC: 1,10,3,10", "1"),
        ('+QPINC: "SC",3,10', "3"),
        ("+ZPINPUK: 3,10", "3"),
    ],
)
def test_pin_tries_left(answer, left):
    found = [match.group(1) for _, pattern in TRIES if (match := pattern.search(answer))]
    assert found == [left]


@pytest.mark.parametrize(
    ("final", "error"),
    [
        ("+CMS ERROR: 38", ("CMS", 38)),
        ("+CME ERROR: SIM busy", ("CME", None)),
        ("ERROR", ("", None)),
        ("+CMS ERROR:500", ("CMS", 500)),
    ],
)
def test_error_codes(final, error):
    assert Reply((), final).error == error


@pytest.mark.parametrize(
    ("text", "coding", "read"),
    [
        ("Balance 12.50", 15, "Balance 12.50"),
        ("00420061006C", 72, "Bal"),
        ("00420061006C", 15, "Bal"),
        ("C8329BFD06", 15, "Hello"),
        ("1234", 15, "1234"),
        ("abc", 15, "abc"),
    ],
)
def test_ussd_answers(text, coding, read):
    assert decode(text, coding) == read


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ('+CMTI: "SM",3', Hint.STORED),
        ('+CDSI: "SR",1', Hint.STORED),
        ("RING", Hint.CALL),
        ('^SMMEMFULL: "SM"', Hint.FULL),
        ('+QIND: "smsfull","SM"', Hint.FULL),
        ('+QIND: "csq",17,99', None),
        ("+SMS FULL", Hint.FULL),
        ("+CREG: 3", Hint.NETWORK),
        ("+CMGS: 5", Hint.ANSWER),
        ("^RSSI: 17", None),
    ],
)
def test_what_unsolicited_lines_mean(said, hint):
    [line] = [line for line in Cutter().feed(f"\r\n{said}\r\n".encode()) if line.text]
    assert understand(line) is hint


def test_the_ladder_of_recovery():
    recovery = Recovery()
    recovery.working(0.0)
    assert recovery.failed(10.0) is Step.REOPEN
    assert recovery.retry_mono == 10.0 + PAUSES_S[0]
    resets = [recovery.failed(20.0 + number) for number in range(10)]
    assert resets == [Step.RESET] * BUDGET[Step.RESET] + [Step.REOPEN] * (10 - BUDGET[Step.RESET])
    assert recovery.retry_mono == 29.0 + PAUSES_S[-1]
    recovery.working(100.0)
    recovery.working(100.0 + STEADY_S)
    assert recovery.failed(200.0) is Step.REOPEN
    assert recovery.told(200.0)["recovery"] == {"reset": 3}
    assert recovery.told(200.0 + PERIOD_S)["recovery_left"] == {"reset": 3}


def test_harder_steps_come_later_are_allowed_one_by_one_and_have_budgets():
    recovery = Recovery.allowing(["reset", "usb", "hub"])
    steps = [recovery.failed(float(number)) for number in range(12)]
    assert [str(step) for step in steps] == ["reopen", "reset", "reset", "usb", "usb", "hub", "reset"] + ["reopen"] * 5
    assert {Recovery.allowing([]).failed(float(number)) for number in range(12)} == {Step.REOPEN}
    with pytest.raises(ValueError, match="magic"):
        Recovery.allowing(["magic"])


def test_an_answered_message_ends_the_ladder():
    recovery = Recovery()
    recovery.failed(0.0)
    recovery.failed(1.0)
    recovery.answered()
    assert recovery.failed(2.0) is Step.REOPEN
    assert recovery.retry_mono == 2.0 + PAUSES_S[0]


def test_options_must_say_which_modem_is_meant():
    with pytest.raises(ValueError, match="modem mtn: one of port, imei, usb or iccid"):
        Settings.of({"name": "mtn", "driver": "at"})
    settings = Settings.of(
        {"name": "mtn", "driver": "at", "imei": "356938035640000", "port": None, "ports": ["/dev/x*"]}
    )
    assert (settings.imei, settings.ports, settings.poll) == ("356938035640000", ("/dev/x*",), 5.0)
