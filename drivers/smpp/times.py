"""Times as SMPP writes them (SMPP 3.4 §7.1.1): ``YYMMDDhhmmsstnnp``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drivers.smpp.codec import DecodeError
from drivers.smpp.names import RINVSCHED


def moment(octets: bytes, now: datetime) -> str | None:
    """A schedule_delivery_time or validity_period as ISO 8601 in UTC; None for none. Relative ones count from ``now``.

    Raises ``DecodeError`` for what is no time.
    """
    text = octets.decode("latin-1")
    if not text:
        return None
    try:
        if len(text) != 16 or not (text[:12].isascii() and text[:15].isdigit()):
            raise ValueError(text)  # noqa: TRY301 - one way out for all that is no time
        year, month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(0, 12, 2))
        if text[15] == "R":
            found = now + timedelta(days=360 * year + 30 * month + day, hours=hour, minutes=minute, seconds=second)
        else:
            offset = timedelta(minutes=15 * int(text[13:15])) * {"+": 1, "-": -1}[text[15]]
            found = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC) - offset
    except (ValueError, KeyError, OverflowError):
        raise DecodeError(f"{text!r} is no time", RINVSCHED) from None
    return found.isoformat()
