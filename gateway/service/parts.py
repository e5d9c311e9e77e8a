"""How a claimed text is cut for one device."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import Part
from drivers.text.segments import split
from gateway.store.types import Claimed


class Splitter:
    """Cuts texts with the alphabet of one device, the same way each time."""

    def __init__(self, alphabet: str = "gsm7") -> None:
        self._alphabet = alphabet

    def split(self, claimed: Claimed) -> Sequence[Part]:
        """The parts of one attempt. Raises ValueError, with one sentence, for a text that can't be sent this way."""
        return split(
            claimed.text, reference=claimed.reference, encoding=claimed.encoding, alphabet=self._alphabet
        )  # fmt: skip
