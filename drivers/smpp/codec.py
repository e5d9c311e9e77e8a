"""PDUs to octets and back. This file and ``layouts`` are the places that import smpplib.

smpplib says what each PDU is made of and writes the mandatory parameters. Reading is done here from its
tables: its own reader fails on optional parameters of vendors or of unexpected lengths, and cuts the last
character of an identifier that has no NUL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from smpplib.command_codes import get_command_name
from smpplib.ptypes import ostr
from smpplib.smpp import make_pdu

from drivers.base import DriverError
from drivers.smpp import layouts
from drivers.smpp.names import MAX_SHORT_MESSAGE, RINVCMDLEN, RINVMSGLEN

HEADER = struct.Struct(">LLLL")
_TLV = struct.Struct(">HH")

Value = int | bytes
Tlv = tuple[int, bytes]


class EncodeError(DriverError):
    """A value does not fit into its field."""


class DecodeError(DriverError):
    """A PDU whose mandatory part cannot be read; ``status`` is the command_status to answer with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU that was read. Strings are octets without their NUL; a parameter that never came is absent."""

    command: int
    status: int
    sequence: int
    fields: Mapping[str, Value] = field(default_factory=dict)
    tlvs: tuple[Tlv, ...] = ()

    def octets(self, name: str) -> bytes:
        """The value of a string parameter, empty when it did not come."""
        value = self.fields.get(name, b"")
        return value if isinstance(value, bytes) else b""

    def number(self, name: str) -> int:
        """The value of an integer parameter, 0 when it did not come."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, int) else 0

    def tlv(self, tag: int) -> bytes | None:
        """The first optional parameter with this tag."""
        return next((value for known, value in self.tlvs if known == tag), None)

    def tlv_number(self, tag: int) -> int | None:
        """An optional integer parameter; carriers send them longer and shorter than the standard says."""
        value = self.tlv(tag)
        return int.from_bytes(value, "big") if value else None

    def tlv_text(self, tag: int) -> str | None:
        """An optional C-Octet String, with or without its NUL."""
        value = self.tlv(tag)
        return None if value is None else value.rstrip(b"\0").decode("latin-1")


def header(frame: bytes) -> tuple[int, int, int]:
    """Command id, command_status and sequence_number of a whole PDU (SMPP 3.4 §3.2)."""
    _, command, status, sequence = HEADER.unpack_from(frame)
    return command, status, sequence


def decode(frame: bytes) -> Pdu:
    """Read one whole PDU of a command that ``layouts`` knows.

    Raises ``DecodeError`` when a mandatory parameter is cut short or has no end. A damaged optional part is
    read as far as it goes.
    """
    command, status, sequence = header(frame)
    fields: dict[str, Value] = {}
    at = HEADER.size
    for name, kind, size in layouts.layout(command):
        if at == len(frame):
            break
        if kind is int:
            fields[name], at = int.from_bytes(frame[at : at + size], "big"), at + size
        elif kind is ostr:
            length = fields.get("sm_length", 0)
            fields[name], at = frame[at : at + int(length)], at + int(length)
        else:
            end = frame.find(b"\0", at)
            if end < 0:
                raise DecodeError(f"the parameter {name} has no end", RINVCMDLEN)
            fields[name], at = frame[at:end], end + 1
        if at > len(frame):
            raise DecodeError(f"the parameter {name} is cut short", RINVMSGLEN if kind is ostr else RINVCMDLEN)
    return Pdu(command, status, sequence, fields, _read_tlvs(frame, at))


def _read_tlvs(frame: bytes, at: int) -> tuple[Tlv, ...]:
    found = []
    while at + _TLV.size <= len(frame):
        tag, length = _TLV.unpack_from(frame, at)
        at += _TLV.size
        if at + length > len(frame):
            break
        found.append((tag, frame[at : at + length]))
        at += length
    return tuple(found)


def message_id(frame: bytes) -> str | None:
    """The message_id of a response, None when it carries none (SMPP 3.4 §4.4.2)."""
    end = frame.find(b"\0", HEADER.size)
    text = frame[HEADER.size : end] if end >= 0 else frame[HEADER.size :]
    return text.decode("latin-1") or None


