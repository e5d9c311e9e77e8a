"""Text to parts and back (3GPP TS 23.040 §9.2.3.24.1). Pure: equal arguments give equal parts for ever.

That matters after a crash: the parts of a message that are still to go are cut again, and must fit those that
have gone. Nothing here looks at a clock, a counter or a table that changes with the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from drivers.base import Encoding, Part
from drivers.text import alphabet as gsm
from drivers.text.graphemes import clusters
from drivers.text.national import ESCAPE
from drivers.text.udh import MAX_PARTS, concatenation, national

USER_DATA_OCTETS = 140

_SURROGATE = re.compile("[\ud800-\udfff]")
_CARRIER_CODECS = {"gsm7": None, "gsm7-packed": None, "latin1": "latin-1", "ascii": "ascii", "utf8": "utf-8"}


@dataclass(frozen=True, slots=True)
class Count:
    """What a text needs. ``units``: septets (GSM 7 bit) or UTF-16 code units (UCS-2) over all parts."""

    encoding: Encoding
    parts: int
    units: int
    left: int
    """How many units still fit into the last part."""
    offending: tuple[str, ...] = ()
    """The characters, each once, that GSM 7 bit can't carry."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A text that was cut: the payloads, and the header that each part carries besides the joining element."""

    encoding: Encoding
    payloads: tuple[bytes, ...]
    udh: bytes


def choose(
    text: str, asked: Encoding | str | None = None, *, locking: int = 0, single: int = 0, alphabet: str = "gsm7"
) -> Encoding:
    """GSM 7 bit where every character fits, else UCS-2; or what was asked for.

    ``alphabet`` is what a carrier means by its default coding (``gsm7``, ``gsm7-packed``, ``latin1``, ``ascii``,
    ``utf8``): a character beyond it needs UCS-2 there. Raises ValueError for a lone surrogate, for GSM 7 bit asked
    for a text that doesn't fit, and for binary, which isn't text.
    """
    _refuse_surrogates(text)
    if asked is not None and asked not in list(Encoding):
        raise ValueError(f"{asked!r} isn't an encoding; known are {', '.join(Encoding)}")
    wanted = None if asked is None else Encoding(asked)
    if wanted is Encoding.BINARY:
        raise ValueError("a text can't be sent as binary")
    if wanted is Encoding.UCS2:
        return wanted
    strange = unfit(text, locking=locking, single=single, alphabet=alphabet)
    if strange and wanted is Encoding.GSM7:
        raise ValueError(f"{strange[0]!r} (U+{ord(strange[0]):04X}) can't be sent as GSM 7 bit")
    return Encoding.UCS2 if strange else Encoding.GSM7


def unfit(text: str, *, locking: int = 0, single: int = 0, alphabet: str = "gsm7") -> tuple[str, ...]:
    """The characters, each once and in order, that can't be sent as GSM 7 bit."""
    fit = _fit(locking, single, alphabet)
    return () if fit.issuperset(text) else tuple(c for c in dict.fromkeys(text) if c not in fit)


@cache
def _fit(locking: int, single: int, alphabet: str) -> frozenset[str]:
    """The characters that can be sent as GSM 7 bit."""
    if alphabet not in _CARRIER_CODECS:
        raise ValueError(f"{alphabet!r} isn't an alphabet; known are {', '.join(_CARRIER_CODECS)}")
    codec = _CARRIER_CODECS[alphabet]
    return frozenset(c for c in gsm.encoder(locking, single) if codec is None or c.encode(codec, "ignore"))


def split(
    text: str,
    *,
    reference: int,
    encoding: Encoding | str | None = None,
    wide_reference: bool = False,
    locking: int = 0,
    single: int = 0,
    whole_graphemes: bool = True,
    alphabet: str = "gsm7",
) -> tuple[Part, ...]:
    """Cut a text into parts of at most 140 octets, header included.

    ``reference`` joins the parts; it is taken modulo 256, with ``wide_reference`` modulo 65536, and isn't used
    for a single part. An escape sequence and a surrogate pair are never cut; what a reader takes for one
    character isn't either, if it fits into a part at all (``whole_graphemes``). Raises ValueError for more than
    255 parts, and as ``choose`` does. NUL is carried like any other character of UCS-2.
    """
    coding = choose(text, encoding, locking=locking, single=single, alphabet=alphabet)
    plan = _cut(text, coding, wide_reference, (locking, single), whole_graphemes)
    return _number(plan, reference, wide_reference)


def split_binary(data: bytes, udh: bytes = b"", *, reference: int, wide_reference: bool = False) -> tuple[Part, ...]:
    """Cut octets into parts; each carries ``udh`` (ports, for example) besides what joins them.

    Raises ValueError for more than 255 parts, and for a header that leaves no room.
    """
    room = capacity(Encoding.BINARY, udh)
    if len(data) > room:
        room = capacity(Encoding.BINARY, _joining(wide_reference) + udh)
    if room < 1:
        raise ValueError(f"a user data header of {len(udh)} octets leaves no room for data")
    payloads = tuple(data[at : at + room] for at in range(0, len(data), room)) or (b"",)
    return _number(_Plan(Encoding.BINARY, payloads, udh), reference, wide_reference)


