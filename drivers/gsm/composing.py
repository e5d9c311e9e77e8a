"""How one part goes out: what the message asks for, and what the config says where it asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers.base import Part, Submit

REPLACE = 0x40
"""TP-PID 0x41 to 0x47: the telephone replaces an earlier message of the same type (3GPP TS 23.040 §9.2.3.9)."""
_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")


class UnsendableError(ValueError):
    """The part can't be put into a PDU. One sentence says why."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a part goes out. None: as the network does by itself."""

    message_class: int | None = None
    """0: shown at once and not kept (flash), 1 modem, 2 SIM, 3 computer (3GPP TS 23.038 §4)."""
    protocol: int = 0
    """TP-PID (3GPP TS 23.040 §9.2.3.9)."""
    reject_duplicates: bool = False
    """TP-RD: the service centre refuses a message that it has of us under the same reference."""
    validity_s: float | None = None

    @property
    def usual(self) -> bool:
        """Whether any modem library has words for it."""
        return not self.protocol and not self.reject_duplicates


@dataclass(frozen=True, slots=True)
class Habits:
    """What the config says of a modem's messages."""

    flash: bool = False
    replace: int | None = None
    reject_duplicates: bool = False
    validity: float | None = None

    def manner(self, submit: Submit, part: Part) -> Manner:
        """How ``part`` goes out. Raises UnsendableError."""
        if not _NUMBER.fullmatch(submit.destination):
            raise UnsendableError(f"a modem sends to numbers and short codes only, not to {submit.destination!r}")
        fields = submit.fields
        message_class = 0 if submit.flash or self.flash else _whole(fields, "message_class", 0, 3)
        replace = _whole(fields, "replace", 1, 7) or self.replace
        protocol = _whole(fields, "protocol", 0, 255)
        if protocol is None:
            # One message replaces one: the parts of a long one would replace each other.
            protocol = REPLACE + replace if replace and part.total == 1 else 0
        wishes = [seconds for seconds in (submit.validity_s, self.validity) if seconds is not None]
        return Manner(
            message_class,
            protocol,
            bool(fields.get("reject_duplicates", self.reject_duplicates)),
            min(wishes, default=None),
        )


def _whole(fields: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UnsendableError(f"the field {name} must be a whole number from {low} to {high}, not {value!r}")
    return value
