"""Strings and messages in text mode (3GPP TS 27.005 §3, TS 27.007 §5.5)."""

from __future__ import annotations

from datetime import datetime

from drivers.text import alphabet as gsm
from drivers.text import split
from drivers.text.pdu import Content, Deliver, PduError, StatusReport, SubmitPdu, decode
from drivers.virtual.answers import cms
from drivers.virtual.sim import Stored

STATES = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")
STATES_OFFERED = "(" + ",".join(f'"{state}"' for state in STATES) + ")"


def read_state(word: str) -> int:
    """The number of a state that AT+CMGL names. Raises +CMS ERROR 302."""
    try:
        return STATES.index(word.upper() or STATES[0])
    except ValueError:
        raise cms(302) from None


def read_string(raw: str, charset: str) -> str:
    """A string from the host; what is wrong in it is replaced."""
    if charset == "GSM":
        return gsm.decode(raw.encode("latin-1", "replace"))
    if charset != "UCS2":
        return raw
    try:
        return bytes.fromhex(raw).decode("utf-16-be", "replace")
    except ValueError:
        return raw


def write_string(text: str, charset: str) -> str:
    """A string for the host, in quotes."""
    return f'"{write_text(text, charset)}"'


def write_text(text: str, charset: str) -> str:
    """A text for the host; what the character set lacks is a question mark."""
    if charset == "UCS2":
        return text.encode("utf-16-be", "replace").hex().upper()
    if charset != "GSM":
        return text.encode("ascii", "replace").decode("ascii")
    table = gsm.encoder()
    return b"".join(table.get(character, b"?") for character in text).decode("latin-1")


def shown(stored: Stored, charset: str) -> str:
    """A stored message as AT+CMGR and AT+CMGL show it, behind the place (§3.4.2). Raises +CMS ERROR 305."""
    try:
        pdu = decode(stored.pdu)
    except PduError as error:
        raise cms(305) from error
    state = f'"{STATES[stored.state]}"'
    match pdu:
        case StatusReport():
            times = f'"{_stamp(pdu.timestamp)}","{_stamp(pdu.discharged)}"'
            return f'{state},6,{pdu.reference},"{pdu.recipient}",145,{times},{pdu.status}'
        case Deliver():
            head = f'{state},{write_string(pdu.sender, charset)},,"{_stamp(pdu.timestamp)}"'
        case SubmitPdu():
            head = f"{state},{write_string(pdu.destination, charset)},"
    return f"{head}\r\n{write_text(pdu.content.text, charset)}"


def message(destination: str, text: str, charset: str, *, report: bool) -> SubmitPdu:
    """The message that is typed at the prompt. Raises +CMS ERROR 305 when it doesn't fit into one."""
    try:
        parts = split(read_string(text, charset).replace("\r", "\n"), reference=0)
    except ValueError as error:
        raise cms(305) from error
    if len(parts) != 1:
        raise cms(305)
    return SubmitPdu(destination, Content.of(parts[0]), report=report)


def _stamp(moment: str | None) -> str:
    if moment is None:
        return ""
    when = datetime.fromisoformat(moment)
    offset = when.utcoffset()
    quarters = 0 if offset is None else round(offset.total_seconds() / 900)
    return f"{when:%y/%m/%d,%H:%M:%S}{quarters:+03d}"
