"""Numbers, short codes and sender names with the type of number and numbering plan that fit them."""

from __future__ import annotations

from drivers.smpp import codec
from drivers.smpp.names import (
    NPI_ISDN,
    NPI_UNKNOWN,
    TON_ALPHANUMERIC,
    TON_INTERNATIONAL,
    TON_NATIONAL,
    TON_NETWORK,
    TON_UNKNOWN,
)  # fmt: skip

SHORT_CODE_DIGITS = 6
MAX_ADDRESS = 20
"""Characters of an address (SMPP 3.4 §4.4.1)."""


def encode(text: str | None, ton: int | None = None, npi: int | None = None) -> tuple[int, int, bytes]:
    """An address as TON, NPI and octets (SMPP 3.4 §5.2.5, §5.2.6); ``ton`` and ``npi`` overrule the choice.

    ``+…`` is international, up to six digits a short code, more a national number, anything else a name; None
    leaves the choice to the carrier. Raises ``EncodeError`` for an address that is too long for SMPP.
    """
    text = text or ""
    chosen = _kind(text)
    if chosen[0] == TON_INTERNATIONAL:
        text = text[1:]
    octets = codec.c_octets("the address", text, MAX_ADDRESS)
    return chosen[0] if ton is None else ton, chosen[1] if npi is None else npi, octets


def fields(end: str, name: str, address: tuple[int, int, bytes]) -> dict[str, int | str | bytes]:
    """What ``encode`` gave, as the parameters of a PDU: those of ``end`` (source, dest), the address as ``name``."""
    ton, npi, octets = address
    return {f"{end}_addr_ton": ton, f"{end}_addr_npi": npi, name: octets.rstrip(b"\0").decode("latin-1")}


def _kind(text: str) -> tuple[int, int]:
    if not text:
        return TON_UNKNOWN, NPI_UNKNOWN
    if text.startswith("+") and _digits(text[1:]):
        return TON_INTERNATIONAL, NPI_ISDN
    if not _digits(text):
        return TON_ALPHANUMERIC, NPI_UNKNOWN
    return (TON_NETWORK, NPI_UNKNOWN) if len(text) <= SHORT_CODE_DIGITS else (TON_NATIONAL, NPI_ISDN)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def decode(octets: bytes, ton: int) -> str:
    """An address that came in: an international number gets its ``+``."""
    text = octets.decode("latin-1")
    return f"+{text}" if ton == TON_INTERNATIONAL and _digits(text) else text
