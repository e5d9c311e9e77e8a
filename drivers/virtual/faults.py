"""What can go wrong with a virtual modem, on command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Silence(StrEnum):
    """When the modem does not answer."""

    NONE = ""
    ALL = "all"
    """Takes nothing in and says nothing."""
    PDU = "pdu"
    """The network takes the message, no answer comes."""
    LOST = "lost"
    """The message is lost inside the modem, no answer comes."""


class Registration(StrEnum):
    """How the modem stands with the network (3GPP TS 27.007 §7.2 ``<stat>``)."""

    HOME = "home"
    ROAMING = "roaming"
    SEARCHING = "searching"
    DENIED = "denied"
    NONE = "none"

    @property
    def stat(self) -> int:
        """The number that AT+CREG? tells."""
        return {"none": 0, "home": 1, "searching": 2, "denied": 3, "roaming": 5}[self.value]

    @property
    def serves(self) -> bool:
        """Whether messages can be sent."""
        return self in (Registration.HOME, Registration.ROAMING)


class SimState(StrEnum):
    """Whether the SIM answers."""

    READY = "ready"
    ABSENT = "absent"
    BUSY = "busy"


class Vanish(StrEnum):
    """When the modem is pulled out by itself, once."""

    NEVER = ""
    PROMPT = "prompt"
    """When it should ask for the PDU."""
    PDU = "pdu"
    """When the network has taken the message, before the answer."""


class Reports(StrEnum):
    """What becomes of status reports."""

    NORMAL = "normal"
    LOST = "lost"
    FIRST = "first"
    """They come before the answer to the message."""


@dataclass(slots=True)
class Faults:
    """The faults in force. All times are seconds; lists are used up from the front, one entry a message."""

    silence: Silence = Silence.NONE
    answer_delay: float = 0.0
    """Every answer comes so much later; the modem is busy until then."""
    late: float = 0.0
    """The answer to a message comes so much later; the modem takes other commands meanwhile."""
    late_sends: int = 0
    """How many of the next messages are answered late; 0 means all of them."""
    byte_gap: float = 0.0
    """Answers come octet by octet, with this pause between two."""
    torn: float = 0.0
    """Answers come in two halves, with this pause between them."""
    noise: list[str] = field(default_factory=list)
    """Unsolicited lines in front of every answer and prompt; ``maker`` is those of the maker."""
    noise_inside: bool = False
    """They stand inside the answer, in front of its result."""
    noise_before_echo: bool = False
    """They stand in front of the echo of the command."""
    send_errors: list[str] = field(default_factory=list)
    """The results of the next messages: ``+CMS ERROR: 38``, ``+CME ERROR: 14``, ``ERROR``, or empty for none."""
    prompt_errors: list[str] = field(default_factory=list)
    """The same, given instead of the ``>`` prompt."""
    vanish: Vanish = Vanish.NEVER
    reports: Reports = Reports.NORMAL
    report_delay: float = 0.2
    report_statuses: list[list[int]] = field(default_factory=list)
    """The TP-Status values of the next messages' reports, in the order in which they come; default ``[0]``."""
    registration: Registration = Registration.HOME
    sim: SimState = SimState.READY
    no_smsc: bool = False
    """The SIM has lost the number of its service centre."""
    chatter: float = 0.0
    """The maker's noise is said unasked, a line at a time, with this pause."""
    reset_time: float = 0.0
    """After AT+CFUN=1,1 the modem is deaf and mute so long."""
    reset_unplugs: bool = False
    """Its port disappears meanwhile."""
    ussd_silent: bool = False
    """USSD codes are taken, no answer comes."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """Command lines (``AT+CPIN?``) that are answered with these lines instead, the last being the result."""

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set the named faults, all or none. Raises ValueError for an unknown name or a wrong value."""
        defaults = Faults()
        known = [item.name for item in fields(self)]
        fitting: dict[str, Any] = {}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"there is no fault {name!r}; there are: {', '.join(known)}")
            fitting[name] = _fitting(name, value, type(getattr(defaults, name)))
        for name, value in fitting.items():
            setattr(self, name, value)


def _fitting(name: str, value: Any, wanted: type[Any]) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    if issubclass(wanted, StrEnum):
        known = [str(one) for one in wanted]
        if value not in known:
            raise ValueError(f"{name} = {value!r}: must be one of {', '.join(map(repr, known))}")
        return wanted(value)
    if type(value) is not wanted:
        raise ValueError(f"{name} = {value!r}: must be {wanted.__name__}")
    return value
