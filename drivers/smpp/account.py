"""An account's options, checked."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.base import DriverError, Fault
from drivers.networks import Network
from drivers.smpp.codec import Tlv
from drivers.smpp.names import BIND_RECEIVER, BIND_TRANSCEIVER, BIND_TRANSMITTER

BIND_COMMANDS: Final = {
    "transmitter": (BIND_TRANSMITTER,),
    "receiver": (BIND_RECEIVER,),
    "transceiver": (BIND_TRANSCEIVER,),
    "pair": (BIND_TRANSMITTER, BIND_RECEIVER),
}
ALPHABETS: Final = ("gsm7", "gsm7-packed", "latin1", "ascii", "utf8")
LONG_FORMS: Final = ("udh", "sar", "payload")
FLASH_FORMS: Final = ("coding", "subunit")
VERSIONS: Final = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50, "5": 0x50}


@dataclass(frozen=True, slots=True)
class Tls:
    """How the carrier's certificate is checked; None of a path means the system's authorities, no own certificate."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Outbind:
    """Where the carrier may connect to us, and what it must say then (SMPP 3.4 §4.1.7)."""

    host: str
    port: int
    system_id: bytes
    password: bytes = field(repr=False)
    networks: tuple[Network, ...] = ()
    """Where it may come from; none given is anywhere."""


@dataclass(frozen=True, slots=True)
class Account:
    """One SMPP account. Times in seconds; everything else as the configuration names it."""

    name: str
    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    bind: str = "transceiver"
    binds: int = 1
    window: int = 20
    tls: Tls | None = None
    outbind: Outbind | None = None
    source: str | None = None
    alphabet: str = "gsm7"
    enquire_link: float = 30.0
    response_timeout: float = 30.0
    reconnect: float = 60.0
    system_type: str = ""
    interface_version: int = 0x34
    service_type: str = ""
    receipts: bool = True
    long: str = "udh"
    flash: str = "coding"
    address_range: str = ""
    source_ton: int | None = None
    source_npi: int | None = None
    dest_ton: int | None = None
    dest_npi: int | None = None
    tlvs: tuple[Tlv, ...] = ()
    statuses: Mapping[int, Fault] = field(default_factory=dict)
    """Where this carrier means something else by a command_status than ``statuses.STATUSES`` says."""
    unacknowledged: int = 1000
    """How many incoming PDUs may wait for the owner before more are refused for now."""
    suspects: tuple[tuple[str, str], ...] = ()
    """(session, fingerprint) of incoming PDUs that a process which died may have left stored but unacknowledged."""
    virtual: Mapping[str, Any] = field(default_factory=dict)

    @property
    def commands(self) -> tuple[int, ...]:
        """The bind command of each connection that the account keeps."""
        return BIND_COMMANDS[self.bind] * self.binds


def account(options: Mapping[str, Any]) -> Account:
    """Options of the owner (see ``drivers.catalog``) as an ``Account``. Unknown ones are left to others.

    Raises ``DriverError`` that names the option and what it may be.
    """
    known = {name: value for name, value in options.items() if name in Account.__slots__ and value is not None}
    known |= {
        "tls": _tls(options.get("tls")),
        "outbind": _outbind(options.get("outbind")),
        "tlvs": tlvs(options.get("tlvs") or {}),
        "statuses": _statuses(options.get("statuses") or {}),
        "interface_version": _version(options.get("interface_version", 0x34)),
        "port": options.get("port") or 2775,
        "suspects": tuple((str(session), str(name)) for session, name in options.get("suspects") or ()),
    }
    known.setdefault("password", "")
    try:
        made = Account(**known)
    except TypeError as error:
        raise DriverError(f"the SMPP account is incomplete: {error}") from None
    for name, allowed in (
        ("bind", BIND_COMMANDS),
        ("alphabet", ALPHABETS),
        ("long", LONG_FORMS),
        ("flash", FLASH_FORMS),
    ):
        if getattr(made, name) not in allowed:
            raise DriverError(f"{name} is {getattr(made, name)!r}; it may be {', '.join(allowed)}")
    for name in ("window", "binds", "enquire_link", "response_timeout", "reconnect"):
        if not (getattr(made, name) > 0 and math.isfinite(getattr(made, name))):
            raise DriverError(f"{name} is {getattr(made, name)!r}; it must be more than 0")
    return made


def _tls(value: object) -> Tls | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        return Tls()
    return Tls(**{name: value.get(name) for name in Tls.__slots__})


def _outbind(value: Mapping[str, Any] | None) -> Outbind | None:
    if not value:
        return None
    system_id, password = (str(value.get(name) or "").encode("latin-1") for name in ("system_id", "password"))
    networks = tuple(ipaddress.ip_network(each) for each in value.get("networks") or ())
    return Outbind(str(value["host"]), int(value["port"]), system_id, password, networks)


def _statuses(values: Mapping[object, object]) -> Mapping[int, Fault]:
    """``{"0x45": "message"}``: whose fault a command_status is."""
    try:
        return {int(str(status), 0): Fault(str(fault)) for status, fault in values.items()}
    except ValueError as error:
        raise DriverError(f"statuses: {error}; a status is a number, a fault one of {', '.join(Fault)}") from None


def _version(value: object) -> int:
    if isinstance(value, int):
        return value
    try:
        return VERSIONS[str(value)]
    except KeyError:
        raise DriverError(f"interface_version is {value!r}; it may be {', '.join(VERSIONS)}") from None


def tlvs(values: Mapping[str, object]) -> tuple[Tlv, ...]:
    """Optional parameters by tag: ``{"0x1400": "text"}``; ``"0x…"`` values are octets, integers as short as they go.

    Raises ``DriverError`` for what is no tag or no value.
    """
    found = []
    for tag, value in values.items():
        try:
            number = int(str(tag), 0)
            octets = _octets(value)
        except (ValueError, OverflowError):
            raise DriverError(f"the optional parameter {tag!r} = {value!r} is not a tag with a value") from None
        if not 0 <= number <= 0xFFFF:
            raise DriverError(f"the optional parameter {tag!r} has a tag over 0xFFFF")
        found.append((number, octets))
    return tuple(found)


def _octets(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    text = str(value)
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode("latin-1")
