"""Reads that applications written for RapidSMS still make; each warns and names what to write today."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from gateway.store.types import Connection, Contact


class OlderReads:
    """What RapidSMS had deprecated: a message's first connection, and what belongs to it."""

    connections: Sequence[Connection]

    @property
    def connection(self) -> Connection | None:
        """The first of ``connections``, which is what to write."""
        return self._first("connection", "connections[0]")

    @property
    def contact(self) -> Contact | None:
        """The contact of the first connection: ``connections[0].contact``."""
        first = self._first("contact", "connections[0].contact")
        return first.contact if first else None

    @property
    def peer(self) -> str | None:
        """The identity of the first connection: ``connections[0].identity``."""
        first = self._first("peer", "connections[0].identity")
        return first.identity if first else None

    def _first(self, old: str, new: str) -> Connection | None:
        warnings.warn(f"message.{old} is deprecated; write message.{new}", DeprecationWarning, stacklevel=3)
        return self.connections[0] if self.connections else None
