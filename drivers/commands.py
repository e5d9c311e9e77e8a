"""What the owner of a device asks of it. Their home for others is ``drivers.base``, which has the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from drivers.value import value
from drivers.words import Inquiry, Part


@value
class Submit:
    """Hand one transmission, or those of its parts that are still to go, to the network."""

    token: int
    """The owner's name for this attempt; every event about it carries it."""
    destination: str
    parts: tuple[Part, ...]
    source: str | None = None
    flash: bool = False
    receipt: bool = True
    validity_s: float | None = None
    priority: int = 0
    text: str | None = None
    """The whole text, for carriers that take long ones in one PDU (``message_payload``)."""
    fields: Mapping[str, Any] = field(default_factory=dict)


@value
class Ack:
    """The owner's answer to ``Incoming`` and ``Receipt``: committed, or could not be stored."""

    keys: tuple[str, ...]
    stored: bool = True
    code: int | None = None
    """SMPP server: the command_status for what was not stored; None: come again later."""


@value
class EnterPin:
    """Permission to give this PIN to the SIM once; the owner has written the try down already."""

    pin: str = field(repr=False)


@value
class Ussd:
    """Send a USSD code, or an answer to a menu, and report with ``UssdReply``."""

    token: int
    code: str


@value
class Pause:
    """Close the line (``on=True``) and leave it closed, or open it again."""

    on: bool


@value
class Reopen:
    """Close the line in order, once what has left is answered, and open it again; a modem is restarted meanwhile."""


@value
class Close:
    """Finish what has left within ``grace_s``, hand back the rest, close the device, end."""

    grace_s: float = 10.0


@value
class Record:
    """Tell what went over the device's line in the last minutes, with ``Recorded``; devices without one say nothing."""

    token: int


@value
class Ask:
    """Ask the carrier about a part that it has accepted, and report with ``Told``.

    What it says of the part's end comes as a ``Receipt`` too, before ``Told``.
    """

    token: int
    what: Inquiry
    reference: str
    """The message_id, as the carrier's answer to the submit had it."""
    destination: str
    source: str | None = None
    text: str | None = None
    """What takes the place of the text: ``REPLACE`` only."""
    patient: bool = False
    """Nobody waits for the answer; what somebody waits for goes first."""


@value
class Reply:
    """The owner's answer to ``Asked``. For a query: message_state, and final_date (SMPP 3.4 §5.2.28, §7.1.1)."""

    key: str
    done: bool
    state: int = 0
    final: str = ""


Command = Submit | Ack | EnterPin | Ussd | Pause | Record | Reopen | Close | Ask | Reply
