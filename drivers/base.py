"""The contract between a device and whoever uses it. The first file to read.

A device lives in a process of its own (``drivers.host``). The owner (``drivers.process``) sends it
*commands* and gets *events* back; both are the frozen values below, nothing else crosses the border.
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

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

HEALTH_EVERY_S = 30.0


class Encoding(enum.StrEnum):
    """How the user data of a part is coded (3GPP TS 23.038 §4)."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    BINARY = "binary"


class State(enum.StrEnum):
    """What a device can do now."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"
    PAUSED = "paused"
    BLOCKED = "blocked"
    ABSENT = "absent"


class Outcome(enum.StrEnum):
    """What became of one part that was submitted."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class Fault(enum.StrEnum):
    """Whose fault a refusal is: what the owner must do next."""

    MESSAGE = "message"
    """Permanent for this message: wrong number, barred, bad content."""
    TEMPORARY = "temporary"
    """Temporary for this message: recipient busy or out of reach of the carrier."""
    DEVICE = "device"
    """Trouble of the device, SIM, account or network: the message waits or moves, no attempt counts."""
    THROTTLED = "throttled"
    """Too fast: the device slows down, the message goes first, no attempt counts."""
    UNCLEAR = "unclear"
    """The code says nothing (bare ERROR, +CMS 500): a bounded number of attempts."""


class Inquiry(enum.StrEnum):
    """What a carrier can be asked about a message that it has accepted (SMPP 3.4 §4.8 to §4.10)."""

    QUERY = "query"
    CANCEL = "cancel"
    REPLACE = "replace"


class ReceiptStatus(enum.StrEnum):
    """What a delivery report says of a part."""

    DELIVERED = "delivered"
    FAILED = "failed"
    PENDING = "pending"
    """Intermediate: still being tried, a later report follows."""


@dataclass(frozen=True, slots=True)
class Part:
    """One PDU's worth of a text.

    ``payload``: GSM7, one septet per octet (escape sequences are two octets, not packed); UCS2, UTF-16 big
    endian; BINARY, the octets. ``udh``: the user data header without its length octet, ``b""`` when none.
    ``reference``: the concatenation reference in ``udh``, None when the text is a single part.
    """

    index: int
    total: int
    encoding: Encoding
    payload: bytes
    udh: bytes = b""
    reference: int | None = None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Ack:
    """The owner's answer to ``Incoming`` and ``Receipt``: committed, or could not be stored."""

    keys: tuple[str, ...]
    stored: bool = True
    code: int | None = None
    """SMPP server: the command_status for what was not stored; None: come again later."""


@dataclass(frozen=True, slots=True)
class EnterPin:
    """Permission to give this PIN to the SIM once; the owner has written the try down already."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ussd:
    """Send a USSD code, or an answer to a menu, and report with ``UssdReply``."""

    token: int
    code: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Close the line (``on=True``) and leave it closed, or open it again."""

    on: bool


@dataclass(frozen=True, slots=True)
class Reopen:
    """Close the line in order, once what has left is answered, and open it again; a modem is restarted meanwhile."""


@dataclass(frozen=True, slots=True)
class Close:
    """Finish what has left within ``grace_s``, hand back the rest, close the device, end."""

    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """Tell what went over the device's line in the last minutes, with ``Recorded``; devices without one say nothing."""

    token: int


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Reply:
    """The owner's answer to ``Asked``. For a query: message_state, and final_date (SMPP 3.4 §5.2.28, §7.1.1)."""

    key: str
    done: bool
    state: int = 0
    final: str = ""


Command = Submit | Ack | EnterPin | Ussd | Pause | Record | Reopen | Close | Ask | Reply


@dataclass(frozen=True, slots=True)
class Left:
    """These (token, part index) are about to leave the host, at ``at_mono``."""

    parts: tuple[tuple[int, int], ...]
    at_mono: float


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class PinNeeded:
    """The SIM wants its PIN. ``tries_left`` is None where the modem does not tell. The driver sends nothing
    to the SIM until ``EnterPin``."""

    sim: str
    tries_left: int | None = None


@dataclass(frozen=True, slots=True)
class PinOutcome:
    """What the SIM said to ``EnterPin``: True accepted, False refused, None no answer."""

    sim: str
    accepted: bool | None
    tries_left: int | None = None


@dataclass(frozen=True, slots=True)
class UssdReply:
    """The network's answer to ``Ussd``. ``open``: a menu that waits for an answer."""

    token: int
    text: str | None
    open: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an ``Ask``: ``done``, and in ``text`` what the carrier said, in a sentence."""

    token: int
    done: bool
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to ``Record``: lines of text, in which texts, numbers and PINs are masked."""

    token: int
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person may want to know: a call, a changed SIM, a full memory, a recovery step."""

    kind: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Busy:
    """The next call may keep the driver silent for this long; 0 means back in the loop."""

    limit_s: float
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event: everything that left has its Result, the device is closed."""


Event = (
    Left | Result | Incoming | Receipt | Asked | Health | PinNeeded | PinOutcome | UssdReply | Told | Recorded | Notice
    | Busy | Closed
)  # fmt: skip


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