def pdu(command: int, sequence: int, status: int = 0, body: bytes = b"") -> bytes:
    """A whole PDU from its body."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def body(command: int, fields: Mapping[str, int | str | bytes], tlvs: Iterable[Tlv] = ()) -> bytes:
    """The body of any command that ``layouts`` knows.

    Raises ``EncodeError`` where smpplib would cut a value or fail: a string over its limit, a character
    outside Latin-1, a short_message over 254 octets.
    """
    limits = {name: (kind, size) for name, kind, size in layouts.layout(command)}
    for name, value in fields.items():
        if name not in limits:
            raise EncodeError(f"{name} is no parameter of {layouts.name(command)}")
        _check(name, value, *limits[name])
    if command in layouts.OWN:
        return _own_body(command, fields) + tlv_octets(tlvs)
    built = make_pdu(get_command_name(command), sequence=1)
    for name, value in fields.items():
        setattr(built, name, value)
    return bytes(built.generate_params()) + tlv_octets(tlvs)


def _own_body(command: int, fields: Mapping[str, int | str | bytes]) -> bytes:
    """The mandatory parameters of a command that smpplib lacks."""
    written = bytearray()
    for name, kind, size in layouts.layout(command):
        value = fields.get(name, 0 if kind is int else b"")
        if name == "sm_length":
            value = len(fields.get("short_message", b""))  # type: ignore[arg-type]
        if isinstance(value, int):
            written += value.to_bytes(size, "big")
        else:
            octets = value.encode("latin-1") if isinstance(value, str) else value
            written += octets if kind is ostr else octets + b"\0"
    return bytes(written)


def _check(name: str, value: int | str | bytes, kind: type, size: int) -> None:
    if isinstance(value, int):
        if not 0 <= value < 1 << (8 * size):
            raise EncodeError(f"{name} is {value}; it must fit into {size} octet(s)")
        return
    limit = size if kind is ostr else size - 1
    if len(value) > limit:
        raise EncodeError(f"{name} is {len(value)} characters long; SMPP allows {limit}")
    if isinstance(value, str):
        c_octets(name, value, limit)


def c_octets(name: str, text: str, limit: int) -> bytes:
    """A C-Octet String with its NUL. Raises ``EncodeError`` for one that does not fit."""
    try:
        octets = text.encode("latin-1")
    except UnicodeEncodeError:
        raise EncodeError(f"{name} holds a character that SMPP cannot carry: {text!r}") from None
    if len(octets) > limit or b"\0" in octets:
        raise EncodeError(f"{name} is {len(octets)} octets long or holds a NUL; SMPP allows {limit} octets")
    return octets + b"\0"


def tlv_octets(tlvs: Iterable[Tlv]) -> bytes:
    """Optional parameters as octets (SMPP 3.4 §5.3)."""
    return b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs)


@dataclass(slots=True)
class SubmitFields:
    """What a submit_sm holds, addresses as (TON, NPI, octets with NUL) (SMPP 3.4 §4.4.1)."""

    destination: tuple[int, int, bytes]
    short_message: bytes
    source: tuple[int, int, bytes] = (0, 0, b"\0")
    service_type: bytes = b"\0"
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: bytes = b"\0"
    validity: bytes = b"\0"
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    tlvs: tuple[Tlv, ...] = ()


def submit_body(f: SubmitFields) -> bytes:
    """The body of a submit_sm, written directly: this is the one PDU whose cost is felt.

    Raises ``EncodeError`` for a short_message over 254 octets.
    """
    if len(f.short_message) > MAX_SHORT_MESSAGE:
        raise EncodeError(f"short_message is {len(f.short_message)} octets long; SMPP allows {MAX_SHORT_MESSAGE}")
    source_ton, source_npi, source = f.source
    dest_ton, dest_npi, destination = f.destination
    return b"".join((
        f.service_type, bytes((source_ton, source_npi)), source, bytes((dest_ton, dest_npi)), destination,
        bytes((f.esm_class, f.protocol_id, f.priority)), f.schedule, f.validity,
        bytes((f.registered_delivery, f.replace_if_present, f.data_coding, 0, len(f.short_message))),
        f.short_message, tlv_octets(f.tlvs),
    ))  # fmt: skip
