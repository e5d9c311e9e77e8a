"""deliver_sm and data_sm to what the owner stores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from drivers.base import Encoding, Incoming, Receipt
from drivers.smpp import addresses, codec, content, receipts, references
from drivers.smpp.account import Account
from drivers.smpp.names import (
    ESM_UDHI,
    TLV_MESSAGE_PAYLOAD,
    TLV_RECEIPTED_MESSAGE_ID,
    TLV_SAR_MSG_REF_NUM,
    TLV_SAR_SEGMENT_SEQNUM,
    TLV_SAR_TOTAL_SEGMENTS,
)  # fmt: skip
from drivers.text import alphabet as gsm
from drivers.text import udh as headers

_EXPLAINED = {TLV_MESSAGE_PAYLOAD, TLV_SAR_MSG_REF_NUM, TLV_SAR_TOTAL_SEGMENTS, TLV_SAR_SEGMENT_SEQNUM}


def fingerprint(frame: bytes) -> str:
    """Names a PDU by its body: the header's sequence_number differs when the carrier repeats it."""
    return hashlib.blake2b(frame[codec.HEADER.size :], digest_size=16).hexdigest()


def understand(
    pdu: codec.Pdu,
    frame: bytes,
    key: str,
    session: str,
    account: Account,
    learner: references.Learner,
    lost: tuple[str, ...] = (),
) -> Incoming | Receipt:
    """One PDU as message or receipt (SMPP 3.4 §4.6.1). Never fails: what is odd is kept as it stands.

    ``lost``: the sessions that may have handed it in before.
    """
    octets = pdu.octets("short_message") or pdu.tlv(TLV_MESSAGE_PAYLOAD) or b""
    esm_class = pdu.number("esm_class")
    found = content.decode(octets, pdu.number("data_coding"), account.alphabet, has_udh=bool(esm_class & ESM_UDHI))
    text = _receipt_text(found, octets)
    sender = addresses.decode(pdu.octets("source_addr"), pdu.number("source_addr_ton"))
    if receipts.is_receipt(pdu, text):
        identifier = pdu.tlv_text(TLV_RECEIPTED_MESSAGE_ID) or receipts.parse_text(text).id
        learner.receipt(identifier)
        said = receipts.report(pdu, text, learner.form)
        return Receipt(
            key=key, references=said.references, status=said.status, number=sender or None, code=said.code or None,
            reason=said.reason, network_time=said.network_time, raw=frame,
            learnt=learner.form is not None,
        )  # fmt: skip
    header = headers.parse_udh(found.udh)
    reference, total, index = joining(pdu, header)
    return Incoming(
        key=key, sender=sender, encoding=found.encoding, payload=found.payload, fingerprint=fingerprint(frame),
        session=session, may_repeat=bool(lost), lost=lost,
        to=addresses.decode(pdu.octets("destination_addr"), pdu.number("dest_addr_ton")) or None,
        reference=reference, total=total, index=index, shift=(header.locking, header.single), pdu=frame,
        message_class=found.message_class, fields=_fields(pdu, header),
    )  # fmt: skip


def _receipt_text(found: content.Content, octets: bytes) -> str:
    """Receipts are ASCII whatever their data_coding says, except for those that really are UCS2."""
    if found.encoding is Encoding.UCS2:
        return found.payload.decode("utf-16-be", "replace")
    return gsm.decode(found.payload) if found.encoding is Encoding.GSM7 else octets.decode("latin-1")


def joining(pdu: codec.Pdu, header: headers.Header) -> tuple[int | None, int, int]:
    """Reference, total and index of a part: user data header first, then sar_* (SMPP 3.4 §5.3.2.22 to 24)."""
    if header.reference is not None:
        return header.reference, header.total, header.index
    reference = pdu.tlv_number(TLV_SAR_MSG_REF_NUM)
    total = pdu.tlv_number(TLV_SAR_TOTAL_SEGMENTS) or 1
    index = pdu.tlv_number(TLV_SAR_SEGMENT_SEQNUM) or 1
    if reference is None or not 2 <= total <= headers.MAX_PARTS or not index <= total:
        return None, 1, 1
    return reference, total, index


def _fields(pdu: codec.Pdu, header: headers.Header) -> Mapping[str, Any]:
    fields: dict[str, Any] = {}
    others = {f"0x{tag:04X}": value.hex() for tag, value in pdu.tlvs if tag not in _EXPLAINED}
    if others:
        fields["tlvs"] = others
    if header.destination_port is not None:
        fields["ports"] = (header.destination_port, header.source_port)
    for name in ("service_type",):
        if value := pdu.octets(name):
            fields[name] = value.decode("latin-1")
    if pdu.number("protocol_id"):
        fields["protocol_id"] = pdu.number("protocol_id")
    return fields
