"""What all workers of a service have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.service.clock import Clock
from gateway.service.fleet import Fleet
from gateway.store.engine import Store


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to each of them by the composition root."""

    store: Store
    clock: Clock
    epoch: int
    fleet: Fleet
    arrived: Callable[[], object]
    """Called when the router has something to do."""
    moved: Callable[[], object]
    """Called when a device came or went, so that others look at its pools again."""
