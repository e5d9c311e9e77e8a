"""What goes on with a modem beside its messages: parts by its alphabets, balance, history; and their config."""

import pytest
from store_help import DEVICE, T0, accepted, claim, epoch, send, settle, status

from drivers.base import Health, Left, Outcome, Result, State, Ussd, UssdReply
from drivers.text import binary
from gateway.config import from_mapping
from gateway.config.devices import BalanceConfig
from gateway.errors import ConfigurationError
from gateway.parts import Splitter
from gateway.service.balance import AGAIN_S, TOKEN, Balance
from gateway.service.clock import Clock
from gateway.service.history import MOST_SIMS, History
from gateway.service.options import of
from gateway.store import devices, outbox
from gateway.store.types import Claimed, DeviceRow, Status


def claimed(text="", encoding=None, **fields):
    return Claimed(
        1, 1, "m", "b", "b", "+254700000001", text, 1, encoding, 7, 1, flash=False, priority=0, expires_ms=None,
        on_unknown=None, fields=fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "national", "simplify", "encoding", "udh"),
    [
        ("plain", (1, 1), True, "gsm7", b""),
        ("ğ", (0, 0), False, "ucs2", b""),
        ("ğ", (1, 1), True, "gsm7", b"\x24\x01\x01"),
        ("ğ", (0, 0), True, "gsm7", b""),
        ("Ж", (1, 1), True, "ucs2", b""),
    ],
)
def test_the_first_alphabet_that_fits_is_taken(text, national, simplify, encoding, udh):
    [part] = Splitter(national=national, simplify=simplify).split(claimed(text))
    assert (part.encoding, part.udh) == (encoding, udh)


def test_asked_for_ucs2_it_is_ucs2():
    [part] = Splitter(national=(1, 1), simplify=True).split(claimed("ğ", "ucs2"))
    assert part.encoding == "ucs2"


def test_octets_with_a_header():
    [part] = Splitter().split(claimed(data="0102", udh="0504158a0000"))
    assert (part.payload, part.udh) == (b"\1\2", bytes.fromhex("0504158a0000"))
    first, second = Splitter(wide_reference=True).split(claimed(data="00" * 200, destination_port=5505))
    assert (first.total, second.reference) == (2, 7)
    assert first.udh.startswith(b"\x08\x04\x00\x07\x02\x01\x05\x04")
    assert binary.count({"data": "00" * 140}).left == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data": "0g"}, "data must be octets in hexadecimal"),
        ({"data": 5}, "data must be octets in hexadecimal"),
        ({"data": "00", "udh": "x"}, "udh must be octets"),
        ({"data": "00", "udh": "00", "destination_port": 1}, "exclude each other"),
        ({"data": "00", "destination_port": 70000}, "port from 0 to 65535"),
        ({"data": "00", "udh": "00" * 140}, "leaves no room"),
    ],
)
def test_fields_that_make_no_message_say_why(fields, words):
    with pytest.raises(ValueError, match=words):
        binary.count(fields)


def test_the_balance_is_asked_on_time_and_told():
    balance = Balance("mtn", BalanceConfig(code="*100#", every="1h", below=5))
    assert balance.ask(10.0) == [Ussd(TOKEN, "*100#")]
    assert balance.ask(11.0) == []
    balance.reply(UssdReply(TOKEN, "You have KES 4.50, and 3 SMS"), 12.0, 1000)
    assert balance.told["balance"] == 4.5
    assert balance.told["balance_low"] is True
    assert balance.next_mono == 12.0 + 3600
    assert balance.ask(4000.0)
    balance.reply(UssdReply(TOKEN, None, error="network time-out"), 4001.0, 2000)
    assert (balance.told["balance"], balance.next_mono) == (4.5, 4001.0 + AGAIN_S)
    assert balance.ask(5000.0)
    balance.ended(5001.0)
    assert balance.ask(5002.0)
    assert Balance("mtn", None).ask(1.0) == []


