"""What the store has to learn about a device's messages, in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.base import Incoming, Receipt
from gateway.store import inbox, receipts
from gateway.store.engine import Conn
from gateway.store.types import PartResult, Settlement, Status, UsageRow


@dataclass(frozen=True, slots=True)
class OutBatch:
    """What the store has to learn about outgoing parts."""

    results: tuple[PartResult, ...] = ()
    late: tuple[PartResult, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    usage: tuple[UsageRow, ...] = ()
    shares: Mapping[str, tuple[UsageRow, ...]] = field(default_factory=dict)
    """The same by backend and sender, where these have limits."""
    recipients: Mapping[str, int] = field(default_factory=dict)
    """When something last left for each (ms), where they are limited."""

    def __bool__(self) -> bool:
        return bool(self.results or self.late or self.settlements or self.usage)

    def count(self, *statuses: Status) -> int:
        """How many settlements have one of these statuses."""
        return sum(settlement.status in statuses for settlement in self.settlements)


@dataclass(frozen=True, slots=True)
class InBatch:
    """What came in and has not been written yet."""

    incoming: tuple[Incoming, ...] = ()
    receipts: tuple[Receipt, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.incoming or self.receipts)

    @property
    def keys(self) -> tuple[str, ...]:
        """The device's names for all of them."""
        return (*(each.key for each in self.incoming), *(each.key for each in self.receipts))

    def save(self, c: Conn, device: str, now_ms: int) -> tuple[int, int]:
        """Store all of it; how many messages became ready for the router, and how many receipts fit several."""
        ready = len(inbox.save(c, device, self.incoming, now_ms).messages) if self.incoming else 0
        ambiguous = receipts.save(c, device, self.receipts, now_ms).ambiguous if self.receipts else 0
        return ready, ambiguous
