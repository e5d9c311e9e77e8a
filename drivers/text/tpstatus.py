"""TP-Status of a status report (3GPP TS 23.040 §9.2.3.15): what became of a message, in words."""

from __future__ import annotations

from drivers.base import ReceiptStatus

_SENTENCES = {
    0x00: "short message received by the recipient",
    0x01: "short message forwarded to the recipient, the network can't confirm delivery",
    0x02: "short message replaced by the service centre",
    0x20: "congestion; the service centre still tries",
    0x21: "recipient busy; the service centre still tries",
    0x22: "no response from the recipient; the service centre still tries",
    0x23: "service rejected; the service centre still tries",
    0x24: "quality of service not available; the service centre still tries",
    0x25: "error in the recipient's equipment; the service centre still tries",
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by the recipient",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    0x46: "validity period expired",
    0x47: "deleted by the sender",
    0x48: "deleted by the service centre's administration",
    0x49: "short message doesn't exist",
    0x60: "congestion; the service centre has given up",
    0x61: "recipient busy; the service centre has given up",
    0x62: "no response from the recipient; the service centre has given up",
    0x63: "service rejected; the service centre has given up",
    0x64: "quality of service not available; the service centre has given up",
    0x65: "error in the recipient's equipment; the service centre has given up",
}
_DONE, _TRYING, _PERMANENT, _GIVEN_UP, _RESERVED = (0x00, 0x20, 0x40, 0x60, 0x80)


def receipt_status(status: int) -> ReceiptStatus:
    """What a TP-Status octet means for a receipt.

    Below 0x20 the message arrived, below 0x40 the service centre still tries. All that follows is final; the
    reserved values from 0x80 on count as the permanent errors that §9.2.3.15 makes of unknown ones.
    """
    if status < _TRYING:
        return ReceiptStatus.DELIVERED
    return ReceiptStatus.PENDING if status < _PERMANENT else ReceiptStatus.FAILED


def status_sentence(status: int) -> str:
    """One sentence for a TP-Status octet, in the standard's words."""
    if status in _SENTENCES:
        return _SENTENCES[status]
    for first, words in (
        (_RESERVED, "reserved status"),
        (_GIVEN_UP, "temporary error; the service centre has given up"),
        (_PERMANENT, "permanent error"),
        (_TRYING, "temporary error; the service centre still tries"),
        (_DONE, "short message delivered"),
    ):
        if status >= first:
            return f"{words} (TP-Status 0x{status:02X})"
    raise ValueError(f"{status} isn't an octet")
