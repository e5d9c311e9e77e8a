"""User data as data_coding and octets, and back (SMPP 3.4 §5.2.19, 3GPP TS 23.038 §4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base import Encoding, Part
from drivers.smpp.codec import EncodeError
from drivers.text import alphabet as gsm

DEFAULT: Final = 0x00
BINARY: Final = 0x04
UCS2: Final = 0x08
FLASH: Final = {Encoding.GSM7: 0x10, Encoding.BINARY: 0x14, Encoding.UCS2: 0x18}
"""General data coding, class 0 (3GPP TS 23.038 §4)."""

_OF_ACCOUNT: Final = {"latin1": "latin-1", "ascii": "ascii", "utf8": "utf-8"}
_CHARSETS: Final = {
    0x01: "ascii", 0x03: "latin-1", 0x05: "iso2022_jp", 0x06: "iso8859-5", 0x07: "iso8859-8", 0x0A: "iso2022_jp",
    0x0D: "iso2022_jp_1", 0x0E: "euc_kr",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """What was received. ``payload`` as in ``drivers.base.Part``; ``udh`` without its length octet."""

    encoding: Encoding
    payload: bytes
    udh: bytes = b""
    message_class: int | None = None


def encode(part: Part, alphabet: str) -> tuple[int, bytes]:
    """data_coding and user data (without UDH) of a part, for an account whose data_coding 0 means ``alphabet``.

    A text that the account's alphabet lacks goes as UCS2. Raises ``EncodeError`` for a national language table
    on an account that has no GSM alphabet.
    """
    if part.encoding is Encoding.UCS2:
        return UCS2, part.payload
    if part.encoding is Encoding.BINARY:
        return BINARY, part.payload
    if alphabet == "gsm7":
        return DEFAULT, part.payload
    if alphabet == "gsm7-packed":
        return DEFAULT, gsm.pack(part.payload, fill_bits(part.udh))
    text = gsm.decode(part.payload)
    try:
        return DEFAULT, text.encode(_OF_ACCOUNT[alphabet])
    except UnicodeEncodeError:
        return UCS2, text.encode("utf-16-be")
    except KeyError:
        raise EncodeError(f"there is no alphabet {alphabet!r}") from None


def fill_bits(udh: bytes) -> int:
    """Bits between a user data header and packed text, so that septets stay in step (3GPP TS 23.040 §9.2.3.24)."""
    return -8 * (len(udh) + 1) % 7 if udh else 0


def decode(octets: bytes, data_coding: int, alphabet: str, *, has_udh: bool) -> Content:
    """Received user data; never fails. Text in a charset that only SMPP knows comes out as GSM7 or UCS2."""
    udh, rest = split_udh(octets, has_udh=has_udh)
    coding, message_class = _coding(data_coding)
    if coding is Encoding.BINARY or coding is Encoding.UCS2:
        return Content(coding, rest, udh, message_class)
    charset = _CHARSETS.get(data_coding) or _OF_ACCOUNT.get(alphabet)
    if charset:
        return Content(*_as_gsm(rest.decode(charset, "replace")), udh, message_class)
    if alphabet == "gsm7-packed":
        bits = fill_bits(udh)
        rest = gsm.unpack(rest, (8 * len(rest) - bits) // 7, bits)
        # Seven spare bits at the end look like one more character, an @ (3GPP TS 23.038 §6.1.2.3.1).
        rest = rest.removesuffix(b"\0") if len(rest) % 8 == 0 else rest
    return Content(Encoding.GSM7, rest, udh, message_class)


def _as_gsm(text: str) -> tuple[Encoding, bytes]:
    """A text in the plainest encoding of GSM that holds it."""
    try:
        return Encoding.GSM7, gsm.encode(text)
    except UnicodeEncodeError:
        return Encoding.UCS2, text.encode("utf-16-be")


def _coding(data_coding: int) -> tuple[Encoding, int | None]:
    """The encoding and message class that a data_coding names."""
    group = data_coding >> 4
    if group == 0:
        binary, ucs2 = data_coding in (0x02, 0x04, 0x09), data_coding == UCS2
        return Encoding.BINARY if binary else Encoding.UCS2 if ucs2 else Encoding.GSM7, None
    if group == 0xF:
        return Encoding.BINARY if data_coding & 0x04 else Encoding.GSM7, data_coding & 3
    if group == 0xE:
        return Encoding.UCS2, None
    if group < 8:
        kind = (Encoding.GSM7, Encoding.BINARY, Encoding.UCS2, Encoding.GSM7)[data_coding >> 2 & 3]
        return kind, data_coding & 3 if data_coding & 0x10 else None
    return Encoding.GSM7, None


def split_udh(octets: bytes, *, has_udh: bool) -> tuple[bytes, bytes]:
    """User data header without its length octet, and the rest."""
    if not octets or not (has_udh or _looks_joined(octets)):
        return b"", octets
    end = 1 + octets[0]
    return (octets[1:end], octets[end:]) if end <= len(octets) else (b"", octets)


def _looks_joined(octets: bytes) -> bool:
    """A header of a long message whose carrier forgot to say in esm_class that there is one."""
    match list(octets[:7]):
        case [5, 0, 3, _, total, index, *_] | [6, 8, 4, _, _, total, index]:
            return 1 <= index <= total and total >= 2
    return False
