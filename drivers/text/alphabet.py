"""The GSM 7 bit alphabet (3GPP TS 23.038 §6): text to septets and back, packed and unpacked.

A *septet string* is ``bytes`` with one septet in each octet; an escape sequence is two of them. ``locking`` and
``single`` are the national language identifiers of §6.2.1.2.4; 0 is the default alphabet and its extension.
There is no backtick in the default alphabet: 0x5F is ``§``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from drivers.text.national import ESCAPE, EXTENSION, LOCKING, SINGLE

CODEC = "gsm7"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_DEFAULT = tuple(
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)


def encode(text: str, locking: int = 0, single: int = 0) -> bytes:
    """Text to septets.

    Raises UnicodeEncodeError, which names the first character that the tables lack, and ValueError for a
    table that 23.038 doesn't define.
    """
    try:
        return text.translate(_septets(locking, single)).encode("latin-1")
    except _StrangeError as error:
        (code,) = error.args
        at = text.index(chr(code))
        reason = f"U+{code:04X} isn't in the GSM 7 bit alphabet"
        raise UnicodeEncodeError(CODEC, text, at, at + 1, reason) from None


def decode(septets: bytes, locking: int = 0, single: int = 0) -> str:
    """Septets to text; never fails.

    A place that the standard leaves free, and an octet above 0x7F, become U+FFFD. An escape that the single
    shift table doesn't know shows the character of the main table; an escape before an escape, or at the end,
    shows a space (§6.2.1.1). Tables that 23.038 doesn't define count as the default ones.
    """
    main, shifted = _decoders(locking, single)
    if ESCAPE not in septets:
        return "".join([main[septet] for septet in septets])
    text = []
    escaped = False
    for septet in septets:
        if escaped:
            text.append(shifted[septet])
            escaped = False
        elif septet == ESCAPE:
            escaped = True
        else:
            text.append(main[septet])
    if escaped:
        text.append(" ")
    return "".join(text)


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Septets packed into octets (§6.1.2.1.1) after ``fill_bits`` zero bits; the last octet is filled with zeros."""
    value = 0
    for septet in reversed(septets):
        value = value << 7 | septet & 0x7F
    return (value << fill_bits).to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """The first ``count`` septets of packed octets, or as many as there are, after ``fill_bits`` bits."""
    value = int.from_bytes(octets, "little") >> fill_bits
    present = max(0, (8 * len(octets) - fill_bits) // 7)
    return bytes([value >> 7 * i & 0x7F for i in range(min(count, present))])


@cache
def encoder(locking: int = 0, single: int = 0) -> Mapping[str, bytes]:
    """Each character that the tables have, with its one or two septets. Raises ValueError for unknown tables."""
    if locking and locking not in LOCKING:
        raise ValueError(f"3GPP TS 23.038 defines no locking shift table {locking}")
    if single and single not in SINGLE:
        raise ValueError(f"3GPP TS 23.038 defines no single shift table {single}")
    table: dict[str, bytes] = {}
    for septet, character in enumerate(LOCKING[locking] if locking else _DEFAULT):
        if character and septet != ESCAPE:
            table.setdefault(character, bytes([septet]))
    for septet, character in sorted((SINGLE[single] if single else EXTENSION).items()):
        table.setdefault(character, bytes([ESCAPE, septet]))
    return MappingProxyType(table)


class _StrangeError(Exception):
    """A character (its code) that the tables lack."""


class _Septets(dict[int, str]):
    def __missing__(self, code: int) -> str:
        raise _StrangeError(code)  # str.translate would keep what a LookupError says is missing


@cache
def _septets(locking: int, single: int) -> _Septets:
    """For ``str.translate``, which takes a third of the time of a loop: by code, the septets as characters."""
    return _Septets({ord(each): septets.decode("latin-1") for each, septets in encoder(locking, single).items()})


@cache
def _decoders(locking: int, single: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """256 characters for a plain octet, and 256 for one that follows an escape."""
    main = [character or REPLACEMENT for character in LOCKING.get(locking, _DEFAULT)] + [REPLACEMENT] * 128
    extension = SINGLE.get(single, EXTENSION)
    shifted = [extension.get(octet, character) for octet, character in enumerate(main)]
    shifted[ESCAPE] = " "
    return tuple(main), tuple(shifted)
