"""Delivery receipts: deliver_sm with optional parameters, or with text in one of its many forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drivers.base import ReceiptStatus
from drivers.smpp import codec, references
from drivers.smpp.names import (
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    ESM_TYPE_MASK,
    TLV_MESSAGE_STATE,
    TLV_NETWORK_ERROR_CODE,
    TLV_RECEIPTED_MESSAGE_ID,
)  # fmt: skip

_STATES: Final = {
    0: "SCHEDULED", 1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN",
    8: "REJECTD", 9: "SKIPPED",
}  # fmt: skip
"""message_state (SMPP 3.4 §5.2.28; 0 and 9 are SMPP 5.0's)."""
_WORDS: Final = {
    "DELIV": (ReceiptStatus.DELIVERED, "delivered"),
    "EXPIR": (ReceiptStatus.FAILED, "its time ran out at the carrier"),
    "DELET": (ReceiptStatus.FAILED, "deleted at the carrier"),
    "UNDEL": (ReceiptStatus.FAILED, "undeliverable"),
    "REJEC": (ReceiptStatus.FAILED, "rejected by the carrier"),
    "UNKNO": (ReceiptStatus.FAILED, "the carrier does not know what became of it"),
    "SKIPP": (ReceiptStatus.FAILED, "skipped by the carrier"),
    "FAILE": (ReceiptStatus.FAILED, "the delivery failed"),
    "ACCEP": (ReceiptStatus.PENDING, "accepted by the carrier"),
    "ENROU": (ReceiptStatus.PENDING, "on its way"),
    "BUFFE": (ReceiptStatus.PENDING, "the carrier keeps it for now"),
    "SCHED": (ReceiptStatus.PENDING, "scheduled at the carrier"),
}

_NAMES = r"id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:us)?|err(?:or)?"
_FIELD = re.compile(rf"(?P<name>{_NAMES})\s*[:=]\s*(?P<value>[^\s:=]*?)(?=(?:{_NAMES})\s*[:=]|\s|$)", re.IGNORECASE)
_TEXT_AT = re.compile(r"text\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """The fields that a receipt says in its text; absent ones are empty (SMPP 3.4 appendix B)."""

    id: str = ""
    stat: str = ""
    err: str = ""
    done_date: str = ""
    others: int = 0
    """How many more of the usual fields there are."""


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery receipt as it is understood."""

    references: tuple[str, ...]
    status: ReceiptStatus
    code: str
    reason: str
    network_time: str | None


def parse_text(text: str) -> ReceiptText:
    """Read a receipt's text, whatever is missing, joined or in another order; the message's own words are left out."""
    cut = _TEXT_AT.search(text)
    fields = text[: cut.start()] if cut else text
    found = {re.sub("[ _]", "", match["name"].lower()): match["value"] for match in _FIELD.finditer(fields)}
    stat = found.get("stat") or found.get("status") or ""
    err = found.get("err") or found.get("error") or ""
    others = sum(name in found for name in ("sub", "dlvrd", "submitdate", "donedate"))
    return ReceiptText(found.get("id", ""), stat.upper(), err, found.get("donedate", ""), others)


def is_receipt(pdu: codec.Pdu, text: str) -> bool:
    """Whether a deliver_sm is a receipt: esm_class says so, or its parameters do, or all of its text does."""
    kind = pdu.number("esm_class") & ESM_TYPE_MASK
    if kind in (ESM_RECEIPT, ESM_INTERMEDIATE):
        return True
    if pdu.tlv(TLV_RECEIPTED_MESSAGE_ID) is not None and pdu.tlv(TLV_MESSAGE_STATE) is not None:
        return True
    if kind or not text.lstrip().lower().startswith("id:"):
        return False
    said = parse_text(text)
    return bool(said.id and said.stat) and said.others >= 2


def report(pdu: codec.Pdu, text: str, form: references.Form | None = None) -> Report:
    """Understand a receipt; what its optional parameters say wins over its text."""
    said = parse_text(text)
    state = pdu.tlv_number(TLV_MESSAGE_STATE)
    stat = _STATES.get(state, said.stat) if state is not None else said.stat
    status, words = _WORDS.get(stat[:5], (ReceiptStatus.PENDING, f"the carrier says {stat or 'nothing'}"))
    if pdu.number("esm_class") & ESM_TYPE_MASK == ESM_INTERMEDIATE and status is not ReceiptStatus.DELIVERED:
        status = ReceiptStatus.PENDING
    error = _network_error(pdu) or said.err
    failed = status is ReceiptStatus.FAILED and error.strip("0")
    ids = [identifier for identifier in (pdu.tlv_text(TLV_RECEIPTED_MESSAGE_ID), said.id) if identifier]
    return Report(
        references=references.candidates(ids, form),
        status=status,
        code=" ".join(word for word in (stat, error) if word),
        reason=f"{words} (error {error})" if failed else words,
        network_time=iso(said.done_date),
    )


def state(message_state: int) -> tuple[str, ReceiptStatus, str]:
    """A message_state (SMPP 3.4 §5.2.28): its word in receipts, what it means, and that in a sentence."""
    stat = _STATES.get(message_state, "")
    return stat, *_WORDS.get(stat[:5], (ReceiptStatus.PENDING, f"the carrier says {message_state}"))


def _network_error(pdu: codec.Pdu) -> str:
    """network_error_code (SMPP 3.4 §5.3.2.31): one octet of network type, two of code."""
    value = pdu.tlv(TLV_NETWORK_ERROR_CODE)
    return str(int.from_bytes(value[1:3], "big")) if value and len(value) >= 3 else ""


def iso(date: str) -> str | None:
    """YYMMDDhhmm[ss], or the year with four digits, as ISO 8601 without a zone: the carrier does not say which."""
    if not date.isascii() or not date.isdigit() or len(date) not in (10, 12, 14) or not date.strip("0"):
        return None
    century = "" if len(date) == 14 or (len(date) == 12 and _has_century(date)) else "20"
    full = (century + date).ljust(14, "0")
    return f"{full[:4]}-{full[4:6]}-{full[6:8]}T{full[8:10]}:{full[10:12]}:{full[12:14]}"


def _has_century(date: str) -> bool:
    """Whether twelve digits are YYYYMMDDhhmm rather than YYMMDDhhmmss: only one of them has a month."""
    return date.startswith("20") and not "01" <= date[2:4] <= "12"
