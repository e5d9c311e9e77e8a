"""Where a session is in its life, and its timers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from drivers.base import DriverError


class Phase(enum.Enum):
    """Where a session is in its life."""

    OPEN = "open"
    BINDING = "binding"
    BOUND = "bound"
    UNBINDING = "unbinding"
    """We sent unbind."""
    ENDING = "ending"
    """The peer sent unbind; the last answers may still come."""
    CLOSED = "closed"


OVERDUE: Final = {
    Phase.OPEN: "the client does not bind",
    Phase.BINDING: "the peer does not answer the bind",
    Phase.UNBINDING: "closed; the peer did not answer the unbind",
    Phase.ENDING: "the peer ended the session",
}
"""Why a session ends whose phase lasts too long."""


class SessionError(DriverError):
    """A command that the phase or the window of the session does not allow: a fault of the caller."""


@dataclass(frozen=True, slots=True)
class Timers:
    """The timers of a session in seconds (SMPP 3.4 §2.7)."""

    response_s: float = 30.0
    enquire_link_s: float = 30.0
