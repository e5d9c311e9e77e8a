"""The elements that PDUs are made of (3GPP TS 23.040 §9.1.2, §9.2.3): numbers, times, validity."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from drivers.text import alphabet as gsm

INTERNATIONAL = 0x91
UNKNOWN = 0x81
ALPHANUMERIC = 0xD0

MAX_DIGITS = 20
MAX_LETTERS = 11

_DIGITS = "0123456789*#abc"
_FILLER = 0xF
_TYPE_OF_NUMBER = 0x70
_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800


class PduError(ValueError):
    """The octets aren't the PDU that they should be, or the values don't fit into one. Says why in one sentence."""


class Reader:
    """Takes octets off a PDU from the front. Every method raises PduError where the PDU ends too early."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        """How many octets have not been taken."""
        return len(self._octets) - self._at

    def take(self, count: int, what: str) -> bytes:
        """The next ``count`` octets; ``what`` names them in the error."""
        if count > self.left:
            raise PduError(f"the PDU ends inside {what}: {count} octets are needed and {self.left} are there")
        self._at += count
        return self._octets[self._at - count : self._at]

    def octet(self, what: str) -> int:
        """The next octet."""
        return self.take(1, what)[0]

    def rest(self, at_most: int) -> bytes:
        """Up to ``at_most`` octets of what is left."""
        return self.take(min(at_most, self.left), "the rest")

    def address(self, what: str) -> str:
        """An address field: length in semi-octets, type, value."""
        length = self.octet(f"the length of {what}")
        kind = self.octet(f"the type of {what}")
        return _read_number(self.take((length + 1) // 2, what), length, kind)

    def service_centre(self) -> str | None:
        """The service centre's number in front of a PDU (3GPP TS 27.005 §3.1); None where it is left out."""
        length = self.octet("the length of the service centre's number")
        if length == 0:
            return None
        field = self.take(length, "the service centre's number")
        return _read_number(field[1:], 2 * (length - 1), field[0]) or None


def write_address(number: str) -> bytes:
    """An address field: ``+`` and digits is international, digits alone (short codes too) are of unknown type,
    anything else is a name of up to 11 characters. Raises PduError."""
    digits = number.removeprefix("+")
    if digits and all(digit in _DIGITS[:12] for digit in digits):
        if len(digits) > MAX_DIGITS:
            raise PduError(f"the number {number} has {len(digits)} digits, and {MAX_DIGITS} is the most")
        return bytes([len(digits), INTERNATIONAL if number.startswith("+") else UNKNOWN]) + semi_octets(digits)
    try:
        septets = gsm.encode(number)
    except UnicodeEncodeError as error:
        raise PduError(f"the address {number!r} can't be sent: {error.reason}") from None
    if len(septets) > MAX_LETTERS:
        raise PduError(f"the name {number!r} has {len(septets)} characters, and {MAX_LETTERS} is the most")
    return bytes([(7 * len(septets) + 3) // 4, ALPHANUMERIC]) + gsm.pack(septets)


def write_service_centre(number: str | None) -> bytes:
    """The service centre's number in front of a PDU; None leaves it to the SIM. Raises PduError."""
    if not number:
        return b"\x00"
    field = write_address(number)[1:]
    if field[0] == ALPHANUMERIC:
        raise PduError(f"the service centre's number {number!r} isn't a number")
    return bytes([len(field)]) + field


def semi_octets(digits: str) -> bytes:
    """Digits, two in an octet, the first in the low half."""
    values = [_DIGITS.index(digit) for digit in digits] + [_FILLER] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def read_timestamp(octets: bytes) -> str | None:
    """Seven octets of a service centre time stamp (§9.2.3.11) as ISO 8601 with its offset; None when invalid."""
    try:
        year, month, day, hour, minute, second = (_decimal(octet) for octet in octets[:6])
        quarters = _decimal(octets[6] & 0xF7)
        zone = timezone(timedelta(minutes=-15 * quarters if octets[6] & 0x08 else 15 * quarters))
        # Two digits of a year: the first short message was sent in 1992.
        century = 1900 if year >= 90 else 2000
        return datetime(century + year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return None


def write_timestamp(moment: str | None) -> bytes:
    """ISO 8601 as seven octets; a time without offset is UTC, None is all zeros. Raises PduError."""
    if moment is None:
        return bytes(7)
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        raise PduError(f"{moment!r} isn't an ISO 8601 time") from None
    offset = when.utcoffset()
    quarters = round((offset or timedelta(0)) / timedelta(minutes=15))
    if abs(quarters) > 79:
        raise PduError(f"the time zone of {moment!r} is too far from UTC")
    values = (when.year % 100, when.month, when.day, when.hour, when.minute, when.second, abs(quarters))
    stamp = bytearray(semi_octets("".join(f"{value:02}" for value in values)))
    stamp[6] |= 0x08 if quarters < 0 else 0
    return bytes(stamp)


def read_validity(octet: int) -> int:
    """A relative validity period (§9.2.3.12.1) in seconds."""
    if octet <= 143:
        return (octet + 1) * 5 * _MINUTE
    if octet <= 167:
        return 12 * _HOUR + (octet - 143) * 30 * _MINUTE
    return (octet - 166) * _DAY if octet <= 196 else (octet - 192) * _WEEK


def write_validity(seconds: float) -> int:
    """The longest relative validity period that isn't longer than asked; never less than five minutes.

    Shorter rather than longer: a caller says after which time a text is of no use.
    """
    return max((octet for octet in range(256) if read_validity(octet) <= seconds), default=0)


def read_enhanced_validity(octets: bytes) -> int | None:
    """The seven octets of an enhanced validity period (§9.2.3.12.3) in seconds; None where none is given."""
    form = octets[0] & 0x07
    at = 2 if octets[0] & 0x80 else 1
    match form:
        case 1:
            return read_validity(octets[at])
        case 2:
            return octets[at] or None
        case 3:
            try:
                hours, minutes, seconds = (_decimal(octet) for octet in octets[at : at + 3])
            except ValueError:
                return None
            return hours * _HOUR + minutes * _MINUTE + seconds
    return None


def _decimal(octet: int) -> int:
    """Two decimal digits with the low half first. Raises ValueError where they aren't decimal."""
    tens, units = octet & 0x0F, octet >> 4
    if tens > 9 or units > 9:
        raise ValueError(octet)
    return 10 * tens + units


def _read_number(value: bytes, length: int, kind: int) -> str:
    """An address value of ``length`` semi-octets."""
    if kind & _TYPE_OF_NUMBER == ALPHANUMERIC & _TYPE_OF_NUMBER:
        septets = gsm.unpack(value, length * 4 // 7)
        # Seven letters end in seven free bits, which some senders count as an eighth letter.
        if len(septets) % 8 == 0 and septets.endswith(b"\x00"):
            septets = septets[:-1]
        return gsm.decode(septets)
    digits = ""
    for octet in value:
        for digit in (octet & 0x0F, octet >> 4):
            if digit != _FILLER and len(digits) < length:
                digits += _DIGITS[digit]
    international = kind & _TYPE_OF_NUMBER == INTERNATIONAL & _TYPE_OF_NUMBER
    return f"+{digits}" if international and digits else digits
