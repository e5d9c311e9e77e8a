"""Whatever comes along the line, the virtual modem stays alive and in step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_host import Host, lines

from drivers.virtual.commands import HANDLERS
from drivers.virtual.line import Command, Kind, Line, parse
from drivers.virtual.makers import MAKERS


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("", ()),
        ("E0", (Command("E", Kind.EXECUTE, ("0",)),)),
        ("&F", (Command("&F"),)),
        ("S0=0", (Command("S0", Kind.SET, ("0",)),)),
        ("+csq", (Command("+CSQ"),)),
        ("+CPMS?", (Command("+CPMS", Kind.READ),)),
        ("+CPMS=?", (Command("+CPMS", Kind.TEST),)),
        ('+CPMS="SM", "ME"', (Command("+CPMS", Kind.SET, ("SM", "ME")),)),
        ('+CUSD=1,"*1;2,3#",15', (Command("+CUSD", Kind.SET, ("1", "*1;2,3#", "15")),)),
        ("+CNMI=2,,,1", (Command("+CNMI", Kind.SET, ("2", "", "", "1")),)),
        ("+CSQ;+COPS?", (Command("+CSQ"), Command("+COPS", Kind.READ))),
        ("E0V1", (Command("E", Kind.EXECUTE, ("0",)), Command("V", Kind.EXECUTE, ("1",)))),
        ("D+4477;", (Command("D", Kind.SET, ("+4477;",)),)),
        ("?", None),
        ("+CSQ;!", None),
    ],
)
def test_command_lines(body, commands):
    assert parse(body) == commands


def test_backspace_takes_the_last_octet_back():
    line = Line()
    (found,) = [done for octet in b"ATX\x08E1\r" if (done := line.feed(octet))]
    assert found.commands == (Command("E", Kind.EXECUTE, ("1",)),)


def test_an_endless_line_is_refused():
    host = Host()
    assert host.ask("AT" + "X" * 5000) == ["ERROR"]
    host.write("AT+CMGS=20\r")
    assert lines(host.write("0" * 5000 + "\x1a")) == ["+CMS ERROR: 304"]
    assert host.ask("AT") == ["OK"]


@given(st.text())
def test_any_text_is_parsed(body):
    parse(body)


_ARGUMENT = st.one_of(
    st.integers(-1, 300).map(str),
    st.sampled_from(["", '"SM"', '"SC"', '"', "0x2FE2", "²", "99999999999"]),
    st.text(max_size=5),
)
_COMMAND = st.builds(
    lambda name, mark, arguments: f"{name}{mark}{','.join(arguments)}",
    st.sampled_from(sorted(HANDLERS)),
    st.sampled_from(["", "?", "=?", "="]),
    st.lists(_ARGUMENT, max_size=5),
)


def _as_sent(pdu: bytes) -> bytes:
    return b"AT+CMGS=%d\r%s\x1a" % (len(pdu) - 1, pdu.hex().encode())


# No service centre, an SMS-SUBMIT with any flags, reference, address, coding and user data.
_SUBMIT = st.builds(
    lambda flags, kind, digits, coding, data, length: b"".join(
        (bytes([0, 1 | flags << 2, 0, 2 * len(digits), kind]), digits, bytes([0, coding]), bytes([length]), data)
    ),
    st.integers(0, 63),
    st.sampled_from([0x81, 0x91, 0xD0]),
    st.binary(max_size=12),
    st.integers(0, 255),
    st.binary(max_size=150),
    st.integers(0, 255),
)
_TYPED = st.one_of(
    st.binary(max_size=60),
    st.lists(_COMMAND, min_size=1, max_size=3).map(
        lambda many: ("AT" + ";".join(many) + "\r").encode("latin-1", "replace")
    ),
    _SUBMIT.map(_as_sent),
    st.binary(max_size=40).map(lambda octets: b"AT+CMGS=%d\r%s\x1a" % (len(octets) - 1, octets.hex().encode())),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(MAKERS)), st.booleans(), st.lists(_TYPED, max_size=8))
def test_the_modem_survives_anything_and_answers_again(maker, text_mode, typed):
    host = Host(maker=maker, text_mode=text_mode, sm_size=3)
    host.modem.network.attach("*", host.modem.mailbox.arrived)
    for data in typed:
        host.modem.receive(data, host.now)
        host.wait(1)
    # What gammu and our own driver do to find a lost modem.
    host.write("\x1b\r")
    host.wait(60)
    assert host.ask("ATE0")[-1] == "OK"
    assert host.ask("AT+CGSN") == [host.modem.options.imei, "OK"]


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.booleans())
def test_any_pdu_may_come_in(pdu, text_mode):
    host = Host(text_mode=text_mode, faults={"sim": "ready"})
    host.ask("AT+CNMI=2,1,0,2")
    host.modem.mailbox.take(pdu, host.now)
    host.wait(0)
    host.ask('AT+CPMS="SR"')
    for command in (
        'AT+CMGL="ALL"',
        "AT+CMGL=4",
        "AT+CMGR=0",
        "AT+CMSS=0",
        "AT+CMGD=0",
        'AT+CPMS="SM"',
        "AT+CMGR=0",
        "AT+CMSS=0",
    ):
        assert host.ask(command)