def count(
    text: str,
    encoding: Encoding | str | None = None,
    *,
    wide_reference: bool = False,
    locking: int = 0,
    single: int = 0,
    whole_graphemes: bool = True,
    alphabet: str = "gsm7",
) -> Count:
    """What ``split`` would need; more than 255 parts are counted, not refused. Raises ValueError as ``choose``."""
    coding = choose(text, encoding, locking=locking, single=single, alphabet=alphabet)
    plan = _cut(text, coding, wide_reference, (locking, single), whole_graphemes)
    width = 2 if coding is Encoding.UCS2 else 1
    header = plan.udh if len(plan.payloads) == 1 else _joining(wide_reference) + plan.udh
    return Count(
        encoding=coding,
        parts=len(plan.payloads),
        units=sum(map(len, plan.payloads)) // width,
        left=(capacity(coding, header) - len(plan.payloads[-1])) // width,
        offending=unfit(text, locking=locking, single=single, alphabet=alphabet),
    )


def capacity(encoding: Encoding, udh: bytes = b"") -> int:
    """How many octets of ``Part.payload`` fit beside this header: 160 septets, 140 octets, 70 code units."""
    octets = USER_DATA_OCTETS - (len(udh) + 1 if udh else 0)
    match encoding:
        case Encoding.GSM7:
            return octets * 8 // 7
        case Encoding.UCS2:
            return octets // 2 * 2
        case Encoding.BINARY:
            return octets


def join(encoding: Encoding, pieces: Iterable[tuple[bytes, int, int]]) -> str:
    """The text of parts in their order, each (payload, locking table, single table). Never fails.

    The payloads are decoded in one go, so that an escape sequence or a surrogate pair that a foreign sender has
    cut heals. Half a code unit and a lone surrogate become U+FFFD; NUL stays, for whoever stores the text to
    handle. Binary data is given in hexadecimal.
    """
    match encoding:
        case Encoding.GSM7:
            return _join_septets(pieces)
        case Encoding.UCS2:
            return _join_units([payload for payload, _, _ in pieces])
        case Encoding.BINARY:
            return "".join(payload.hex().upper() for payload, _, _ in pieces)


def _cut(text: str, encoding: Encoding, wide: bool, tables: tuple[int, int], whole_graphemes: bool) -> _Plan:
    udh = national(*tables) if encoding is Encoding.GSM7 else b""
    if len(text) <= capacity(encoding, udh):
        # Most texts are short, and then it need not be known where they could be cut.
        short = gsm.encode(text, *tables) if encoding is Encoding.GSM7 else text.encode("utf-16-be")
        if len(short) <= capacity(encoding, udh):
            return _Plan(encoding, (short,), udh)
    # The default alphabet has no marks, so there a character is a cluster.
    plain = not whole_graphemes or (encoding is Encoding.GSM7 and not udh)
    groups = list(text) if plain else clusters(text)
    coded = [_code(group, encoding, tables) for group in groups]
    whole = b"".join(b"".join(group) for group in coded)
    if len(whole) <= capacity(encoding, udh):
        return _Plan(encoding, (whole,), udh)
    return _Plan(encoding, tuple(_fill(coded, capacity(encoding, _joining(wide) + udh))), udh)


def _code(group: str, encoding: Encoding, tables: tuple[int, int]) -> list[bytes]:
    """Each character of a group as its payload octets."""
    if encoding is Encoding.GSM7:
        table = gsm.encoder(*tables)
        return [table[character] for character in group]
    return [character.encode("utf-16-be") for character in group]


def _fill(groups: Iterable[list[bytes]], room: int) -> list[bytes]:
    """Fill part after part; a group that no part can hold is cut between its characters."""
    parts: list[bytes] = []
    part = b""
    for group in groups:
        whole = b"".join(group)
        for piece in [whole] if len(whole) <= room else group:
            if len(part) + len(piece) > room:
                parts.append(part)
                part = b""
            part += piece
    return [*parts, part]


def _number(plan: _Plan, reference: int, wide: bool) -> tuple[Part, ...]:
    total = len(plan.payloads)
    if total == 1:
        return (Part(1, 1, plan.encoding, plan.payloads[0], plan.udh),)
    if total > MAX_PARTS:
        raise ValueError(f"the message needs {total} parts, and {MAX_PARTS} is the most that can be joined")
    reference &= 0xFFFF if wide else 0xFF
    parts = []
    for index, payload in enumerate(plan.payloads, start=1):
        udh = concatenation(reference, total, index, wide=wide) + plan.udh
        parts.append(Part(index, total, plan.encoding, payload, udh, reference))
    return tuple(parts)


def _joining(wide: bool) -> bytes:
    """A joining element, for its length."""
    return concatenation(0, 1, 1, wide=wide)


def _refuse_surrogates(text: str) -> None:
    if found := _SURROGATE.search(text):
        raise ValueError(f"the text holds a lone surrogate, U+{ord(found[0]):04X}, at position {found.start()}")


def _join_septets(pieces: Iterable[tuple[bytes, int, int]]) -> str:
    text = []
    pending = b""
    for tables, group in groupby(pieces, key=lambda piece: piece[1:]):
        septets = pending + b"".join(payload for payload, _, _ in group)
        # An escape that ends a run belongs to the first septet of the next, whatever its tables are; an escape
        # that was escaped itself doesn't.
        cut = (len(septets) - len(septets.rstrip(bytes([ESCAPE])))) % 2
        pending = septets[len(septets) - cut :]
        text.append(gsm.decode(septets[: len(septets) - cut], *tables))
    return "".join(text) + gsm.decode(pending)


def _join_units(payloads: list[bytes]) -> str:
    if sum(map(len, payloads)) % 2:
        # Octets are missing, so each part has to find its own beginning.
        payloads = [payload[:-1] + b"\xff\xfd" if len(payload) % 2 else payload for payload in payloads]
    return b"".join(payloads).decode("utf-16-be", errors="replace")
