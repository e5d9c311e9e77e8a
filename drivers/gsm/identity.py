"""Who a modem is, which SIM it has, and how it stands with the network (3GPP TS 27.007 §5, §7, §8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drivers.gsm.at import At

ICCID_COMMANDS = ("AT+CCID", "AT^ICCID?", "AT+QCCID", "AT+ZICCID?", "AT+ICCID")
"""Each maker has its own; AT+CRSM below is the standard's."""
_ICCID = re.compile(r"\b(89\d{15,20})F?\b", re.IGNORECASE)
_CLOCK = re.compile(r"(\d\d/\d\d/\d\d,\d\d:\d\d:\d\d)([+-]\d{1,2})")
"""AT+CCLK? (3GPP TS 27.007 §8.15): the zone in quarters of an hour."""
MADE = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=40 * 365)
"""No network tells a time before this was written, or so long after: a modem that does has not been told any."""
AGREES_S = 120.0
_DIGITS = re.compile(r"\b(\d{14,16})\b")

TECHNOLOGIES = {
    **dict.fromkeys((0, 1, 3), "GSM"),
    **dict.fromkeys((2, 4, 5, 6), "UMTS"),
    **dict.fromkeys((7, 10), "LTE"),
    8: "EC-GSM",
    9: "NB-IoT",
    **dict.fromkeys((11, 12, 13), "5G"),
}
"""<AcT> of TS 27.007 §7.2."""
REGISTRATIONS = {
    **dict.fromkeys((1, 6, 9), "home"),
    **dict.fromkeys((5, 7, 10), "roaming"),
    0: "none",
    2: "searching",
    3: "denied",
    4: "unknown",
    8: "emergency only",
}
"""<stat> of TS 27.007 §7.2."""
SERVED = frozenset({"home", "roaming"})


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a modem. None: the modem does not tell."""

    imei: str | None = None
    maker: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """How the modem stands with the network."""

    registration: str | None = None
    technology: str | None = None
    operator: str | None = None
    signal: int | None = None
    """Percent."""

    @property
    def served(self) -> bool:
        """Whether messages can be sent; a modem that tells nothing is believed to be able to."""
        return self.registration in SERVED or self.registration is None


def read_identity(at: At) -> Identity:
    """Raises ModemSilentError, PortGoneError."""
    return Identity(read_imei(at), _word(at, "+CGMI"), _word(at, "+CGMM"))


def read_imei(at: At, timeout_s: float = 5.0) -> str | None:
    """The IMEI in digits. Raises ModemSilentError, PortGoneError."""
    for command in ("AT+CGSN", "AT+GSN"):
        reply = at.command(command, timeout_s)
        found = _DIGITS.search(" ".join(reply.lines)) if reply.ok else None
        if found:
            return found.group(1)
    return None


def read_iccid(at: At) -> str | None:
    """The SIM's ICCID in digits. Raises ModemSilentError, PortGoneError."""
    for command in at.knows(ICCID_COMMANDS):
        reply = at.command(command)
        found = _ICCID.search(" ".join(reply.lines).replace('"', " ")) if reply.ok else None
        if found:
            at.knows(ICCID_COMMANDS, command)
            return found.group(1)
    return _iccid_from_file(at)


def _iccid_from_file(at: At) -> str | None:
    # EF-ICCID, 10 octets of swapped digits (3GPP TS 11.11 §10.1.1).
    value = at.try_value("AT+CRSM=176,12258,0,0,10", "+CRSM")
    found = re.search(r'"?([0-9A-Fa-f]{20})"?', value or "")
    if not found:
        return None
    octets = found.group(1).upper()
    return "".join(octets[i + 1] + octets[i] for i in range(0, 20, 2)).rstrip("F")


def read_imsi(at: At) -> str | None:
    """The SIM's IMSI in digits. Raises ModemSilentError, PortGoneError."""
    reply = at.command("AT+CIMI")
    found = _DIGITS.search(" ".join(reply.lines)) if reply.ok else None
    return found.group(1) if found else None


