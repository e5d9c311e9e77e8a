"""The user data header (3GPP TS 23.040 §9.2.3.24). Here it never includes its own length octet."""

from __future__ import annotations

from dataclasses import dataclass

CONCAT_8 = 0x00
PORTS_8 = 0x04
PORTS_16 = 0x05
CONCAT_16 = 0x08
SINGLE_SHIFT = 0x24
LOCKING_SHIFT = 0x25

MAX_PARTS = 255


@dataclass(frozen=True, slots=True)
class Header:
    """What a user data header says. ``reference`` is None where the message has a single part."""

    reference: int | None = None
    total: int = 1
    index: int = 1
    wide: bool = False
    """The reference has 16 bits; an 8 bit reference of the same value is another one."""
    destination_port: int | None = None
    source_port: int | None = None
    locking: int = 0
    single: int = 0
    elements: tuple[tuple[int, bytes], ...] = ()
    """Every information element (identifier, data), also those that are explained above."""


def concatenation(reference: int, total: int, index: int, *, wide: bool = False) -> bytes:
    """The element that joins parts (§9.2.3.24.1, §9.2.3.24.8). The reference is taken modulo 256, or 65536."""
    if wide:
        return bytes([CONCAT_16, 4]) + (reference & 0xFFFF).to_bytes(2, "big") + bytes([total, index])
    return bytes([CONCAT_8, 3, reference & 0xFF, total, index])


def national(locking: int = 0, single: int = 0) -> bytes:
    """The elements that choose national language tables (§9.2.3.24.15, .16); none for the default tables."""
    header = bytes([SINGLE_SHIFT, 1, single]) if single else b""
    return header + (bytes([LOCKING_SHIFT, 1, locking]) if locking else b"")


def ports(destination: int, source: int = 0) -> bytes:
    """The element that addresses an application (§9.2.3.24.4)."""
    return bytes([PORTS_16, 4]) + destination.to_bytes(2, "big") + source.to_bytes(2, "big")


def parse_udh(udh: bytes) -> Header:
    """Read a header; never fails.

    An element that is cut short ends the reading. Elements that contradict themselves (part 3 of 2, part 0)
    are ignored, and the last of two equal ones counts, as §9.2.3.24 wants.
    """
    elements = tuple(_elements(udh))
    said: dict[str, int] = {}
    for identifier, data in elements:
        said.update(_explain(identifier, data))
    reference = said.get("reference")
    return Header(
        reference=reference,
        total=said.get("total", 1),
        index=said.get("index", 1),
        wide=bool(said.get("wide")),
        destination_port=said.get("destination_port"),
        source_port=said.get("source_port"),
        locking=said.get("locking", 0),
        single=said.get("single", 0),
        elements=elements,
    )


def without_joining(udh: bytes) -> bytes:
    """The header without what joins parts: ports, for example.

    >>> without_joining(bytes.fromhex("0003070201" "05040b8423f0")).hex()
    '05040b8423f0'
    """
    kept = [each for each in _elements(udh) if each[0] not in (CONCAT_8, CONCAT_16)]
    return b"".join(bytes([identifier, len(data)]) + data for identifier, data in kept)


def _elements(udh: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at + 2 <= len(udh) and at + 2 + udh[at + 1] <= len(udh):
        end = at + 2 + udh[at + 1]
        found.append((udh[at], udh[at + 2 : end]))
        at = end
    return found


def _explain(identifier: int, data: bytes) -> dict[str, int]:
    said: dict[str, int] = {}
    match identifier, [*data]:
        case (0x00, [reference, total, index]) if 1 <= index <= total:
            said = {"reference": reference, "total": total, "index": index, "wide": 0}
        case (0x08, [high, low, total, index]) if 1 <= index <= total:
            said = {"reference": high << 8 | low, "total": total, "index": index, "wide": 1}
        case (0x04, [destination, source]):
            said = {"destination_port": destination, "source_port": source}
        case (0x05, [to_high, to_low, from_high, from_low]):
            said = {"destination_port": to_high << 8 | to_low, "source_port": from_high << 8 | from_low}
        case (0x24, [table]):
            said = {"single": table}
        case (0x25, [table]):
            said = {"locking": table}
    return said
