"""Restarting a modem from outside: its USB device let go and taken again, or its hub's port without power.

Both need rights over the device that the service has only where an administrator gave them, so both are tried only
when the config allows it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from drivers.base import DriverError

SYSFS = Path("/sys/bus/usb/devices")
OFF_S = 1.0
HUB_S = 30.0
"""How long uhubctl may take: it switches off, waits, and switches on."""
_PLACE = re.compile(r"(\d+-[\d.]*\d)")


class PowerError(DriverError):
    """The modem could not be restarted this way. One sentence says why."""


def reauthorize(place: str, devices: Path = SYSFS, off_s: float = OFF_S) -> None:
    """Take the rights of the USB device at ``place`` (``1-1.2``) and give them back: its driver starts anew.

    Raises PowerError.
    """
    switch = devices / place / "authorized"
    try:
        switch.write_text("0")
        time.sleep(off_s)
        switch.write_text("1")
    except OSError as error:
        raise PowerError(f"the USB device at {place} can't be re-authorized: {error.strerror}") from error


def cycle(place: str, program: str = "uhubctl") -> None:
    """Switch the hub's port at ``place`` off and on. Raises PowerError."""
    path = shutil.which(program)
    if path is None:
        raise PowerError(f"{program} is not installed")
    hub, port = hub_and_port(place)
    command = [path, "-l", hub, "-p", port, "-a", "cycle"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=HUB_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PowerError(f"{program} failed: {error}") from error
    if done.returncode:
        words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise PowerError(f"{program} can't switch port {port} of hub {hub}: {words[0] if words else done.returncode}")


def hub_and_port(place: str) -> tuple[str, str]:
    """``("1-1", "2")`` of ``1-1.2``, ``("1", "1")`` of ``1-1``. Raises PowerError."""
    if not _PLACE.fullmatch(place):
        raise PowerError(f"{place} is no place on a USB bus")
    head, dot, port = place.rpartition(".")
    if dot:
        return head, port
    bus, _, port = place.partition("-")
    return bus, port
