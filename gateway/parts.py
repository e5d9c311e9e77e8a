"""How a message is cut for one device, and how many parts it will need there."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import Encoding, Part
from drivers.text import binary
from drivers.text.segments import Count, count, split, unfit
from drivers.text.transliterate import transliterate
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.config.model import Config
from gateway.store.types import Claimed


class Splitter:
    """Cuts texts with the alphabet of one device, the same way each time.

    Args:
        alphabet: what a carrier's default coding means.
        national: the (locking, single) shift tables that may be used where the default alphabet doesn't do.
        wide_reference: join parts by 16 bits instead of 8.
        simplify: write what GSM 7 bit lacks with what it has, rather than send UCS-2.
    """

    def __init__(
        self, alphabet: str = "gsm7", national: tuple[int, int] = (0, 0), *, wide_reference: bool = False,
        simplify: bool = False,
    ) -> None:  # fmt: skip
        self._alphabet = alphabet
        locking, single = national
        self._tables = [tables for tables in ((0, single), (locking, single)) if any(tables)]
        self._wide, self._simplify = wide_reference, simplify

    @classmethod
    def of(cls, settings: ModemConfig | SmppConfig) -> Splitter:
        """The one of a device."""
        if isinstance(settings, SmppConfig):
            return cls(settings.alphabet)
        national, wide = settings.national or (0, 0), settings.wide_reference
        return cls(national=national, wide_reference=wide, simplify=settings.transliterate)

    def count(self, text: str, encoding: str | None) -> Count:
        """What ``split`` will need for a text. Raises ValueError as it does."""
        text, (locking, single) = self._choose(text, encoding)
        return count(text, encoding, alphabet=self._alphabet, wide_reference=self._wide, locking=locking, single=single)

    def split(self, claimed: Claimed) -> Sequence[Part]:
        """The parts of one attempt. Raises ValueError, with one sentence, for what can't be sent this way."""
        if binary.is_binary(claimed.fields):
            return binary.parts(claimed.fields, reference=claimed.reference, wide_reference=self._wide)
        text, (locking, single) = self._choose(claimed.text, claimed.encoding)
        return split(
            text, reference=claimed.reference, encoding=claimed.encoding, alphabet=self._alphabet,
            wide_reference=self._wide, locking=locking, single=single,
        )  # fmt: skip

    def _choose(self, text: str, encoding: str | None) -> tuple[str, tuple[int, int]]:
        """The text as it goes out, and its tables: the first way that fits; the text as it is where none does."""
        if encoding == "ucs2" or not unfit(text, alphabet=self._alphabet):
            return text, (0, 0)
        for tables in self._tables:
            if not unfit(text, locking=tables[0], single=tables[1]):
                return text, tables
        simple = transliterate(text) if self._simplify else text
        return (text if unfit(simple, alphabet=self._alphabet) else simple), (0, 0)


class Counting:
    """Counts parts as the devices of a config will cut them."""

    def __init__(self, config: Config) -> None:
        self._splitters = {name: Splitter.of(settings) for name, settings in config.devices.items()}

    def of(self, device: str | None, text: str, encoding: str | None, usual: Count) -> Count:
        """What a text needs at ``device``; ``usual``, the count of the plain GSM alphabet, where none is chosen yet, or
        where the device can't say."""
        splitter = self._splitters.get(device or "")
        if splitter is None or usual.encoding is Encoding.BINARY:
            return usual
        try:
            return splitter.count(text, encoding)
        except ValueError:
            return usual
