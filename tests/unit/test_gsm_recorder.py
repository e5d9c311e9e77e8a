"""The flight recorder: what it keeps, and what never gets into it."""

from __future__ import annotations

import pytest

from drivers.gsm.recorder import FROZEN, KEPT_S, Recorder, masked


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("AT+CSQ", "AT+CSQ"),
        ("+CSQ: 20,99", "+CSQ: 20,99"),
        ("+CMS ERROR: 38", "+CMS ERROR: 38"),
        ('AT+CPIN="1234"', "AT+CPIN=***"),
        ('AT+CLCK="SC",0,"1234"', "AT+CLCK=***"),
        ('AT+CPMS="SM","SM","SM"', 'AT+CPMS="SM","SM","SM"'),
        ('+CMTI: "SM",3', '+CMTI: "SM",3'),
        ('+CLIP: "+447700900123",145,"",,"",0', '+CLIP: "*13*",145,"*0*",,"*0*",0'),
        ('+CUSD: 0,"Your balance is 5.20",15', '+CUSD: 0,"*20*",15'),
        ('+CUSD: 0,"Your balance', '+CUSD: 0,"*12*"'),
        ("is 5.20, ask 447700900123", "<25 characters>"),
        ("07911326040000F0040B911346610089F6", "<34 digits>"),
        ("0011000C914477009001110000AA05E8329BFD06\x1a", "<40 digits><Ctrl-Z>"),
        ("\x1b", "<ESC>"),
        ("356938035640000", "<15 digits>"),
        ("> ", ">"),
        ("OK", "OK"),
        ("RING", "RING"),
    ],
)
def test_a_line_is_kept_without_words_and_numbers(line, kept):
    assert masked(line) == kept


def test_torn_lines_are_masked_as_one():
    recorder = Recorder()
    recorder.heard(b'\r\n+CLIP: "+4477', 1.0)
    recorder.heard(b'00900123",145\r\n', 1.1)
    recorder.sent(b"AT+CMGS=20\r", 2.0)
    recorder.heard(b"\r\n> ", 2.1)
    recorder.sent(b"0011000C914477", 2.2)
    recorder.sent(b"00900111\x1a", 2.3)
    told = recorder.dump(3.0)
    assert "4477" not in told
    assert "0090" not in told
    assert [line.split(maxsplit=1)[1] for line in told.splitlines()[1:]] == [
        '< +CLIP: "*13*",145', "> AT+CMGS=20", "< >", "> <22 digits><Ctrl-Z>",
    ]  # fmt: skip


def test_old_lines_go_and_faults_stay():
    recorder = Recorder()
    for number in range(FROZEN + 2):
        recorder.sent(f"AT+X{number}\r".encode(), 1000.0 * number)
        recorder.freeze(f"fault {number}", 1000.0 * number + 1)
    told = recorder.dump(1000.0 * number + 2)
    assert "fault 0" not in told
    assert "fault 1" not in told
    assert told.count("AT+X2") == 1
    assert told.count(f"AT+X{number}") == 2
    assert "AT+X" not in recorder.dump(1000.0 * number + KEPT_S + 10).rpartition("== now")[2]
