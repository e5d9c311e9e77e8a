"""What happens in a session."""

from __future__ import annotations

from dataclasses import field

from drivers.smpp.codec import Pdu
from drivers.smpp.window import Key
from drivers.value import value


@value
class Bound:
    """The peer accepted the bind."""

    system_id: str
    version: int | None


@value
class BindRefused:
    """The peer refused the bind; ``Ended`` follows."""

    status: int


@value
class Answered:
    """The answer to one submit. ``late``: it came after ``Unanswered`` for the same key."""

    key: Key
    status: int
    message_id: str | None
    round_trip_s: float
    late: bool = False


@value
class Replied:
    """The answer to query_sm, cancel_sm or replace_sm; ``pdu`` has no fields where it was a generic_nack."""

    key: int
    pdu: Pdu


@value
class Unanswered:
    """The response timer of these submits ran out."""

    keys: tuple[Key, ...]


@value
class Delivered:
    """A deliver_sm or data_sm that waits for ``Session.acknowledge`` with its command and sequence."""

    sequence: int
    command: int
    pdu: Pdu
    frame: bytes


@value
class Odd:
    """Something a person may want to read in a log: the peer did what the standard does not foresee."""

    text: str


@value
class Ended:
    """The session is over. ``doubtful`` left the host and have no answer; ``unsent`` had not left whole."""

    reason: str
    doubtful: tuple[Key, ...] = ()
    unsent: tuple[Key, ...] = ()
    clean: bool = False


@value
class BindAsked:
    """At the carrier's end: a client wants to bind."""

    command: int
    system_id: str
    password: bytes = field(repr=False)


@value
class OutbindAsked:
    """The carrier has connected to us and wants us to bind (SMPP 3.4 §4.1.7)."""

    system_id: bytes
    password: bytes = field(repr=False)


SessionEvent = (
    BindAsked | OutbindAsked | Bound | BindRefused | Answered | Replied | Unanswered | Delivered | Odd | Ended
)  # fmt: skip
