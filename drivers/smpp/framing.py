"""Octets of a stream to whole PDUs."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.base import DriverError
from drivers.smpp.names import MAX_PDU, MIN_PDU


class FramingError(DriverError):
    """A command_length that cannot be one: where the next PDU starts is no longer known."""


class FrameBuffer:
    """Keeps what has come of a PDU until the rest comes, never more than ``MAX_PDU`` octets of one."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the PDUs that ``data`` completes (SMPP 3.4 §3.2: each begins with its own length).

        Raises ``FramingError`` for a command_length under 16 or over 65536, after the whole PDUs before it.
        """
        buffer = self._data
        buffer += data
        start, end = 0, len(buffer)
        try:
            while end - start >= 4:
                length = int.from_bytes(buffer[start : start + 4], "big")
                if not MIN_PDU <= length <= MAX_PDU:
                    raise FramingError(f"the peer sent a PDU with a command_length of {length} octets")
                if end - start < length:
                    break
                yield bytes(buffer[start : start + length])
                start += length
        finally:
            del buffer[:start]
