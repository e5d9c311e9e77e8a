"""The octets of a session that leave: what waits, what the connection has taken, and which sequence comes next."""

from __future__ import annotations

from drivers.smpp import codec, names
from drivers.smpp.names import RESPONSE


class Stream:
    """The outgoing half of a session. It opens no socket and reads no clock."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._accepted = 0
        """Octets that the connection has taken."""
        self._sequence = 0
        self._now = self._spoke_at = 0.0

    @property
    def pending(self) -> int:
        """Octets that wait to leave."""
        return len(self._out)

    def data_to_send(self) -> bytes:
        """What waits to leave, at most 256 KiB of it; say with ``sent`` how much of it the connection took."""
        return bytes(self._out[: 1 << 18])

    def sent(self, octets: int) -> None:
        """The connection has taken this many octets."""
        del self._out[:octets]
        self._accepted += octets

    @property
    def _end_of_stream(self) -> int:
        """How many octets the connection will have taken once all that waits has left."""
        return self._accepted + len(self._out)

    def _send_request(self, command: int, body: bytes = b"") -> int:
        """Returns the sequence_number (SMPP 3.4 §3.2)."""
        self._sequence = self._sequence % names.LAST_SEQUENCE + 1
        self._spoke_at = self._now
        self._out += codec.pdu(command, self._sequence, 0, body)
        return self._sequence

    def _respond(self, command: int, sequence: int, status: int, body: bytes = b"") -> None:
        self._spoke_at = self._now
        self._out += codec.pdu(command | RESPONSE, sequence, status, body)
