"""Cutting and telling apart what a modem says."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gsm.lines import Cutter, Kind, kind_of

SPOKEN = (
    b'AT+CMGS=23\r\r\n> 0011\x1a\r\n^RSSI: 17\r\n\r\n+CMGS: 55\r\n\r\nOK\r\n\r\n+CMTI: "SM",3\r\n'
    b"\r\n+CDS: 25\r\n0006D60B\r\n"
)


def told(cutter: Cutter, pieces: list[bytes]) -> list[tuple[Kind, str, str]]:
    return [
        (line.kind, line.text, line.body)
        for piece in pieces
        for line in cutter.feed(piece)
        if line.kind is not Kind.BLANK
    ]


def test_a_message_with_noise_in_it():
    cutter = Cutter()
    cutter.asking = "+CMGS"
    assert told(cutter, [SPOKEN]) == [
        (Kind.ANSWER, "AT+CMGS=23", ""),
        (Kind.PROMPT, ">", ""),
        (Kind.ANSWER, "0011\x1a", ""),
        (Kind.URC, "^RSSI: 17", ""),
        (Kind.ANSWER, "+CMGS: 55", ""),
        (Kind.FINAL, "OK", ""),
        (Kind.URC, '+CMTI: "SM",3', ""),
        (Kind.URC, "+CDS: 25", "0006D60B"),
    ]


@pytest.mark.parametrize("behind", [b"", b'\r\n^SMMEMFULL: "SM"\r\n', b'+CMTI: "SM",3\r\n'])
def test_a_prompt_is_seen_whatever_stands_behind_it(behind):
    cutter = Cutter()
    cutter.asking = "+CMGS"
    kinds = [kind for kind, _, _ in told(cutter, [b"\r\n> " + behind])]
    assert kinds == [Kind.PROMPT, *([Kind.URC] if behind else [])]


@given(st.lists(st.integers(1, len(SPOKEN) - 1), max_size=12))
def test_pieces_change_nothing(cuts):
    marks = sorted({0, len(SPOKEN), *cuts})
    cutter = Cutter()
    cutter.asking = "+CMGS"
    pieces = [SPOKEN[a:b] for a, b in itertools.pairwise(marks)]
    whole = Cutter()
    whole.asking = "+CMGS"
    assert told(cutter, pieces) == told(whole, [SPOKEN])


@given(st.binary(max_size=300))
def test_no_octet_is_lost_or_made_up(octets):
    cutter = Cutter()
    cutter.asking = ""
    raw = b"".join(line.raw for line in cutter.feed(octets))
    assert raw + cutter.flush() == octets or b"+C" in octets


@pytest.mark.parametrize(
    ("text", "asking", "kind"),
    [
        ("+CREG: 2,1", "+CREG", Kind.ANSWER),
        ("+CREG: 1", "+CREG", Kind.URC),
        ('+CREG: 1,"00C3","0001E2F4",2', "+CREG", Kind.URC),
        ('+CREG: 2,1,"00C3","0001E2F4",2', "+CREG", Kind.ANSWER),
        ("+CSQ: 17,99", "+CREG", Kind.URC),
        ("+ICCID: 8944", "+CCID", Kind.ANSWER),
        ("+GCAP: +CGSM", "", Kind.ANSWER),
        ("356938035640000", "+CGSN", Kind.ANSWER),
        ("RING", "+CSQ", Kind.URC),
        ("+CMS ERROR: 38", "+CMGS", Kind.FINAL),
        ("NO CARRIER", "+CMGS", Kind.URC),
        ("NO CARRIER", "D", Kind.FINAL),
        ("+CMGS: 5", None, Kind.URC),
        ('^SMMEMFULL: "SM"', "+CPMS", Kind.URC),
    ],
)
def test_what_a_line_is(text, asking, kind):
    assert kind_of(text, asking) is kind
