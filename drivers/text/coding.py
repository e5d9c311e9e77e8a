"""The data coding scheme of a short message (3GPP TS 23.038 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import Encoding

WAITING_KINDS = ("voicemail", "fax", "email", "other")

_ALPHABETS = (Encoding.GSM7, Encoding.BINARY, Encoding.UCS2, Encoding.GSM7)
_ALPHABET_BITS = {Encoding.GSM7: 0x00, Encoding.BINARY: 0x04, Encoding.UCS2: 0x08}
_HAS_CLASS = 0x10
_COMPRESSED = 0x20
_DELETE = 0x40


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message waiting indication: the network turns a symbol on the handset on or off."""

    kind: str
    active: bool
    store: bool
    """False: the text may be discarded once the symbol is set."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What a data coding scheme octet says. ``message_class`` 0 is a flash message, 2 is meant for the SIM."""

    encoding: Encoding = Encoding.GSM7
    message_class: int | None = None
    compressed: bool = False
    delete_after_reading: bool = False
    waiting: Waiting | None = None


def read_coding(octet: int) -> Coding:
    """Explain an octet; never fails. Reserved values count as the default alphabet, as §4 wants."""
    group = octet >> 4
    if group < 0x8:
        return Coding(
            encoding=_ALPHABETS[octet >> 2 & 3],
            message_class=octet & 3 if octet & _HAS_CLASS else None,
            compressed=bool(octet & _COMPRESSED),
            delete_after_reading=group >= 0x4,
        )
    if group < 0xC:
        return Coding()
    if group == 0xF:
        return Coding(Encoding.BINARY if octet & 4 else Encoding.GSM7, message_class=octet & 3)
    waiting = Waiting(WAITING_KINDS[octet & 3], active=bool(octet & 8), store=group != 0xC)
    return Coding(Encoding.UCS2 if group == 0xE else Encoding.GSM7, waiting=waiting)


def write_coding(coding: Coding) -> int:
    """The octet that says this: of the general group, or of a message waiting group."""
    if coding.waiting:
        waiting = coding.waiting
        group = 0xE0 if coding.encoding is Encoding.UCS2 else 0xD0 if waiting.store else 0xC0
        return group | (8 if waiting.active else 0) | WAITING_KINDS.index(waiting.kind)
    octet = _ALPHABET_BITS[coding.encoding]
    if coding.message_class is not None:
        octet |= _HAS_CLASS | coding.message_class & 3
    return octet | (_COMPRESSED if coding.compressed else 0) | (_DELETE if coding.delete_after_reading else 0)
