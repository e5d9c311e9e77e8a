"""Log lines: masked, without repeats, and with their fields in the journal."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
import structlog

from gateway import logs
from gateway.journal import Journal, name_of


def parsed(entry: bytes) -> dict[str, str]:
    """An entry of the native protocol, read back."""
    fields: dict[str, str] = {}
    while entry:
        head, _, entry = entry.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            length = int.from_bytes(entry[:8], "little")
            value, entry = entry[8 : 8 + length], entry[9 + length :]
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def listener(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "journal"))
        sock.settimeout(5.0)
        yield sock


@pytest.fixture(autouse=True)
def as_before():
    yield
    structlog.reset_defaults()


def test_the_journal_gets_every_field_whole(tmp_path, listener):
    fields = {"MESSAGE": "two\nlines", "PRIORITY": "4", name_of("device"): "mtn", "ODD": "a=b"}
    assert Journal(tmp_path / "journal").send(fields)
    assert parsed(listener.recv(65536)) == {"MESSAGE": "two\nlines", "PRIORITY": "4", "SMS_DEVICE": "mtn", "ODD": "a=b"}


def test_a_journal_that_is_not_there_is_no_trouble(tmp_path):
    assert not Journal(tmp_path / "nothing").send({"MESSAGE": "x"})


def test_a_line_under_systemd_is_an_entry(tmp_path, listener):
    line = logs._ToJournal(Journal(tmp_path / "journal"), logs._Line(journal=True))
    event = {"component": "x", "event": "sent", "level": "warning", "message": "abc", "device": "mtn", "to": None}
    with pytest.raises(structlog.DropEvent):
        line(None, "warning", dict(event))
    assert parsed(listener.recv(65536)) == {
        "MESSAGE": "x: sent message=abc device=mtn",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "sms-gateway",
        "SMS_COMPONENT": "x",
        "SMS_MESSAGE": "abc",
        "SMS_DEVICE": "mtn",
    }
    lost = logs._ToJournal(Journal(tmp_path / "nothing"), logs._Line(journal=True))
    assert lost(None, "warning", dict(event)) == "<4>x: sent message=abc device=mtn"


def test_repeats_are_left_out_and_counted():
    now = [0.0]
    repeats = logs.Repeats(lambda: now[0])

    def through(**event) -> bool:
        try:
            repeats(None, "info", event)
        except structlog.DropEvent:
            return False
        return True

    assert [through(event="down", device="a") for _ in range(100)] == [True] * 10 + [False] * 90
    assert through(event="down", device="b")
    assert all(through(event="sent", message=str(number)) for number in range(100))
    now[0] = 61.0
    event = {"event": "down", "device": "a"}
    assert repeats(None, "info", event)["left_out"] == 90
    assert "left_out" not in repeats(None, "info", {"event": "down", "device": "a"})


def test_texts_and_numbers_are_masked():
    stream = io.StringIO()
    logs.configure(stream=stream)
    logs.get("gateway.x").info("got one from +254700000001", number="+254700000001", text="secret", message="123456789")
    line = stream.getvalue()
    assert "secret" not in line
    assert "254700000001" not in line
    assert "<6 characters>" in line
    assert "message=123456789" in line
    assert not line.startswith("<")
