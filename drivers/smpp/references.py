"""What a carrier may have called a message when it accepted it, seen from what its receipt calls it.

Some say hexadecimal in submit_sm_resp and decimal in the receipt, or the other way round, with zeros in
front or another case. ``Learner`` watches an account until one form has explained all of its receipts.
"""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

REMEMBERED: Final = 10_000
"""Identifiers of accepted messages that the learner still knows."""
SURE_AFTER: Final = 10
"""Receipts in a row that one form must explain."""
LONGEST: Final = 20
"""Digits of the longest number that is converted; longer ones are hashes or UUIDs."""


class Form(enum.StrEnum):
    """How the identifier in a receipt becomes the one in submit_sm_resp."""

    SAME = "same"
    LOWER = "lower"
    UPPER = "upper"
    STRIPPED = "stripped"
    PADDED = "padded"
    DEC_TO_HEX = "dec-to-hex"
    DEC_TO_HEX_UPPER = "dec-to-hex-upper"
    DEC_TO_HEX_PADDED = "dec-to-hex-padded"
    HEX_TO_DEC = "hex-to-dec"
    HEX_TO_DEC_PADDED = "hex-to-dec-padded"


def _convert(identifier: str, form: Form) -> Iterable[str]:
    if form in _SPELLINGS:
        return _SPELLINGS[form](identifier)
    base = 16 if form in (Form.HEX_TO_DEC, Form.HEX_TO_DEC_PADDED) else 10
    if not identifier.isascii() or not identifier.isalnum() or len(identifier) > LONGEST:
        return ()
    try:
        return _NUMBERS[form](int(identifier, base))
    except ValueError:
        return ()


_SPELLINGS: Final[Mapping[Form, Callable[[str], Iterable[str]]]] = {
    Form.SAME: lambda identifier: (identifier,),
    Form.LOWER: lambda identifier: (identifier.lower(),),
    Form.UPPER: lambda identifier: (identifier.upper(),),
    Form.STRIPPED: lambda identifier: (identifier.lstrip("0"),),
    Form.PADDED: lambda identifier: (
        identifier.zfill(10),
        identifier.lower().zfill(8),
        identifier.upper().zfill(8),
    ),
}
_NUMBERS: Final[Mapping[Form, Callable[[int], Iterable[str]]]] = {
    Form.DEC_TO_HEX: lambda number: (f"{number:x}",),
    Form.DEC_TO_HEX_UPPER: lambda number: (f"{number:X}",),
    Form.DEC_TO_HEX_PADDED: lambda number: (f"{number:08x}", f"{number:08X}"),
    Form.HEX_TO_DEC: lambda number: (str(number),),
    Form.HEX_TO_DEC_PADDED: lambda number: (f"{number:010d}",),
}


def candidates(identifiers: Iterable[str], learnt: Form | None = None) -> tuple[str, ...]:
    """Every identifier that the message may have, the surest first, none twice.

    ``learnt``: the form that this account keeps to; it goes first.
    """
    forms = [learnt, *(form for form in Form if form is not learnt)] if learnt else list(Form)
    found = {
        candidate: None
        for form in forms
        for identifier in identifiers
        for candidate in _convert(identifier, form)
        if candidate
    }
    return tuple(found)


class Learner:
    """Learns an account's form from the messages and receipts that pass."""

    def __init__(self) -> None:
        self._accepted: OrderedDict[str, None] = OrderedDict()
        self._seen: Counter[Form] = Counter()
        self.form: Form | None = None

    def accepted(self, reference: str) -> None:
        """A message was accepted under this identifier."""
        if self.form:
            return
        self._accepted[reference] = None
        if len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)

    def receipt(self, identifier: str) -> None:
        """A receipt called its message so. One that fits two messages, or none, teaches nothing."""
        if self.form or not identifier:
            return
        fits = [(form, c) for form in Form for c in _convert(identifier, form) if c in self._accepted]
        if len({candidate for _, candidate in fits}) != 1:
            return
        # A decimal number is its own lower case: the plainest form that fits is the one that is learnt.
        form = fits[0][0]
        self._seen = Counter({form: self._seen[form] + 1})
        if self._seen[form] >= SURE_AFTER:
            self.form = form
