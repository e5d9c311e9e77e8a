"""What each command_status means and whose fault it is (SMPP 3.4 §5.1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from smpplib import consts

from drivers.base import Fault

NAMES: Final[dict[int, str]] = {
    value: name.removeprefix("SMPP_") for name, value in vars(consts).items() if name.startswith("SMPP_ESME_R")
}
"""What the standard calls each status."""

STATUSES: Final[dict[int, tuple[str, Fault]]] = {
    0x01: ("the message length is invalid", Fault.MESSAGE),
    0x02: ("the command length is invalid", Fault.MESSAGE),
    0x03: ("the carrier does not know this command", Fault.DEVICE),
    0x04: ("the session is not bound for this command", Fault.DEVICE),
    0x05: ("the account is already bound", Fault.DEVICE),
    0x06: ("the priority is invalid", Fault.MESSAGE),
    0x07: ("the registered delivery flag is invalid", Fault.MESSAGE),
    0x08: ("the carrier has a system error", Fault.TEMPORARY),
    0x0A: ("the source address is invalid", Fault.MESSAGE),
    0x0B: ("the destination address is invalid", Fault.MESSAGE),
    0x0C: ("the message id is invalid", Fault.MESSAGE),
    0x0D: ("the bind failed", Fault.DEVICE),
    0x0E: ("the password is wrong", Fault.DEVICE),
    0x0F: ("the system id is unknown", Fault.DEVICE),
    0x11: ("the message could not be cancelled", Fault.MESSAGE),
    0x13: ("the message could not be replaced", Fault.MESSAGE),
    0x14: ("the carrier's message queue is full", Fault.THROTTLED),
    0x15: ("the service type is invalid", Fault.DEVICE),
    0x33: ("the number of destinations is invalid", Fault.MESSAGE),
    0x34: ("the distribution list is unknown", Fault.MESSAGE),
    0x40: ("the destination flag is invalid", Fault.MESSAGE),
    0x42: ("replacing on submit is not allowed", Fault.MESSAGE),
    0x43: ("the esm_class is invalid", Fault.MESSAGE),
    0x44: ("the distribution list cannot be used", Fault.MESSAGE),
    0x45: ("the carrier refused the submit", Fault.UNCLEAR),
    0x48: ("the source type of number is invalid", Fault.MESSAGE),
    0x49: ("the source numbering plan is invalid", Fault.MESSAGE),
    0x50: ("the destination type of number is invalid", Fault.MESSAGE),
    0x51: ("the destination numbering plan is invalid", Fault.MESSAGE),
    0x53: ("the system type is invalid", Fault.DEVICE),
    0x54: ("the replace flag is invalid", Fault.MESSAGE),
    0x55: ("the number of messages is invalid", Fault.MESSAGE),
    0x58: ("the account sends faster than the carrier allows", Fault.THROTTLED),
    0x61: ("the scheduled delivery time is invalid", Fault.MESSAGE),
    0x62: ("the validity period is invalid", Fault.MESSAGE),
    0x63: ("the predefined message is invalid", Fault.MESSAGE),
    0x64: ("the receiver reports a temporary error", Fault.TEMPORARY),
    0x65: ("the receiver reports a permanent error", Fault.MESSAGE),
    0x66: ("the receiver rejected the message", Fault.MESSAGE),
    0x67: ("the query failed", Fault.UNCLEAR),
    0xC0: ("the optional part of the PDU is invalid", Fault.MESSAGE),
    0xC1: ("an optional parameter is not allowed", Fault.MESSAGE),
    0xC2: ("an optional parameter has an invalid length", Fault.MESSAGE),
    0xC3: ("an optional parameter is missing", Fault.MESSAGE),
    0xC4: ("an optional parameter has an invalid value", Fault.MESSAGE),
    0xFE: ("the delivery failed", Fault.UNCLEAR),
    0xFF: ("the carrier reports an unknown error", Fault.UNCLEAR),
    # SMPP 5.0 §4.7.6, which carriers send to older clients too.
    0x100: ("the account may not use this service", Fault.DEVICE),
    0x101: ("the account is prohibited from this operation", Fault.DEVICE),
    0x102: ("the service is unavailable", Fault.DEVICE),
    0x103: ("the service is denied", Fault.DEVICE),
    0x104: ("the data coding is invalid", Fault.MESSAGE),
    0x105: ("the source subunit is invalid", Fault.MESSAGE),
    0x106: ("the destination subunit is invalid", Fault.MESSAGE),
}


def explain(status: int, overrides: Mapping[int, Fault] = MappingProxyType({})) -> tuple[str, Fault]:
    """One sentence for a person, with the number and the standard's name for it, and whose fault the status is.

    ``overrides`` know better whose fault. Names are those of SMPP 3.4 §5.1.3.

    >>> explain(0x0B)[0]
    'the destination address is invalid (SMPP status 0x0000000B, ESME_RINVDSTADR)'
    """
    text, fault = STATUSES.get(status, ("the carrier gave a status of its own", Fault.UNCLEAR))
    name = f", {NAMES[status]}" if status in NAMES else ""
    return f"{text} (SMPP status 0x{status:08X}{name})", overrides.get(status, fault)
