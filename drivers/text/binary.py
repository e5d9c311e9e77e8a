"""A message of octets, as the fields of a message describe it. Pure.

``data`` is the octets in hexadecimal; ``udh`` a user data header in hexadecimal without its length octet, or
``destination_port`` and ``source_port`` (0 to 65535) for one that addresses an application (3GPP TS 23.040
§9.2.3.24.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.base import Encoding, Part
from drivers.text.segments import Count, capacity, split_binary
from drivers.text.udh import ports

DATA, UDH, DESTINATION, SOURCE = "data", "udh", "destination_port", "source_port"


def is_binary(fields: Mapping[str, Any]) -> bool:
    """Whether these fields make a message of octets."""
    return fields.get(DATA) is not None


def parts(fields: Mapping[str, Any], *, reference: int, wide_reference: bool = False) -> tuple[Part, ...]:
    """The octets in parts. Raises ValueError, with one sentence, for fields that don't fit."""
    data, udh = _hexadecimal(fields, DATA), _hexadecimal(fields, UDH)
    if fields.get(DESTINATION) is not None or fields.get(SOURCE) is not None:
        if udh:
            raise ValueError(f"the fields {UDH} and {DESTINATION} exclude each other")
        udh = ports(_port(fields, DESTINATION), _port(fields, SOURCE))
    return split_binary(data, udh, reference=reference, wide_reference=wide_reference)


def count(fields: Mapping[str, Any]) -> Count:
    """What ``parts`` needs, in octets. Raises ValueError as it does."""
    made = parts(fields, reference=0)
    last = made[-1]
    free = capacity(Encoding.BINARY, last.udh) - len(last.payload)
    return Count(Encoding.BINARY, len(made), sum(len(part.payload) for part in made), free)


def _hexadecimal(fields: Mapping[str, Any], name: str) -> bytes:
    value = fields.get(name)
    try:
        return bytes.fromhex(value or "")
    except (TypeError, ValueError):
        raise ValueError(f"the field {name} must be octets in hexadecimal, not {value!r}") from None


def _port(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFF:
        raise ValueError(f"the field {name} must be a port from 0 to 65535, not {value!r}")
    return value
