"""One device's incoming flow: PDUs and receipts wait here until they are committed, and are acknowledged then."""

from __future__ import annotations

from drivers.base import Ack, Incoming, Receipt
from gateway.service.batches import InBatch


class Inflow:
    """Collects what a device hands in."""

    def __init__(self) -> None:
        self._incoming: dict[str, Incoming] = {}
        self._receipts: dict[str, Receipt] = {}

    def add(self, event: Incoming | Receipt) -> None:
        """Take one event; a device may hand it in again while it waits."""
        if isinstance(event, Incoming):
            self._incoming[event.key] = event
        else:
            self._receipts[event.key] = event

    def batch(self) -> InBatch:
        """All that waits."""
        return InBatch(tuple(self._incoming.values()), tuple(self._receipts.values()))

    def done(self, batch: InBatch, *, stored: bool) -> Ack:
        """Forget ``batch``: it is committed, or can't be; gives the device's answer."""
        for key in batch.keys:
            self._incoming.pop(key, None)
            self._receipts.pop(key, None)
        return Ack(batch.keys, stored)

    def clear(self) -> None:
        """The device's process has ended; what it had not been answered it hands in again."""
        self._incoming.clear()
        self._receipts.clear()
