"""The words that commands and events have in common. Their home for others is ``drivers.base``."""

from __future__ import annotations

import enum

from drivers.value import value


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


@value
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