def read_smsc(at: At) -> str | None:
    """The service centre's number; None when the SIM has none. Raises ModemSilentError, PortGoneError."""
    value = at.try_value("AT+CSCA?", "+CSCA")
    number = (value or "").partition(",")[0].strip().strip('"')
    if re.fullmatch(r"[0-9A-Fa-f]{12,}", number) and not number.isdigit():
        # Under AT+CSCS="UCS2" it comes in UTF-16.
        number = bytes.fromhex(number).decode("utf-16-be", "replace")
    return number or None


def read_clock(at: At, now_s: float) -> float | None:
    """How far the modem's clock, which the network sets (NITZ, 3GPP TS 22.042), is ahead of ``now_s`` (Unix time).

    In seconds, whole minutes, 0 where they agree to two minutes. None when the modem has no clock, does not say its
    zone, or was told no time since its start. Raises ModemSilentError, PortGoneError.
    """
    found = _CLOCK.search(at.try_value("AT+CCLK?", "+CCLK") or "")
    if found is None:
        return None
    moment, quarters = found.groups()
    try:
        told = datetime.strptime(f"{moment}+0000", "%y/%m/%d,%H:%M:%S%z") - timedelta(minutes=15 * int(quarters))
    except ValueError:
        return None
    if not MADE <= told < MADE + LIFE:
        return None
    skew_s = told.timestamp() - now_s
    return 0.0 if abs(skew_s) <= AGREES_S else 60.0 * round(skew_s / 60)


def read_signal(at: At) -> int | None:
    """Signal in percent. Raises ModemSilentError, PortGoneError."""
    return percent(at.try_value("AT+CSQ", "+CSQ"))


def percent(csq: str | None) -> int | None:
    """Percent of ``20,99``: <rssi> of TS 27.007 §8.5, and 100 to 191 as some modems say for 3G."""
    head = (csq or "").partition(",")[0].strip()
    if not head.isdigit():
        return None
    rssi = int(head)
    if rssi <= 31:
        return round(rssi * 100 / 31)
    return round((rssi - 100) * 100 / 91) if 100 <= rssi <= 191 else None


def read_network(at: At) -> Network:
    """Raises ModemSilentError, PortGoneError."""
    best: tuple[str | None, str | None] = (None, None)
    for name in ("+CEREG", "+CREG", "+CGREG"):
        found = registration(at.try_value(f"AT{name}?", name))
        if found[0] in SERVED and name != "+CGREG":
            best = found
            break
        # The packet domain alone does not carry short messages, so it only fills in what nothing else tells.
        if best[0] is None or (name == "+CREG" and found[0] is not None):
            best = found
    operator, technology = _operator(at.try_value("AT+COPS?", "+COPS"))
    return Network(best[0], technology or best[1], operator, read_signal(at))


def registration(value: str | None) -> tuple[str | None, str | None]:
    """(registration, technology) of ``2,1,"00C3","01A2",7``; (None, None) when it says nothing."""
    fields = [field.strip().strip('"') for field in (value or "").split(",")]
    if len(fields) < 2 or not fields[1].isdigit():
        return None, None
    technology = TECHNOLOGIES.get(int(fields[4])) if len(fields) > 4 and fields[4].isdigit() else None
    return REGISTRATIONS.get(int(fields[1]), "unknown"), technology


def _operator(value: str | None) -> tuple[str | None, str | None]:
    found = re.match(r'\d,\d,"([^"]*)"(?:,(\d+))?', value or "")
    if not found:
        return None, None
    return found.group(1) or None, TECHNOLOGIES.get(int(found.group(2))) if found.group(2) else None


def _word(at: At, name: str) -> str | None:
    reply = at.command(f"AT{name}")
    if not reply.ok:
        return None
    return (reply.value(name) or reply.value() or "").strip().strip('"') or None
