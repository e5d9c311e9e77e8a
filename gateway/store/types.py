"""The values that go into and come out of the store. Rows as frozen dataclasses, nothing of SQL.

Times are integers: milliseconds since 1970, UTC (``*_ms``), so that both databases compare them alike.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from drivers.base import Fault, Outcome
from drivers.value import value


class Status(enum.StrEnum):
    """Status of a transmission, out and in; the README says what each means."""

    QUEUED = "queued"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    RECEIVED = "received"
    HANDLED = "handled"


class Direction(enum.StrEnum):
    """Which way a message goes, seen from the gateway."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Backend:
    """A name that messages are addressed through.

    >>> str(Backend(1, "mtn"))
    'mtn'
    """

    id: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Contact:
    """A person with connections.

    >>> str(Contact(3, "Amina", "sw"))
    'Amina'
    """

    id: int
    name: str = ""
    language: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    created_ms: int = 0
    modified_ms: int = 0

    @property
    def is_anonymous(self) -> bool:
        """True when no name is known."""
        return not self.name

    def __str__(self) -> str:
        return self.name or "Anonymous"


@dataclass(frozen=True, slots=True)
class Connection:
    """One (backend, identity) pair: the unit that a message is sent to and received from.

    >>> str(Connection(7, Backend(1, "mtn"), "+254700000001"))
    '+254700000001 via mtn'
    """

    id: int
    backend: Backend
    identity: str
    contact: Contact | None = None

    def __str__(self) -> str:
        return f"{self.identity} via {self.backend.name}"


@dataclass(frozen=True, slots=True)
class NewTransmission:
    """One recipient of a message that is about to be stored."""

    connection_id: int
    backend: str
    """The backend it is addressed through, as the caller named it."""
    identity: str
    lane: str
    """What claims it: the name of a device, a pool or a Python backend."""
    parts: int
    encoding: str
    status: Status = Status.QUEUED
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """An outgoing message that is about to be stored, with all its recipients."""

    id: str
    text: str
    transmissions: tuple[NewTransmission, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    in_response_to: str | None = None
    priority: int = 0
    key: str | None = None
    due_ms: int | None = None
    expires_ms: int | None = None
    flash: bool = False
    encoding: str | None = None
    """What the caller asked for; None is automatic."""
    on_unknown: str | None = None
    kind: str = "message"
    """``message`` or ``error`` (ErrorMessage)."""


@dataclass(frozen=True, slots=True)
class TransmissionRow:
    """One transmission as it stands."""

    id: int
    message_id: str
    direction: Direction
    connection: Connection
    status: Status
    lane: str
    device: str | None
    parts: int
    encoding: str
    error: str | None
    attempts: int
    possible_duplicate: bool
    created_ms: int
    due_ms: int | None
    expires_ms: int | None
    sent_ms: int | None
    delivered_ms: int | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message as it stands, with its transmissions in the order of its recipients."""

    id: str
    direction: Direction
    text: str
    fields: Mapping[str, Any]
    in_response_to: str | None
    created_ms: int
    transmissions: tuple[TransmissionRow, ...]
    priority: int = 0
    key: str | None = None
    flash: bool = False
    encoding: str | None = None
    on_unknown: str | None = None
    kind: str = "message"
    received_ms: int | None = None
    to: str | None = None
    complete: bool = True
    redelivered: bool = False
    error: str | None = None


class Claimed(NamedTuple):
    """A transmission that was written down as handed to a device. ``attempt`` is the driver's token."""

    attempt: int
    transmission: int
    message_id: str
    backend: str
    lane: str
    identity: str
    text: str
    parts: int
    encoding: str | None
    """What the caller asked for; None is automatic."""
    reference: int
    """Concatenation reference for this attempt, 0 to 65535, from the counter of the destination."""
    number: int
    """1 for the first attempt."""
    flash: bool
    priority: int
    expires_ms: int | None
    on_unknown: str | None
    fields: Mapping[str, Any]
    accepted: tuple[int, ...] = ()
    """Indices of the parts that the network took in an earlier attempt under the same ``reference``: leave them out
    (unless the text now makes another number of parts than ``parts``)."""


class Standing(NamedTuple):
    """An attempt, ended or not, and its transmission as they stand."""

    attempt: int
    device: str
    started_ms: int
    ended_ms: int | None
    id: int
    status: str
    owner: int | None
    parts: int
    attempts: int
    rank: int
    bonus: int
    due_ms: int | None
    possible_duplicate: int
    identity: str


@value
class PartResult:
    """One part's result, to be journalled."""

    attempt: int
    index: int
    outcome: Outcome
    reference: str | None = None
    fault: Fault | None = None
    code: int | None = None
    reason: str = ""
    left_ms: int | None = None
    sim: str | None = None


class Settlement(NamedTuple):
    """What ``policy.after`` decided about an attempt; one function writes it."""

    attempt: int
    transmission: int
    status: Status
    error: str | None = None
    retry_at_ms: int | None = None
    """With QUEUED: when it is due again."""
    counted: bool = True
    """Whether the attempt counts towards ``attempts``."""
    front: bool = False
    """With QUEUED: keep its place in the queue (throttled, or never left)."""
    possible_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of one attempt, for ``show``."""

    index: int
    outcome: str
    reference: str | None
    code: int | None
    reason: str
    answered_ms: int
    receipt: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One hand-over of a transmission to a device, for ``show``."""

    id: int
    number: int
    device: str
    node: str
    started_ms: int
    ended_ms: int | None
    outcome: str | None
    error: str | None
    parts: tuple[PartRow, ...]


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One delivery report, for ``show``."""

    id: int
    device: str
    number: str | None
    reference: str | None
    status: str
    code: str | None
    reason: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as it was last seen, with its totals, which last over restarts."""

    name: str
    kind: str
    driver: str
    node: str
    state: str
    reason: str
    paused: bool
    signal: int | None = None
    operator: str | None = None
    imei: str | None = None
    imsi: str | None = None
    iccid: str | None = None
    health: Mapping[str, Any] = field(default_factory=dict)
    """All that ``drivers.base.Health`` said, by name."""
    queued: int = 0
    sending: int = 0
    sent_total: int = 0
    failed_total: int = 0
    received_total: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Parts that left a device at one time: ``left`` count for rates, ``taken`` for quotas."""

    at_ms: int
    left: int
    taken: int
