"""The checks of ``doctor``. Each looks at one thing of the host and says what to do about it."""

from __future__ import annotations

import grp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import devicechecks, hostchecks
from gateway.cli.finding import FAIL, OK, WARN, Finding
from gateway.cli.program import Program
from gateway.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from gateway.config import Config

JOIN = "sudo adduser $USER dialout, and log in again"
RULES = tuple(Path(folder) / "77-sms-gateway.rules" for folder in ("/etc/udev/rules.d", "/usr/lib/udev/rules.d"))
LITTLE, TOO_LITTLE = 500 << 20, 50 << 20
"""Free octets below which the disk is worth a warning, and a fault."""


def findings(one: Program) -> Iterator[Finding]:
    """All checks, the config first; without a good config those that need none."""
    state = Path("/var/lib")
    try:
        config = one.config()
    except ConfigurationError as error:
        yield from (Finding(FAIL, "config", str(fault), "mend the config; sms-gateway check") for fault in error.faults)
        yield from _ports(None, one)
    else:
        yield Finding(OK, "config", f"{config.path} is good")
        yield from (Finding(WARN, "config", str(warning)) for warning in config.warnings)
        yield from _ports(config, one)
        yield from _disk(config)
        yield from _database(one)
        yield from _service(one)
        yield from devicechecks.all_checks(config, one)
        state = config.gateway.state
    yield from _groups()
    yield from _modem_manager()
    yield from hostchecks.all_checks(state)


def _ports(config: Config | None, one: Program) -> Iterator[Finding]:
    """Serial ports: there, ours to open, and free."""
    from drivers.gsm import ports
    from gateway.config.model import GatewaySection

    named = [modem.port for modem in config.modem.values() if modem.port and modem.port != "virtual"] if config else []
    globs = config.gateway.ports if config else GatewaySection().ports
    found = [*named, *ports.candidates(globs)]
    wanted = config is None or any(modem.port != "virtual" for modem in config.modem.values())
    if not found and wanted:
        cables = "look at cable, power and hub; lsusb should list the modem, and usb-modeswitch may have to switch it"
        yield Finding(WARN, "ports", f"there is no serial port ({' '.join(globs)})", cables)
    for path in dict.fromkeys(found):
        holder = ports.holder_of(path)
        if not Path(path).exists():
            yield Finding(FAIL, "ports", f"{path} is not there", "plug it in, or name it by imei, not by port")
        elif not os.access(path, os.R_OK | os.W_OK):
            yield Finding(FAIL, "ports", f"{path} may not be opened by this user", JOIN)
        elif holder and not (config and one.service_runs and holder.startswith(("python", "sms-gateway"))):
            yield Finding(FAIL, "ports", f"{path} is held by {holder}", "stop that program")
        else:
            yield Finding(OK, "ports", f"{path} is " + (f"held by {holder}" if holder else "free"))


def _groups() -> Iterator[Finding]:
    """The group that may open serial ports."""
    try:
        dialout = grp.getgrnam("dialout").gr_gid
    except KeyError:
        return
    if os.geteuid() != 0 and dialout not in os.getgroups():
        yield Finding(WARN, "groups", "this user is not in the group dialout", JOIN)
    else:
        yield Finding(OK, "groups", "this user may open serial ports")


def _modem_manager() -> Iterator[Finding]:
    """ModemManager talks to every new modem and breaks into our answers."""
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = process.read_text().strip()
        except OSError:
            continue  # the process has just ended
        if name == "ModemManager":
            if any(path.exists() for path in RULES):
                yield Finding(OK, "ModemManager", "it runs, and the udev rule hides the modems of known makers from it")
                return
            fix = "sudo systemctl disable --now ModemManager, or install the udev rule that hides the modems from it"
            yield Finding(FAIL, "ModemManager", "it runs and takes modems for itself", fix)
            return
    yield Finding(OK, "ModemManager", "it doesn't run")


def _disk(config: Config) -> Iterator[Finding]:
    """Room for the database, and the right to write."""
    folder = config.gateway.state
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(FAIL, "disk", f"{folder} can't be read: {error.strerror}", "mount it, or set [gateway] state")
        return
    level = FAIL if free < TOO_LITTLE else WARN if free < LITTLE else OK
    fix = "" if level == OK else "make room, or shorten [gateway] retention"
    yield Finding(level, "disk", f"{free >> 20} MB are free in {folder}", fix)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(WARN, "disk", f"{folder} may not be written by this user", "run as the service's user, or root")


def _database(one: Program) -> Iterator[Finding]:
    """Whether the database opens and is sound."""
    if not one.has_database:
        yield Finding(OK, "database", f"there is none at {one.database} yet; the first start makes it")
        return
    fix = "stop the service, keep the file, and go back to a copy made with sms-gateway db backup"
    try:
        faults = one.store.check()
    except StoreError as error:
        yield Finding(FAIL, "database", str(error), fix)
        return
    yield from (Finding(FAIL, "database", fault, fix) for fault in faults)
    if not faults:
        yield Finding(OK, "database", f"{one.database} is sound")


def _service(one: Program) -> Iterator[Finding]:
    """Whether the service runs."""
    if one.service_runs:
        yield Finding(OK, "service", "it runs")
    else:
        yield Finding(WARN, "service", "it doesn't run", "sms-gateway run, or systemctl start sms-gateway")
