"""SMS-DELIVER, SMS-SUBMIT and SMS-STATUS-REPORT, both ways (3GPP TS 23.040 §9.2.2).

A PDU here is what a modem exchanges in PDU mode (3GPP TS 27.005 §3.1): the service centre's number, then the
TPDU. ``decode`` takes what a network or another device made, so it is lenient: user data that is shorter than
announced, header elements cut short and impossible times don't stop it. What is no PDU raises ``PduError``.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import ReceiptStatus
from drivers.text import elements
from drivers.text.coding import read_coding, write_coding
from drivers.text.elements import PduError, Reader
from drivers.text.tpstatus import receipt_status, status_sentence
from drivers.text.userdata import Content, read_content, write_content

__all__ = ["Content", "Deliver", "PduError", "StatusReport", "SubmitPdu", "decode", "encode", "tpdu_length"]

_DELIVER, _SUBMIT, _STATUS_REPORT = 0, 1, 2
_TYPE = 0x03
_NO_MORE = 0x04
_REJECT_DUPLICATES = 0x04
_RELATIVE = 0x10
_ABSOLUTE = 0x18
_VALIDITY = 0x18
_REPORT = 0x20
_HEADER = 0x40
_REPLY_PATH = 0x80


@dataclass(frozen=True, slots=True)
class Deliver:
    """SMS-DELIVER (§9.2.2.1): a message that came in. ``timestamp`` is ISO 8601, None when it was impossible."""

    sender: str
    content: Content
    timestamp: str | None = None
    protocol: int = 0
    more_messages: bool = False
    report: bool = False
    """The sender asked for a report."""
    reply_path: bool = False
    smsc: str | None = None


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """SMS-SUBMIT (§9.2.2.2): a message to send. ``reference`` is TP-MR, which modems replace with their own."""

    destination: str
    content: Content
    reference: int = 0
    validity_s: float | None = None
    """Relative; None leaves it to the service centre. An absolute one that was decoded is in ``valid_until``."""
    valid_until: str | None = None
    protocol: int = 0
    report: bool = False
    reject_duplicates: bool = False
    reply_path: bool = False
    smsc: str | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """SMS-STATUS-REPORT (§9.2.2.3): what became of the message that TP-MR ``reference`` named."""

    reference: int
    recipient: str
    timestamp: str | None = None
    """When the service centre took the message."""
    discharged: str | None = None
    """When ``status`` came about."""
    status: int = 0
    more_messages: bool = False
    smsc: str | None = None

    @property
    def receipt_status(self) -> ReceiptStatus:
        """The status as a receipt has it."""
        return receipt_status(self.status)

    @property
    def reason(self) -> str:
        """The status in the standard's words."""
        return status_sentence(self.status)


Pdu = Deliver | SubmitPdu | StatusReport


def decode(pdu: bytes | str) -> Pdu:
    """Read a PDU, octets or hexadecimal. Raises PduError for anything that isn't one.

    Type 2 is read as a status report, not as the SMS-COMMAND that it is in the other direction; the reserved
    type 3 counts as SMS-DELIVER (§9.2.3.1).
    """
    reader = Reader(_octets(pdu))
    smsc = reader.service_centre()
    first = reader.octet("the first octet")
    match first & _TYPE:
        case 1:
            return _decode_submit(reader, first, smsc)
        case 2:
            return _decode_status_report(reader, first, smsc)
    return _decode_deliver(reader, first, smsc)


def encode(pdu: Pdu) -> bytes:
    """Write a PDU. Raises PduError for values that don't fit: long user data, impossible numbers or times."""
    match pdu:
        case Deliver():
            return _encode_deliver(pdu)
        case SubmitPdu():
            return _encode_submit(pdu)
        case StatusReport():
            return _encode_status_report(pdu)


def tpdu_length(pdu: bytes) -> int:
    """The length that ``AT+CMGS`` and ``AT+CMGW`` want: without the service centre's number."""
    return len(pdu) - 1 - pdu[0]


def _octets(pdu: bytes | str) -> bytes:
    if isinstance(pdu, bytes):
        return pdu
    try:
        return bytes.fromhex(pdu)
    except ValueError:
        raise PduError("the PDU isn't hexadecimal") from None


