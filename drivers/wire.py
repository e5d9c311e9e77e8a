"""How commands and events cross between a device's process and its owner: length-prefixed pickles.

Only the values of ``drivers.base`` and plain Python values can be read back: a device's process decodes
what strangers send it, so its owner trusts nothing else that it may say.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import io
import operator
import pickle
import struct
from collections.abc import Callable, Iterable
from typing import Any

from drivers import commands, events, words

LENGTH = struct.Struct(">I")
LIMIT = 64 * 1024 * 1024
"""Octets of one batch; more than any real one, so a broken length is noticed."""

KNOWN = {
    name: value
    for home in (words, commands, events)
    for name, value in vars(home).items()
    if isinstance(value, type) and value.__module__ == home.__name__
}


def _reducer(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A value as its class and its fields: three times as fast as what dataclasses with slots do by themselves.

    Enumerations too, since Python 3.11.0 to 3.11.3 would write them as a call of ``getattr``.
    """
    if issubclass(kind, enum.Enum):
        return lambda value: (kind, (value.value,))
    names = [field.name for field in dataclasses.fields(kind)]
    if not names:
        return lambda _value: (kind, ())
    fields = operator.attrgetter(*names)
    if len(names) == 1:
        return lambda value: (kind, (fields(value),))
    return lambda value: (kind, fields(value))


DISPATCH = copyreg.dispatch_table | {
    kind: _reducer(kind) for kind in KNOWN.values() if dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum)
}


class _Reader(pickle.Unpickler):
    """Reads the contract's values and refuses every other class."""

    def find_class(self, module: str, name: str) -> Any:
        known = KNOWN.get(name)
        if known is not None and known.__module__ == module:
            return known
        raise pickle.UnpicklingError(f"{module}.{name} is not part of the drivers' contract")


def encode(values: Iterable[object]) -> bytes:
    """One batch as octets."""
    stream = io.BytesIO()
    stream.write(bytes(LENGTH.size))
    pickler = pickle.Pickler(stream, protocol=5)
    pickler.dispatch_table = DISPATCH
    pickler.dump(tuple(values))
    octets = stream.getbuffer()
    LENGTH.pack_into(octets, 0, len(octets) - LENGTH.size)
    return octets.tobytes()


class Decoder:
    """Turns a stream of octets back into values, however it is torn."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> list[Any]:
        """Add octets, take out what is whole.

        Raises:
            ValueError: the stream is not what ``encode`` wrote.
        """
        self._buffer += octets
        values: list[Any] = []
        while len(self._buffer) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer)
            if length > LIMIT:
                raise ValueError(f"a batch of {length} octets is over the limit of {LIMIT}")
            end = LENGTH.size + length
            if len(self._buffer) < end:
                break
            try:
                values.extend(_Reader(io.BytesIO(self._buffer[LENGTH.size : end])).load())
            except (pickle.UnpicklingError, EOFError, AttributeError, TypeError, IndexError, ValueError) as error:
                raise ValueError(f"a batch can't be read: {error}") from error
            del self._buffer[:end]
        return values
