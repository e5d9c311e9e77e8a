"""The PDUs of the network's side, by ``drivers.text.pdu``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drivers.text.pdu import Content, Deliver, PduError, StatusReport, SubmitPdu, decode, encode, tpdu_length


def read_submit(octets: bytes, length: int) -> SubmitPdu:
    """Read an SMS-SUBMIT whose TPDU has ``length`` octets. Raises PduError when it isn't one."""
    if not octets or tpdu_length(octets) != length:
        raise PduError(f"the PDU doesn't have the {length} octets that were announced")
    message = decode(octets)
    if not isinstance(message, SubmitPdu):
        raise PduError("the PDU isn't an SMS-SUBMIT")
    return message


def deliver(sender: str, smsc: str, content: Content, unix: float) -> bytes:
    """An SMS-DELIVER with the time ``unix``. Raises PduError for values that don't fit."""
    return encode(Deliver(sender, content, _stamp(unix), smsc=smsc or None))


def status_report(submitted: SubmitPdu, reference: int, smsc: str, status: int, sent: float, done: float) -> bytes:
    """The SMS-STATUS-REPORT about a message that got this TP-MR; times are Unix times."""
    recipient = submitted.destination
    return encode(StatusReport(reference, recipient, _stamp(sent), _stamp(done), status, smsc=smsc or None))


def describe(message: SubmitPdu) -> dict[str, Any]:
    """The message in plain values, for the witness."""
    header = message.content.header
    return {
        "to": message.destination,
        "text": message.content.text,
        "hex": message.content.payload.hex(),
        "encoding": str(message.content.encoding),
        "udh": message.content.udh.hex(),
        "concat": [header.reference, header.total, header.index] if header.total > 1 else None,
        "class": message.content.coding.message_class,
        "report": message.report,
        "validity": message.validity_s,
        "protocol": message.protocol,
        "reject_duplicates": message.reject_duplicates,
        "smsc": message.smsc,
    }


def is_status_report(pdu: str) -> bool:
    """Whether a PDU (with the service centre, hexadecimal) is a status report (TP-MTI, 3GPP TS 23.040 §9.2.3.1)."""
    octets = bytes.fromhex(pdu)
    first = 1 + octets[0]
    return first < len(octets) and octets[first] & 3 == 2


def told_length(pdu: str) -> int:
    """The length of a PDU as AT commands tell it (3GPP TS 27.005 §4)."""
    return tpdu_length(bytes.fromhex(pdu))


def _stamp(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
