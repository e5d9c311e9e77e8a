"""What a device tells its owner. Their home for others is ``drivers.base``, which has the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from drivers.value import value
from drivers.words import Encoding, Fault, Inquiry, Outcome, ReceiptStatus, State


@value
class Left:
    """These (token, part index) are about to leave the host, at ``at_mono``."""

    parts: tuple[tuple[int, int], ...]
    at_mono: float


@value
class Result:
    """What became of one part. ``reference``: TP-MR in decimal, or the carrier's message_id as it stands."""

    token: int
    index: int
    outcome: Outcome
    reference: str | None = None
    fault: Fault | None = None
    code: int | None = None
    """+CMS/+CME number or SMPP command_status."""
    reason: str = ""
    """One sentence for a person; the standard's words for ``code`` where there is one."""
    late: bool = False
    retry_after_s: float | None = None


@value
class Incoming:
    """One PDU that came in; the owner joins the parts of long ones (``drivers.text.join``).

    ``fingerprint`` names the PDU octet by octet. ``may_repeat`` says that an equal fingerprint stored
    under another ``session`` is the same PDU again (a SIM that was read twice; a carrier that never saw
    our answer because the session broke), not a new one with the same words.
    """

    key: str
    sender: str
    encoding: Encoding
    payload: bytes
    fingerprint: str
    session: str
    may_repeat: bool
    to: str | None = None
    sim: str | None = None
    reference: int | None = None
    total: int = 1
    index: int = 1
    shift: tuple[int, int] = (0, 0)
    """National language tables (locking, single), 3GPP TS 23.038 §6.2.1; 0 is the default alphabet."""
    network_time: str | None = None
    """Service centre time stamp, ISO 8601."""
    pdu: bytes = b""
    message_class: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    """With ``may_repeat``: only these sessions may have handed it in before; empty: any other one."""


@value
class Receipt:
    """A delivery report. ``references``: what the message may have been called when it was accepted,
    the surest first (a carrier may say hexadecimal in one place and decimal in another)."""

    key: str
    references: tuple[str, ...]
    status: ReceiptStatus
    number: str | None = None
    sim: str | None = None
    code: str | None = None
    """TP-Status in decimal, or the carrier's ``stat`` and ``err``."""
    reason: str = ""
    network_time: str | None = None
    raw: bytes = b""
    learnt: bool = False
    """The first of ``references`` is in the form that this carrier has kept to."""


@value
class Asked:
    """SMPP server: a user asks about a message that it submitted, or wants it changed. It waits for ``Reply``."""

    key: str
    user: str
    what: Inquiry
    reference: str
    """The message_id that the user was given."""
    source: str
    """The sender's address, as it was submitted."""
    text: str = ""
    """What takes the place of the text: ``REPLACE`` only."""


@value
class Health:
    """How the device is. None means: not known, or does not apply to this kind of device."""

    state: State
    reason: str = ""
    signal: int | None = None
    """Percent."""
    operator: str | None = None
    registration: str | None = None
    technology: str | None = None
    imei: str | None = None
    imsi: str | None = None
    iccid: str | None = None
    maker: str | None = None
    model: str | None = None
    port: str | None = None
    smsc: str | None = None
    memory_used: int | None = None
    memory_size: int | None = None
    clock_skew_s: float | None = None
    """How far the network's time, as the device knows it, is ahead of this host's (s); 0 where they agree."""
    window: int = 1
    """How many parts may be with the device at once."""
    in_flight: int = 0
    round_trip_s: float | None = None
    rate_factor: float = 1.0
    """What throttling has left of the configured rate, 0 to 1."""
    details: Mapping[str, Any] = field(default_factory=dict)


@value
class PinNeeded:
    """The SIM wants its PIN. ``tries_left`` is None where the modem does not tell. The driver sends nothing
    to the SIM until ``EnterPin``."""

    sim: str
    tries_left: int | None = None


@value
class PinOutcome:
    """What the SIM said to ``EnterPin``: True accepted, False refused, None no answer."""

    sim: str
    accepted: bool | None
    tries_left: int | None = None


@value
class UssdReply:
    """The network's answer to ``Ussd``. ``open``: a menu that waits for an answer."""

    token: int
    text: str | None
    open: bool = False
    error: str | None = None


@value
class Told:
    """What became of an ``Ask``: ``done``, and in ``text`` what the carrier said, in a sentence."""

    token: int
    done: bool
    text: str


@value
class Recorded:
    """The answer to ``Record``: lines of text, in which texts, numbers and PINs are masked."""

    token: int
    text: str


@value
class Notice:
    """Something a person may want to know: a call, a changed SIM, a full memory, a recovery step."""

    kind: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@value
class Busy:
    """The next call may keep the driver silent for this long; 0 means back in the loop."""

    limit_s: float
    doing: str = ""


@value
class Closed:
    """The last event: everything that left has its Result, the device is closed."""


Event = (
    Left | Result | Incoming | Receipt | Asked | Health | PinNeeded | PinOutcome | UssdReply | Told | Recorded | Notice
    | Busy | Closed
)  # fmt: skip
