"""Identities as they are stored: phone numbers in E.164 with a plus, everything else as it came."""

from __future__ import annotations

import functools
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_INTERNATIONAL = re.compile(r"\+[\s().\-/]*\d[\d\s().\-/]*")
_NATIONAL = re.compile(r"[\d(][\d\s().\-/]*")
_LONGEST_SHORT_CODE = 6


@functools.lru_cache(maxsize=65536)
def normalise(identity: str, region: str | None) -> str:
    """Give the form in which an identity is stored and compared.

    A number with a plus loses its separators. A number without one is read as it would be dialled in
    ``region`` (ISO 3166 code such as ``"KE"``, None: left alone). Short codes, sender names and numbers
    that don't exist in the region are left alone.

    >>> normalise("+254 700-000 001", None)
    '+254700000001'
    >>> normalise("0700 000001", "KE"), normalise("254700000001", "KE"), normalise("0700000001", None)
    ('+254700000001', '+254700000001', '0700000001')
    >>> normalise("22141", "KE"), normalise("MyBank", "KE")
    ('22141', 'MyBank')
    """
    text = identity.strip()
    if _INTERNATIONAL.fullmatch(text):
        return "+" + _digits(text)
    if region is None or not _NATIONAL.fullmatch(text) or len(_digits(text)) <= _LONGEST_SHORT_CODE:
        return identity
    import phonenumbers  # its tables are large: only processes that need them pay

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return identity
    if not phonenumbers.is_valid_number(number):
        return identity
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@functools.lru_cache(maxsize=65536)
def zones(identity: str) -> tuple[ZoneInfo | None, ...]:
    """Give the time zones in which a number may be; ``(None,)``, the host's, where nothing is known.

    >>> [str(zone) for zone in zones("+254700000001")], zones("22141"), zones("MyBank")
    (['Africa/Nairobi'], (None,), (None,))
    """
    if not _INTERNATIONAL.fullmatch(identity):
        return (None,)
    import phonenumbers
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(identity)
    except phonenumbers.NumberParseException:
        return (None,)
    found = timezone.time_zones_for_geographical_number(number)
    return tuple(filter(None, map(_zone, found))) or (None,)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return None if name == "Etc/Unknown" else ZoneInfo(name)
    except ZoneInfoNotFoundError:  # a host without these tables
        return None


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text)).translate(_ASCII_DIGITS)


_ASCII_DIGITS = {ord(digit): str(int(digit)) for digit in "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"}
