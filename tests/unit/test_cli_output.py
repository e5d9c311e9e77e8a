"""What the command line prints, and the times it reads."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import moments, output

LATER = datetime(2000, 1, 1)  # noqa: DTZ001 - the strategy adds no zone
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("module", [moments, output])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


@given(st.datetimes(LATER, LATER + timedelta(days=30000)), st.integers(-14 * 60, 14 * 60))
def test_a_time_with_its_zone_is_read_back(naive, minutes):
    zone = timedelta(minutes=minutes)
    text = f"{naive.isoformat()}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert moments.parse(text, "--at", NOON) == naive.replace(tzinfo=UTC) - zone


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_is_read_back(ms):
    found = moments.parse(output.moment(ms), "--at", NOON)
    assert round(found.timestamp() * 1000) == ms


@pytest.mark.parametrize("text", ["", "now", "+", "+2", "+2x", "2h", "2026-01-01", "2026-01-01T10:00", "+9999999d"])
def test_what_is_no_time(text):
    with pytest.raises(typer.BadParameter):
        moments.parse(text, "--at", NOON)


@given(st.text())
def test_nothing_printable_moves_the_cursor(text):
    shown = output.printable(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_json_lines_hold_any_text(capsys):
    output.emit({"text": "žluťoučký\n😀"}, {"text": "\x00\u202e"})
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == [
        "žluťoučký\n😀",
        "\x00\u202e",
    ]


def test_a_table_lines_up(capsys):
    output.table(("A", "NAME"), [(1, "long name"), (None, "two\nlines")])
    assert capsys.readouterr().out == "A  NAME\n1  long name\n   two⏎lines\n"
