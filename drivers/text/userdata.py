"""The user data of a PDU: header and text or octets (3GPP TS 23.040 §9.2.3.16, §9.2.3.24)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import Encoding, Part
from drivers.text import alphabet as gsm
from drivers.text.coding import Coding
from drivers.text.elements import PduError, Reader
from drivers.text.segments import USER_DATA_OCTETS, join
from drivers.text.udh import Header, parse_udh

_PLAIN = Coding()


@dataclass(frozen=True, slots=True)
class Content:
    """User data as ``drivers.base.Part`` has it, with what the data coding scheme says about it."""

    payload: bytes = b""
    udh: bytes = b""
    coding: Coding = _PLAIN

    @property
    def encoding(self) -> Encoding:
        """How to read ``payload``. Compressed text is binary: nobody here decompresses it."""
        return Encoding.BINARY if self.coding.compressed else self.coding.encoding

    @property
    def header(self) -> Header:
        """What ``udh`` says."""
        return parse_udh(self.udh)

    @property
    def text(self) -> str:
        """The text of this PDU alone; the parts of a long one belong into one ``drivers.text.join``."""
        header = self.header
        return join(self.encoding, [(self.payload, header.locking, header.single)])

    @classmethod
    def of(cls, part: Part, message_class: int | None = None) -> Content:
        """What carries this part; class 0 makes it a flash message."""
        return cls(part.payload, part.udh, Coding(part.encoding, message_class))


def read_content(reader: Reader, coding: Coding, *, has_header: bool) -> Content:
    """The user data at the end of a PDU.

    Octets that are missing shorten the payload. A header that is longer than the user data isn't one (§9.2.3.24).
    """
    length = reader.octet("the length of the user data") if reader.left else 0
    content = Content(coding=coding)
    data = reader.rest((length * 7 + 7) // 8 if content.encoding is Encoding.GSM7 else length)
    udh = b""
    if has_header and data and data[0] < len(data):
        udh = data[1 : 1 + data[0]]
    taken = len(udh) + 1 if udh else 0
    if content.encoding is not Encoding.GSM7:
        return Content(data[taken:], udh, coding)
    septets = (8 * taken + 6) // 7
    return Content(gsm.unpack(data[taken:], length - septets, _fill_bits(taken)), udh, coding)


def write_content(content: Content) -> bytes:
    """The length and the user data. Raises PduError for more than 140 octets."""
    header = bytes([len(content.udh)]) + content.udh if content.udh else b""
    if content.encoding is Encoding.GSM7:
        length = (8 * len(header) + 6) // 7 + len(content.payload)
        data = header + gsm.pack(content.payload, _fill_bits(len(header)))
    else:
        data = header + content.payload
        length = len(data)
    if len(data) > USER_DATA_OCTETS:
        raise PduError(f"the user data has {len(data)} octets, and {USER_DATA_OCTETS} is the most")
    return bytes([length]) + data


def _fill_bits(header_octets: int) -> int:
    """The bits between a header and the first septet, which begins at a multiple of seven bits."""
    return -8 * header_octets % 7
