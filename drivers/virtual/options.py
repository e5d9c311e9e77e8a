"""What a virtual modem is made of, from plain values, with defaults that follow from its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from drivers.virtual.makers import MAKERS

_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a string"),
    "int": (lambda value: type(value) is int and value >= 0, "a whole number, 0 or more"),
    "float": (lambda value: type(value) in (int, float) and value >= 0, "a number, 0 or more"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "Mapping[str, str]": (lambda value: isinstance(value, Mapping), "a table"),
    "Mapping[str, Any]": (lambda value: isinstance(value, Mapping), "a table"),
}
_PATTERNS = {
    "number": r"\+?\d{1,20}",
    "smsc": r"\+?\d{1,20}",
    "imei": r"\d{14,16}",
    "imsi": r"\d{6,15}",
    "iccid": r"\d{18,20}",
    "pin": r"\d{4,8}",
    "puk": r"\d{8}",
    "report_memory": "SM|ME|SR",
}


@dataclass(frozen=True, slots=True)
class ModemOptions:
    """The options of one virtual modem. What is empty is derived from ``name``, the same every time."""

    name: str = "virtual"
    number: str = ""
    """Own number, in international form."""
    imei: str = ""
    imsi: str = ""
    iccid: str = ""
    maker: str = "huawei"
    """One of ``makers.MAKERS``."""
    smsc: str = "+447700900999"
    operator: str = "Virtual"
    signal: int = 20
    """AT+CSQ, 0 to 31, or 99."""
    pin: str = ""
    """The SIM's PIN; empty when it asks for none."""
    puk: str = "12345678"
    pin_tries: int = 3
    puk_tries: int = 10
    sm_size: int = 20
    """Places for messages on the SIM."""
    me_size: int = 100
    sr_size: int = 20
    report_memory: str = "SM"
    """Where status reports are kept that AT+CNMI does not direct elsewhere: SM, ME, SR, or empty for nowhere."""
    reference: int = 0
    """The TP-MR of the first message."""
    send_time: float = 0.0
    """Seconds that the network takes to answer a message."""
    transit: float = 0.02
    """Seconds from the network's answer to the arrival at another virtual device."""
    text_mode: bool = False
    """AT+CMGF=1 at start."""
    at_prompt: bool = False
    """Left at the ``>`` prompt by an earlier program."""
    log: Path | None = None
    """File that gets one JSON line for every message that reached the modem."""
    state: Path | None = None
    """File that keeps the SIM over restarts."""
    control: Path | None = None
    """Unix socket for ``drivers.virtual.control.Control``."""
    link: Path | None = None
    """Symbolic link to the port."""
    ussd: Mapping[str, str] = field(default_factory=dict)
    """Answers to USSD codes; one that begins with ``>`` is a menu."""
    faults: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ModemOptions:
        """Make options of plain values. Raises ValueError, with one sentence, for unknown names and wrong values."""
        known = {item.name: item for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in options.items():
            if name not in known:
                raise ValueError(f"a virtual modem has no option {name!r}; it has: {', '.join(known)}")
            values[name] = _fitting(name, value, known[name].type)
        return _complete(values)


def _fitting(name: str, value: Any, wanted: Any) -> Any:
    if wanted == "Path | None":
        return None if value is None else Path(value)
    fits, words = _KINDS[wanted]
    if not fits(value):
        raise ValueError(f"option {name} of a virtual modem = {value!r}: must be {words}")
    if name in _PATTERNS and value and not re.fullmatch(_PATTERNS[name], value):
        raise ValueError(f"option {name} of a virtual modem = {value!r}: that is no {name}")
    if name == "maker" and value not in MAKERS:
        raise ValueError(f"there is no virtual modem of the maker {value!r}; there are: {', '.join(MAKERS)}")
    return value


def _complete(values: dict[str, Any]) -> ModemOptions:
    digits = str(int.from_bytes(hashlib.sha256(values.get("name", "virtual").encode()).digest()[:8], "big")).zfill(20)
    defaults = {
        "number": f"+447700900{digits[-3:]}",
        "imei": _with_check_digit(f"00440100{digits[-6:]}"),
        "imsi": f"00101{digits[-10:]}",
        "iccid": _with_check_digit(f"894400{digits[-12:]}"),
    }
    for name, value in defaults.items():
        values[name] = values.get(name) or value
    return ModemOptions(**values)


def _with_check_digit(digits: str) -> str:
    """Append the Luhn check digit (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)
