"""A transmission to the submit_sm PDUs that carry it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from drivers.base import DriverError, Encoding, Part, Submit
from drivers.smpp import addresses, codec, content
from drivers.smpp.account import Account, tlvs
from drivers.smpp.names import (
    ESM_UDHI,
    MAX_SHORT_MESSAGE,
    TLV_DEST_ADDR_SUBUNIT,
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_MSG_REF_NUM,
    TLV_SAR_SEGMENT_SEQNUM,
    TLV_SAR_TOTAL_SEGMENTS,
)  # fmt: skip
from drivers.text import alphabet as gsm
from drivers.text import udh as headers
from drivers.value import value

MAX_PAYLOAD: Final = 64_000
MAX_SEPTETS: Final = 160
RECEIPT_WANTED: Final = 0x01
SUBUNIT_DISPLAY: Final = b"\x01"


@value
class Unit:
    """What one submit_sm carries: one part, or all of them where the carrier takes a long text in one PDU."""

    token: int
    indices: tuple[int, ...]

    @property
    def parts(self) -> tuple[tuple[int, int], ...]:
        """(token, index) of each part."""
        return tuple((self.token, index) for index in self.indices)


class Outgoing:
    """Writes submit_sm bodies for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._source = self._address(account.source)
        self._service_type = codec.c_octets("service_type", account.service_type, 5)

    def units(self, submit: Submit) -> Iterator[tuple[Unit, Part]]:
        """The units of a transmission in order, each with the part that ``body`` writes."""
        if self._whole(submit):
            first = submit.parts[0]
            ucs2 = first.encoding is Encoding.UCS2
            payload = (submit.text or "").encode("utf-16-be") if ucs2 else gsm.encode(submit.text or "")
            yield Unit(submit.token, tuple(part.index for part in submit.parts)), Part(1, 1, first.encoding, payload)
            return
        for part in submit.parts:
            yield Unit(submit.token, (part.index,)), part

    def _whole(self, submit: Submit) -> bool:
        """Whether a long text goes as one PDU: wanted, all of it still to go, and without national tables."""
        if self._account.long != "payload" or not submit.text or len(submit.parts) < 2:
            return False
        if len(submit.parts) < submit.parts[0].total or submit.parts[0].encoding is Encoding.BINARY:
            return False
        return all(
            {element for element, _ in headers.parse_udh(part.udh).elements} <= {0x00, 0x08} for part in submit.parts
        )

    def body(self, submit: Submit, part: Part) -> bytes:
        """The body of the submit_sm (SMPP 3.4 §4.4.1). Raises ``DriverError`` in words for a person."""
        account = self._account
        coding, octets = content.encode(part, account.alphabet)
        header, more = self._joining(part)
        if submit.flash:
            coding, flash = self._flash(part, coding)
            more += flash
        fields = codec.SubmitFields(
            destination=addresses.encode(submit.destination, account.dest_ton, account.dest_npi),
            short_message=bytes([len(header)]) + header + octets if header else octets,
            source=self._address(submit.source) if submit.source else self._source,
            service_type=self._service_type,
            esm_class=ESM_UDHI if header else 0,
            priority=priority_flag(submit.priority),
            validity=validity_period(submit.validity_s),
            registered_delivery=RECEIPT_WANTED if submit.receipt and account.receipts else 0,
            data_coding=coding,
            tlvs=more + account.tlvs,
        )
        if submit.fields:
            _obey_sender(fields, submit.fields)
        if len(fields.short_message) > MAX_SHORT_MESSAGE:
            _move_to_payload(fields)
        return codec.submit_body(fields)

    def _flash(self, part: Part, coding: int) -> tuple[int, tuple[codec.Tlv, ...]]:
        """data_coding and parameters that show a message at once."""
        account = self._account
        if account.flash == "subunit" or (coding == content.DEFAULT and not account.alphabet.startswith("gsm7")):
            return coding, ((TLV_DEST_ADDR_SUBUNIT, SUBUNIT_DISPLAY),)
        return content.FLASH[Encoding.UCS2 if coding == content.UCS2 else part.encoding], ()

    def _address(self, text: str | None) -> tuple[int, int, bytes]:
        return addresses.encode(text, self._account.source_ton, self._account.source_npi)

    def _joining(self, part: Part) -> tuple[bytes, tuple[codec.Tlv, ...]]:
        """The user data header, and the sar_* parameters in its stead where the account wants them."""
        if self._account.long != "sar" or part.total < 2 or not part.udh:
            return part.udh, ()
        header = headers.parse_udh(part.udh)
        kept = b"".join(
            bytes([element, len(data)]) + data
            for element, data in header.elements
            if element not in (headers.CONCAT_8, headers.CONCAT_16)
        )
        reference = part.reference if part.reference is not None else header.reference or 0
        return kept, (
            (TLV_SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
            (TLV_SAR_TOTAL_SEGMENTS, bytes([part.total])),
            (TLV_SAR_SEGMENT_SEQNUM, bytes([part.index])),
        )


def replacement(text: str, account: Account) -> dict[str, int | str | bytes]:
    """What replace_sm says in the place of a text (SMPP 3.4 §4.10.1), which has no data_coding of its own.

    Raises ``DriverError`` for a text that is not in the default alphabet or longer than one part.
    """
    try:
        septets = gsm.encode(text)
        coding, octets = content.encode(Part(1, 1, Encoding.GSM7, septets), account.alphabet)
    except UnicodeEncodeError:
        septets, coding, octets = b"", content.UCS2, b""
    if coding != content.DEFAULT:
        raise DriverError("replace_sm carries the account's default alphabet only, and the new text has other letters")
    if len(septets) > MAX_SEPTETS:
        raise DriverError(f"the new text takes {len(septets)} septets; replace_sm carries {MAX_SEPTETS}")
    return {"registered_delivery": RECEIPT_WANTED if account.receipts else 0, "short_message": octets}


def _obey_sender(fields: codec.SubmitFields, wishes: Mapping[str, Any]) -> None:
    """Apply what the sender of a message wants of SMPP: ``wishes["smpp"]``."""
    extra = wishes.get("smpp")
    if not isinstance(extra, Mapping):
        return
    if "service_type" in extra:
        fields.service_type = codec.c_octets("service_type", str(extra["service_type"]), 5)
    if "schedule" in extra:
        fields.schedule = codec.c_octets("schedule", str(extra["schedule"]), 16)
    for name in ("protocol_id", "replace_if_present", "data_coding"):
        if name in extra:
            setattr(fields, name, _octet(name, extra[name]))
    fields.tlvs += tlvs(extra.get("tlvs") or {})


def _move_to_payload(fields: codec.SubmitFields) -> None:
    """Put a text that is too long for short_message into message_payload (SMPP 3.4 §5.3.2.32)."""
    if len(fields.short_message) > MAX_PAYLOAD:
        octets = len(fields.short_message)
        raise codec.EncodeError(f"the text takes {octets} octets; one PDU carries {MAX_PAYLOAD}")
    fields.tlvs += ((TLV_MESSAGE_PAYLOAD, fields.short_message),)
    fields.short_message = b""


def _octet(name: str, value: object) -> int:
    if isinstance(value, int) and 0 <= value <= 0xFF:
        return value
    raise codec.EncodeError(f"{name} is {value!r}; it must be a number from 0 to 255")


def priority_flag(priority: int) -> int:
    """-100 … 100 as 0 … 3 (SMPP 3.4 §5.2.14)."""
    return 0 if priority <= 0 else min(3, 1 + (priority - 1) // 33)


def validity_period(seconds: float | None) -> bytes:
    """A relative time as C-Octet String (SMPP 3.4 §7.1.1.2), rounded down, at least a minute; None: the carrier's."""
    if seconds is None:
        return b"\0"
    minutes, second = divmod(max(60, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    years, days = divmod(min(days, 99 * 360), 360)
    month, day = divmod(days, 30)
    return f"{years:02d}{month:02d}{day:02d}{hour:02d}{minute:02d}{second:02d}000R\0".encode()