def test_what_a_driver_is_told_of_the_time_before_it(store):
    history = History()
    for sim, number in (("A", "+1"), ("B", "+2")):
        history.take(Health(State.UP, iccid=sim, smsc=number))
    history.take(Result(1, 1, Outcome.ACCEPTED, reference="41"))
    history.take(Left(((2, 1), (3, 1)), 100.0))
    history.take(Result(2, 1, Outcome.UNKNOWN))
    history.take(Result(3, 1, Outcome.NOT_SENT))

    def rows(c):
        for name, sim, health in (("mtn", "B", {}), ("other", "C", {"smscs": {"C": "+3"}}), ("smpp", None, {})):
            kind = "smpp" if name == "smpp" else "modem"
            devices.update(c, DeviceRow(name, kind, "at", "n", "up", "", False, iccid=sim, health=health), 1)

    store.write(rows)
    with store.read() as c:
        past = history.past(c, "mtn", 130.0)
        later = History()
        later.load(c, "other")
    assert past == {
        "sim": "B", "homes": {"C": "other"}, "smscs": {"A": "+1", "B": "+2", "C": "+3"}, "reference": 41,
        "doubts": [(2, 1, 30.0)], "owed": (), "owed_s": 0.0,
    }  # fmt: skip
    assert later.smscs == {"C": "+3"}
    history.take(Result(2, 1, Outcome.ACCEPTED, reference="42", late=True))
    with store.read() as c:
        assert history.past(c, "mtn", 130.0)["doubts"] == []
    for number in range(MOST_SIMS + 5):
        history.take(Health(State.UP, iccid=str(number), smsc="+1"))
    assert len(history.smscs) == MOST_SIMS


def test_what_a_modem_may_owe_after_its_service_died(store):
    old = epoch(store)
    answered, first, second = (send(store, f"+{number}") for number in (1, 2, 3))
    (one,) = claim(store, old, max_rows=1)
    settle(store, old, one, Status.SENT, accepted(one, 1, "41"))
    open_ = [claim(store, old, T0 + 1000, max_rows=1)[0].attempt for _ in (first, second)]
    mine = epoch(store)
    store.write(lambda c: outbox.recover(c, mine, T0 + 5000))
    history, clock = History(), Clock(lambda: (T0 + 11_000) / 1000, lambda: 500.0)
    with store.read() as c:
        history.crashed(c, DEVICE, 60.0, clock)
        past = history.past(c, DEVICE, 500.0)
    assert (past["reference"], past["owed"], past["owed_s"]) == (41, tuple((each, 1) for each in open_), 50.0)
    history.take(Result(open_[0], 1, Outcome.ACCEPTED, reference="42", late=True))
    with store.read() as c:
        assert history.past(c, DEVICE, 500.0)["owed"] == ()
        other = History()
        other.crashed(c, "other", 60.0, clock)
        assert other.past(c, "other", 500.0)["owed"] == ()
    assert status(store, answered) is Status.SENT


def test_the_options_of_a_modem_reach_its_driver():
    table = {
        "port": "virtual", "smsc": "+254722500029", "hangup": True, "profile": "zte-mf190", "flash": True, "replace": 2,
        "reject_duplicates": True, "validity": "1h", "recover": ["reset", "usb"],
        "national": {"locking": "hindi", "single": "hindi"}, "balance": {"code": "*144#", "every": "6h"},
    }  # fmt: skip
    config = from_mapping({"modem": {"mtn": table}})
    assert (config.modem["mtn"].national, config.modem["mtn"].balance.every) == ((6, 6), 21600.0)
    _, options = of(config, "mtn")
    for key in ("smsc", "hangup", "profile", "flash", "replace", "reject_duplicates"):
        assert options[key] == table[key]
    assert (options["validity"], options["recover"]) == (3600.0, ["reset", "usb"])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("national", {"single": "turkich"}, "did you mean 'turkish'"),
        ("national", {"locking": "spanish"}, "no locking shift table"),
        ("national", "turkish", "must be a table"),
        ("recover", ["power"], "some of reset, usb, hub"),
        ("balance", {"every": "1h"}, "missing"),
        ("balance", {"code": "*1#", "pattern": "x"}, "one group"),
        ("balance", {"code": "*1#", "below": "5"}, "number without quotes"),
        ("balance", "*100#", "must be a table"),
        ("replace", 8, "whole number from 1 to 7"),
        ("smsc", "MTN", "a number such as"),
    ],
)
def test_what_is_wrong_is_said(key, value, words):
    with pytest.raises(ConfigurationError, match=words):
        from_mapping({"modem": {"mtn": {"port": "virtual", key: value}}})
