"""The contract between a device and whoever uses it. The first file to read.

A device lives in a process of its own (``drivers.host``). The owner (``drivers.process``) sends it
*commands* and gets *events* back; both are frozen values (``drivers.commands``, ``drivers.events``), nothing else
crosses the border.
A driver is a class with ``run(link)``; it owns its device's line and no one else touches it.

The rules that every driver keeps, and that ``tests/contract`` checks for each of them:

1. ``Left`` is sent *before* the first octet of a part can leave the host. A part without ``Left`` never
   left; a part with ``Left`` and no ``Result`` is in doubt.
2. Each part that was submitted gets one ``Result``. An answer that comes after ``Result(UNKNOWN)`` is sent
   as a second ``Result`` with ``late=True``, credited to the part that it belongs to or to none.
3. ``Incoming`` and ``Receipt`` are kept by the device (SIM memory, unanswered ``deliver_sm``) until
   ``Ack(key, stored=True)``. With ``stored=False`` they come again later.
4. Before a call that may block, ``Busy(limit_s)`` says how long it may take; the owner kills the process
   when nothing was heard for longer than that.
5. ``Health`` is sent at every change of state, and at least every ``HEALTH_EVERY_S`` seconds.

Times called ``*_mono`` are seconds of ``CLOCK_MONOTONIC``, which all processes of a host share.
"""

from __future__ import annotations

from typing import Protocol

from drivers.commands import Ack, Ask, Close, Command, EnterPin, Pause, Record, Reopen, Reply, Submit, Ussd
from drivers.events import (
    Asked,
    Busy,
    Closed,
    Event,
    Health,
    Incoming,
    Left,
    Notice,
    PinNeeded,
    PinOutcome,
    Receipt,
    Recorded,
    Result,
    Told,
    UssdReply,
)
from drivers.words import Encoding, Fault, Inquiry, Outcome, Part, ReceiptStatus, State

__all__ = [
    "HEALTH_EVERY_S",
    "Ack",
    "Ask",
    "Asked",
    "Busy",
    "Close",
    "Closed",
    "Command",
    "Driver",
    "DriverError",
    "Encoding",
    "EnterPin",
    "Event",
    "Fault",
    "Health",
    "Incoming",
    "Inquiry",
    "Left",
    "Link",
    "Notice",
    "Outcome",
    "Part",
    "Pause",
    "PinNeeded",
    "PinOutcome",
    "Receipt",
    "ReceiptStatus",
    "Record",
    "Recorded",
    "Reopen",
    "Reply",
    "Result",
    "State",
    "Submit",
    "Told",
    "Ussd",
    "UssdReply",
]

HEALTH_EVERY_S = 30.0


class Link(Protocol):
    """The driver's end of the pipe to its owner."""

    def fileno(self) -> int:
        """A descriptor that is readable when ``receive`` has something to give."""

    @property
    def wants_write(self) -> bool:
        """Whether events wait for the pipe: a driver with its own selector adds ``fileno`` to its writers."""

    def receive(self, timeout_s: float | None) -> list[Command]:
        """The commands that have come, waiting up to ``timeout_s``. Raises EOFError when the owner is gone."""

    def send(self, *events: Event) -> None:
        """Hand events to the owner, without waiting; only a batch with ``Left`` waits until the pipe has it.
        Raises EOFError when the owner is gone."""

    def flush(self, *, wait: bool = False) -> None:
        """Write what the pipe takes now; with ``wait`` all of it. Raises EOFError when the owner is gone."""


class Driver(Protocol):
    """One device, or a server that is driven like one (``drivers.smpp.server``).

    Constructed in its own process from plain options (``drivers.catalog``).
    """

    def run(self, link: Link) -> None:
        """Serve until ``Close`` or EOF. Never raises for trouble of the device: that is ``Health``."""


class DriverError(Exception):
    """Root of what drivers raise inside their own process."""
