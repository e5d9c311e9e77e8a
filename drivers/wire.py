"""How commands and events cross between a device's process and its owner: length-prefixed pickles.

Only the values of ``drivers.base`` and plain Python values can be read back: a device's process decodes
what strangers send it, so its owner trusts nothing else that it may say.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterable
from typing import Any

from drivers import base

LENGTH = struct.Struct(">I")
LIMIT = 64 * 1024 * 1024
"""Octets of one batch; more than any real one, so a broken length is noticed."""


class _Reader(pickle.Unpickler):
    """Reads the contract's values and refuses every other class."""

    def find_class(self, module: str, name: str) -> Any:
        if module == base.__name__ and not name.startswith("_"):
            return getattr(base, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of the drivers' contract")


def encode(values: Iterable[object]) -> bytes:
    """One batch as octets."""
    body = pickle.dumps(tuple(values), protocol=5)
    return LENGTH.pack(len(body)) + body


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
            except (pickle.UnpicklingError, EOFError, AttributeError, TypeError, IndexError) as error:
                raise ValueError(f"a batch can't be read: {error}") from error
            del self._buffer[:end]
        return values
