"""The kinds of values that only SMPP has: optional parameters, command_status, version of the protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drivers.base import Fault
from gateway.config import values

STATUSES = {
    "RINVMSGLEN": 0x01, "RINVCMDLEN": 0x02, "RINVCMDID": 0x03, "RINVBNDSTS": 0x04, "RALYBND": 0x05, "RINVPRTFLG": 0x06,
    "RINVREGDLVFLG": 0x07, "RSYSERR": 0x08, "RINVSRCADR": 0x0A, "RINVDSTADR": 0x0B, "RINVMSGID": 0x0C,
    "RBINDFAIL": 0x0D, "RINVPASWD": 0x0E, "RINVSYSID": 0x0F, "RCANCELFAIL": 0x11, "RREPLACEFAIL": 0x13,
    "RMSGQFUL": 0x14, "RINVSERTYP": 0x15, "RINVNUMDESTS": 0x33, "RINVDLNAME": 0x34, "RINVDESTFLAG": 0x40,
    "RINVSUBREP": 0x42, "RINVESMCLASS": 0x43, "RCNTSUBDL": 0x44, "RSUBMITFAIL": 0x45, "RINVSRCTON": 0x48,
    "RINVSRCNPI": 0x49, "RINVDSTTON": 0x50, "RINVDSTNPI": 0x51, "RINVSYSTYP": 0x53, "RINVREPFLAG": 0x54,
    "RINVNUMMSGS": 0x55, "RTHROTTLED": 0x58, "RINVSCHED": 0x61, "RINVEXPIRY": 0x62, "RINVDFTMSGID": 0x63,
    "RX_T_APPN": 0x64, "RX_P_APPN": 0x65, "RX_R_APPN": 0x66, "RQUERYFAIL": 0x67, "RINVOPTPARSTREAM": 0xC0,
    "ROPTPARNOTALLWD": 0xC1, "RINVPARLEN": 0xC2, "RMISSINGOPTPARAM": 0xC3, "RINVOPTPARAMVAL": 0xC4,
    "RDELIVERYFAILURE": 0xFE, "RUNKNOWNERR": 0xFF,
}  # fmt: skip
"""command_status by its name in the standard, without ``ESME_`` (SMPP 3.4 §5.1.3)."""
VERSIONS = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}
MOST_OCTETS = 0xFFFF
NUMBER = r"0[xX][0-9A-Fa-f]{1,8}|\d{1,10}"


def version(value: Any) -> int:
    """``"3.4"`` as the interface_version of a bind; the number itself is taken too (SMPP 3.4 §5.2.4)."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFF:
        return value
    name = f"{value:.1f}" if isinstance(value, float) else value
    if not isinstance(name, str) or name not in VERSIONS:
        raise ValueError(f"{values.shown(value)} is not allowed; write {values.one_of(VERSIONS)}")
    return VERSIONS[name]


def statuses(value: Any) -> dict[str, str]:
    """``{ "0x45" = "message", ESME_RX_T_APPN = "device" }``: whose fault a command_status is, by its number."""
    if not isinstance(value, Mapping):
        raise ValueError(f'must be a table such as {{ "0x45" = "message" }}, not {values.kind(value)}')  # noqa: TRY004
    found = {}
    for name, fault in value.items():
        if fault not in tuple(Fault):
            hint = values.nearest(fault, list(Fault)) if isinstance(fault, str) else ""
            raise ValueError(f"{values.shown(fault)} is no fault of {name}; write {values.one_of(Fault)}{hint}")
        found[f"0x{_status(name):X}"] = str(fault)
    return found


def _status(name: str) -> int:
    if re.fullmatch(NUMBER, name, re.ASCII) and int(name, 0 if name[:2] in ("0x", "0X") else 10) <= 0xFFFF_FFFF:
        return int(name, 0 if name[:2] in ("0x", "0X") else 10)
    known = name.upper().removeprefix("ESME_")
    if known in STATUSES:
        return STATUSES[known]
    hint = values.nearest(name, [f"esme_{each.lower()}" for each in STATUSES])
    raise ValueError(f'{name!r} is no command_status; write a number such as "0x45", or its name{hint}')


def tlvs(value: Any) -> dict[str, str | int]:
    """``{ "0x1400" = "text", "0x1401" = 7, "0x1402" = "0x00FF" }``: optional parameters by their tag."""
    if not isinstance(value, Mapping):
        raise ValueError(f'must be a table such as {{ "0x1400" = "text" }}, not {values.kind(value)}')  # noqa: TRY004
    for tag, content in value.items():
        if not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,4}", tag, re.ASCII):
            raise ValueError(f'{tag!r} is no tag; write it as a hexadecimal number such as "0x1400"')
        if isinstance(content, bool) or not isinstance(content, str | int) or not _fits(content):
            raise ValueError(
                f"{values.shown(content)} can't be the value of {tag}; write a text in Latin-1, a whole number from 0, "
                'or octets such as "0x00FF"'
            )
    return dict(value)


def _fits(content: str | int) -> bool:
    """Whether the octets of an optional parameter can be made of it (SMPP 3.4 §5.3.1)."""
    if isinstance(content, int):
        return 0 <= content < 1 << 64
    if content[:2] == "0x":
        return re.fullmatch(r"([0-9A-Fa-f]{2})*", content[2:], re.ASCII) is not None and len(content) < MOST_OCTETS
    return all(ord(character) <= 0xFF for character in content) and len(content) <= MOST_OCTETS
