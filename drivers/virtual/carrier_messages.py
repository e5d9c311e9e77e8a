"""What a virtual carrier writes: identifiers, receipts, deliver_sm, and its record of every submit."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drivers.base import Encoding
from drivers.smpp import addresses, codec, content
from drivers.smpp.names import (
    DELIVER_SM,
    ESM_RECEIPT,
    ESM_UDHI,
    TLV_MESSAGE_PAYLOAD,
    TLV_MESSAGE_STATE,
    TLV_RECEIPTED_MESSAGE_ID,
    TLV_SAR_MSG_REF_NUM,
    TLV_SAR_SEGMENT_SEQNUM,
    TLV_SAR_TOTAL_SEGMENTS,
)  # fmt: skip
from drivers.text import alphabet as gsm
from drivers.virtual.carrier_faults import Faults
from drivers.virtual.carrier_shelf import STATES

ID_FORMS = ("hex", "HEX", "dec", "uuid")
_RECEIPT = "id:{id} sub:001 dlvrd:{dlvrd} submit date:{date} done date:{date} stat:{stat} err:{err} text:{text}"
_CARRIED_TLVS = (TLV_MESSAGE_PAYLOAD, TLV_SAR_MSG_REF_NUM, TLV_SAR_TOTAL_SEGMENTS, TLV_SAR_SEGMENT_SEQNUM)
_ADDRESS = ("source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi", "destination_addr")


def identifier(number: int, form: str) -> str:
    """The message_id of the carrier's n-th message in one of ``ID_FORMS``."""
    match form:
        case "hex":
            return f"{number:x}"
        case "HEX":
            return f"{number:X}"
        case "uuid":
            return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    return str(number)


def receipted_id(reference: str, number: int, form: str) -> str:
    """What a receipt calls the message: see ``Faults.receipt_id``."""
    match form:
        case "hex":
            return f"{number:x}"
        case "HEX":
            return f"{number:X}"
        case "dec":
            return str(number)
        case "padded":
            return reference.zfill(10)
        case "upper":
            return reference.upper()
    return reference


def receipt(submit: codec.Pdu, reference: str, faults: Faults, stat: str, number: int) -> bytes:
    """The body of the deliver_sm that reports on a submit (SMPP 3.4 appendix B)."""
    named = receipted_id(reference, number, faults.receipt_id)
    delivered = stat == "DELIVRD"
    date = time.strftime("%y%m%d%H%M", time.gmtime())
    text = (faults.receipt_text or _RECEIPT).format(
        id=named, stat=stat, date=date, dlvrd="001" if delivered else "000",
        err="000" if delivered else "001", text=text_of(submit)[:20].encode("ascii", "replace").decode(),
    )  # fmt: skip
    tlvs: list[codec.Tlv] = []
    if faults.receipt_tlvs:
        octets = named.encode("latin-1") + (b"\0" if faults.receipt_nul else b"")
        tlvs = [(TLV_RECEIPTED_MESSAGE_ID, octets), (TLV_MESSAGE_STATE, bytes([STATES.get(stat, 7)]))]
    fields = _turned(submit) | {"esm_class": ESM_RECEIPT, "short_message": text.encode("latin-1")[:254]}
    return codec.body(DELIVER_SM, fields, tlvs)


def carried(submit: codec.Pdu) -> bytes:
    """A submit as the deliver_sm that its recipient gets."""
    fields: dict[str, int | str | bytes] = {
        name: _text(submit.fields[name]) for name in _ADDRESS if name in submit.fields
    }
    fields |= {
        "esm_class": submit.number("esm_class") & ESM_UDHI,
        "data_coding": submit.number("data_coding"),
        "short_message": submit.octets("short_message"),
    }
    return codec.body(DELIVER_SM, fields, [tlv for tlv in submit.tlvs if tlv[0] in _CARRIED_TLVS])


def from_phone(sender: str, to: str, text: str) -> bytes:
    """A text of a phone as deliver_sm, in the default alphabet if that has it, else UCS2."""
    try:
        coding, octets = content.DEFAULT, gsm.encode(text)
    except UnicodeEncodeError:
        coding, octets = content.UCS2, text.encode("utf-16-be")
    tlvs = []
    if len(octets) > 254:
        octets, tlvs = b"", [(TLV_MESSAGE_PAYLOAD, octets)]
    fields = addresses.fields("source", "source_addr", addresses.encode(sender))
    fields |= addresses.fields("dest", "destination_addr", addresses.encode(to))
    return codec.body(DELIVER_SM, fields | {"data_coding": coding, "short_message": octets}, tlvs)


def _turned(submit: codec.Pdu) -> dict[str, int | str | bytes]:
    """The addresses of a submit, the other way round."""
    values = [_text(submit.fields.get(name, 0)) for name in _ADDRESS]
    return dict(zip(_ADDRESS, values[3:] + values[:3], strict=True))


def _text(value: int | bytes) -> int | str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def text_of(submit: codec.Pdu) -> str:
    """What a person would read; binary content as hexadecimal."""
    found, octets = _content(submit)
    match found.encoding:
        case Encoding.UCS2:
            return found.payload.decode("utf-16-be", "replace")
        case Encoding.BINARY:
            return octets.hex()
    return gsm.decode(found.payload)


def _content(submit: codec.Pdu) -> tuple[content.Content, bytes]:
    octets = submit.octets("short_message") or submit.tlv(TLV_MESSAGE_PAYLOAD) or b""
    udhi = bool(submit.number("esm_class") & ESM_UDHI)
    return content.decode(octets, submit.number("data_coding"), "gsm7", has_udh=udhi), octets


class Record:
    """One JSON line for each submit, given to the kernel before the carrier answers."""

    def __init__(self, path: str | Path | None) -> None:
        """Raises OSError when the file can't be written."""
        self.seen: list[dict[str, Any]] = []
        self._descriptor = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def saw(self, entries: Iterable[dict[str, Any]]) -> None:
        """Record submits that came together."""
        entries = list(entries)
        self.seen += entries
        if self._descriptor is not None:
            lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
            os.write(self._descriptor, lines.encode())

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def entry(submit: codec.Pdu, account: str, reference: str | None, status: int, monotonic: float) -> dict[str, Any]:
    """What the record says of one submit."""
    found, octets = _content(submit)
    return {
        "time": time.time(),
        "monotonic": monotonic,
        "account": account,
        "to": addresses.decode(submit.octets("destination_addr"), submit.number("dest_addr_ton")),
        "from": addresses.decode(submit.octets("source_addr"), submit.number("source_addr_ton")),
        "text": text_of(submit),
        "udh": found.udh.hex(),
        "data": octets.hex(),
        "coding": submit.number("data_coding"),
        "esm_class": submit.number("esm_class"),
        "registered_delivery": submit.number("registered_delivery"),
        "validity": submit.octets("validity_period").decode("latin-1"),
        "ton": [submit.number("source_addr_ton"), submit.number("dest_addr_ton")],
        "npi": [submit.number("source_addr_npi"), submit.number("dest_addr_npi")],
        "priority": submit.number("priority_flag"),
        "service_type": submit.octets("service_type").decode("latin-1"),
        "tlvs": {f"0x{tag:04X}": value.hex() for tag, value in submit.tlvs},
        "id": reference,
        "status": status,
    }