def _decode_deliver(reader: Reader, first: int, smsc: str | None) -> Deliver:
    sender = reader.address("the sender")
    protocol = reader.octet("the protocol identifier")
    coding = read_coding(reader.octet("the data coding scheme"))
    timestamp = elements.read_timestamp(reader.take(7, "the time stamp"))
    return Deliver(
        sender=sender,
        content=read_content(reader, coding, has_header=bool(first & _HEADER)),
        timestamp=timestamp,
        protocol=protocol,
        more_messages=not first & _NO_MORE,
        report=bool(first & _REPORT),
        reply_path=bool(first & _REPLY_PATH),
        smsc=smsc,
    )


def _encode_deliver(pdu: Deliver) -> bytes:
    first = _DELIVER | _flag(not pdu.more_messages, _NO_MORE) | _flag(pdu.report, _REPORT)
    first |= _flag(pdu.reply_path, _REPLY_PATH) | _flag(bool(pdu.content.udh), _HEADER)
    return b"".join(
        (
            elements.write_service_centre(pdu.smsc),
            bytes([first]),
            elements.write_address(pdu.sender),
            bytes([pdu.protocol, write_coding(pdu.content.coding)]),
            elements.write_timestamp(pdu.timestamp),
            write_content(pdu.content),
        )
    )


def _decode_submit(reader: Reader, first: int, smsc: str | None) -> SubmitPdu:
    reference = reader.octet("the message reference")
    destination = reader.address("the destination")
    protocol = reader.octet("the protocol identifier")
    coding = read_coding(reader.octet("the data coding scheme"))
    validity_s: float | None = None
    valid_until = None
    match first & _VALIDITY:
        case 0x10:
            validity_s = elements.read_validity(reader.octet("the validity period"))
        case 0x08:
            validity_s = elements.read_enhanced_validity(reader.take(7, "the validity period"))
        case 0x18:
            valid_until = elements.read_timestamp(reader.take(7, "the validity period"))
    return SubmitPdu(
        destination=destination,
        content=read_content(reader, coding, has_header=bool(first & _HEADER)),
        reference=reference,
        validity_s=validity_s,
        valid_until=valid_until,
        protocol=protocol,
        report=bool(first & _REPORT),
        reject_duplicates=bool(first & _REJECT_DUPLICATES),
        reply_path=bool(first & _REPLY_PATH),
        smsc=smsc,
    )


def _encode_submit(pdu: SubmitPdu) -> bytes:
    validity_format, validity = _validity(pdu)
    first = _SUBMIT | validity_format | _flag(pdu.reject_duplicates, _REJECT_DUPLICATES) | _flag(pdu.report, _REPORT)
    first |= _flag(pdu.reply_path, _REPLY_PATH) | _flag(bool(pdu.content.udh), _HEADER)
    return b"".join(
        (
            elements.write_service_centre(pdu.smsc),
            bytes([first, pdu.reference & 0xFF]),
            elements.write_address(pdu.destination),
            bytes([pdu.protocol, write_coding(pdu.content.coding)]),
            validity,
            write_content(pdu.content),
        )
    )


def _validity(pdu: SubmitPdu) -> tuple[int, bytes]:
    """The bits of the first octet, and the field."""
    if pdu.valid_until is not None:
        return _ABSOLUTE, elements.write_timestamp(pdu.valid_until)
    if pdu.validity_s is not None:
        return _RELATIVE, bytes([elements.write_validity(pdu.validity_s)])
    return 0, b""


def _decode_status_report(reader: Reader, first: int, smsc: str | None) -> StatusReport:
    reference = reader.octet("the message reference")
    recipient = reader.address("the recipient")
    # Optional fields may follow the status (§9.2.3.27). They say nothing about the outcome.
    return StatusReport(
        reference=reference,
        recipient=recipient,
        timestamp=elements.read_timestamp(reader.take(7, "the time stamp")),
        discharged=elements.read_timestamp(reader.take(7, "the discharge time")),
        status=reader.octet("the status"),
        more_messages=not first & _NO_MORE,
        smsc=smsc,
    )


def _encode_status_report(pdu: StatusReport) -> bytes:
    return b"".join(
        (
            elements.write_service_centre(pdu.smsc),
            bytes([_STATUS_REPORT | _flag(not pdu.more_messages, _NO_MORE), pdu.reference & 0xFF]),
            elements.write_address(pdu.recipient),
            elements.write_timestamp(pdu.timestamp),
            elements.write_timestamp(pdu.discharged),
            bytes([pdu.status & 0xFF]),
        )
    )


def _flag(on: bool, bit: int) -> int:
    return bit if on else 0
