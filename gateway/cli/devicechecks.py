"""Checks of ``doctor`` that look at the devices of the config: carriers, PINs, the network, the way messages take."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.cli.finding import FAIL, OK, WARN, Finding
from gateway.errors import ConfigurationError, StoreError
from gateway.standing import clock_doubt

if TYPE_CHECKING:
    from drivers.gsm.at import At
    from gateway.cli.program import Program
    from gateway.config import Config
    from gateway.store.types import DeviceRow

REACH_S = 3.0
"""How long a carrier may take to accept a connection."""
PACKET_ONLY = "0"
"""<service> of AT+CGSMS: messages take the packet domain and nothing else (3GPP TS 27.007 §10.1.21)."""


def all_checks(config: Config, one: Program) -> Iterator[Finding]:
    """Everything here."""
    yield from secrets(config)
    yield from carriers(config)
    rows = _rows(one)
    if one.service_runs:
        yield from states(config, rows)
        if doubt := clock_doubt({row.name: row.health.get("clock_skew_s") for row in rows if row.state == "up"}):
            yield Finding(FAIL, "clock", doubt, "sudo timedatectl set-ntp true, or sudo date --set=…")
    yield from ways(config)


def _rows(one: Program) -> list[DeviceRow]:
    from gateway.store import devices

    if not one.has_database:
        return []
    try:
        with one.store.read() as c:
            return devices.all(c)
    except (StoreError, ConfigurationError):
        return []  # the check of the database says why


def secrets(config: Config) -> Iterator[Finding]:
    """Secrets that more people than needed can read."""
    from drivers.smpp.server.passwords import hashed
    from gateway.config import inventory

    for place, secret in inventory.secrets(config):
        path, value = ".".join(place), secret.known or ""
        if (place[0] == "smpp" and _own(config.smpp[place[1]])) or hashed(value):
            continue
        fix = f'write {path} = {{ credential = "{place[-2]}" }} and put it into credentials/ beside the config'
        if secret.inline:
            yield Finding(WARN, "secrets", f"{path} stands in the config", fix)
        elif secret.file and secret.file.exists() and secret.file.stat().st_mode & 0o007:
            yield Finding(FAIL, "secrets", f"everybody may read {secret.file}", f"sudo chmod o= {secret.file}")
        else:
            yield Finding(OK, "secrets", f"{path} is kept apart from the config")


def _own(account: object) -> bool:
    return getattr(account, "host", "") == "virtual"


def carriers(config: Config) -> Iterator[Finding]:
    """Whether each carrier's port accepts a connection; nothing is said over it."""
    for name, account in config.smpp.items():
        if _own(account) or not account.enabled:
            continue
        where = f"{account.host} port {account.port}"
        try:
            socket.create_connection((account.host, account.port), REACH_S).close()
        except socket.gaierror:
            yield Finding(
                FAIL, "carriers", f"{name}: no address is known for {account.host}", "look at the name and at DNS"
            )
        except OSError as error:
            fix = "look at network, firewall and VPN, and ask the carrier whether this address is allowed"
            yield Finding(FAIL, "carriers", f"{name}: {where} can't be reached ({error.strerror or 'no answer'})", fix)
        else:
            yield Finding(OK, "carriers", f"{name}: {where} can be reached")


def states(config: Config, rows: list[DeviceRow]) -> Iterator[Finding]:
    """How the running service sees each device, PIN and network among it."""
    for row in rows:
        if row.name not in config.devices or not config.devices[row.name].enabled:
            continue
        how = ", ".join(str(row.health[key]) for key in ("registration", "technology") if row.health.get(key))
        if row.state == "up":
            yield Finding(OK, "devices", f"{row.name} is up" + (f" ({how})" if how else ""))
        elif row.state == "blocked":
            yield Finding(FAIL, "devices", f"{row.name} is blocked: {row.reason}", _help(row.name, row.reason))
        elif row.state == "paused":
            yield Finding(WARN, "devices", f"{row.name} is paused", f"sms-gateway resume {row.name}")
        else:
            yield Finding(WARN, "devices", f"{row.name} is {row.state}: {row.reason}", _help(row.name, row.reason))


def _help(name: str, reason: str) -> str:
    if "PUK" in reason:
        return "put the SIM into a telephone and enter its PUK"
    if "PIN" in reason or "tries" in reason:
        return f"check the PIN (a third wrong try locks the SIM), then sms-gateway unlock {name}"
    if "SIM" in reason:
        return "look at the SIM: seated, the right way round, active at its operator"
    return "hardware.md has a list of symptoms; the log says more: journalctl -u sms-gateway"


def ways(config: Config) -> Iterator[Finding]:
    """How each free modem sends messages, and on which network it is; nothing is changed."""
    from drivers.base import DriverError
    from drivers.gsm.at import At
    from drivers.gsm.ports import Port

    for name, modem in config.modem.items():
        if not modem.enabled or not modem.port or modem.port == "virtual":
            continue
        with contextlib.suppress(DriverError):  # held by the service, or silent: other checks say so
            port = Port(modem.port)
            try:
                yield from way(name, At(port, lambda _line: None))
            finally:
                port.close()


def way(name: str, at: At) -> Iterator[Finding]:
    """Ask one modem. Raises ModemSilentError, PortGoneError."""
    from drivers.gsm import identity
    from drivers.gsm.sim import SimState, read_sim, tries_left

    sim = read_sim(at)
    left = tries_left(at)
    if left is not None and left < 3:
        fix = "enter the right PIN in a telephone first: the gateway does not try it"
        yield Finding(FAIL, "pin", f"{name}: the SIM has {left} of 3 tries left", fix)
    if sim.state is not SimState.READY:
        yield Finding(WARN, "pin", f"{name}: {sim.reason}", _help(name, sim.reason))
        return
    network = identity.read_network(at)
    service = (at.try_value("AT+CGSMS?", "+CGSMS") or "").strip()
    if not network.served:
        fix = "look at antenna and signal, and whether the SIM is active"
        yield Finding(WARN, "network", f"{name}: no network ({network.registration})", fix)
    elif service == PACKET_ONLY:
        fix = "AT+CGSMS=3 lets it use the other way too; few networks carry messages this way alone"
        yield Finding(WARN, "network", f"{name}: it sends over the packet network only (AT+CGSMS: 0)", fix)
    else:
        yield Finding(OK, "network", f"{name}: {network.technology or 'a network'}, {network.registration or 'served'}")
