"""Checks of ``doctor`` that look at the computer: power, USB, the kernel's log, the clock, the card.

``sys`` is the folder of sysfs(5), an argument so that a test can bring its own.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.cli.finding import FAIL, OK, WARN, Finding

SYS = Path("/sys")
COMMAND_S = 10.0
"""How long a tool of the host may take."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time."""
UNDER_VOLTAGE, WAS_UNDER_VOLTAGE = 1 << 0, 1 << 16
"""Bits of the Raspberry Pi's ``get_throttled``."""
MAKERS = frozenset({"12d1", "3566", "19d2", "2c7c", "1e0e", "1bc7", "1e2d", "1199", "2cb7", "0af0"})
"""USB vendors whose devices are modems; the udev rules name them too."""
STORAGE, NETWORK, VENDOR, CONTROL = "08", {"02/06", "02/0d", "02/0e", "e0/01"}, "ff", "02/02"
"""USB classes, network and modem ones with their subclass (usb.org, Defined Class Codes)."""
KERNEL = (
    (re.compile(r"over-?current", re.IGNORECASE), "over-current on a USB port", "a powered hub"),
    (re.compile(r"disabled by hub \(EMI\?\)"), "a port switched off by its hub", "a powered hub and a shorter cable"),
    (re.compile(r"usb .*(error -(71|110|32)|not accepting address|device descriptor read)"),
     "a device that does not answer", "another cable or port, and a powered hub"),
    (re.compile(r"usb .*reset .*speed USB device"), "resets of USB devices", "a powered hub and a shorter cable"),
    (re.compile(r"(ttyUSB|ttyACM)\d+.*disconnected"), "modems that vanished", "better power; see hardware.md"),
    (re.compile(r"(mmcblk\d|nvme\d|sd[a-z]).*(I/O error|timed? ?out)"), "disk errors", "a new card or disk, soon"),
)  # fmt: skip
"""Lines of the kernel's log, what they mean, and what helps."""


def all_checks(state: Path, *, sys: Path = SYS) -> Iterator[Finding]:
    """Everything here; ``state`` is the folder of the database."""
    yield from power(_throttled(sys))
    yield from usb(sys)
    yield from hubs(_said("uhubctl"), sys)
    yield from kernel(kernel_log())
    yield from clock(sys)
    yield from card(state, sys)


def _said(*command: str) -> str | None:
    """The stdout of a tool; None when it isn't there or fails."""
    path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return None
    try:
        done = subprocess.run([path, *command[1:]], capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _throttled(sys: Path) -> int | None:
    """The Raspberry Pi's record of its power; None elsewhere."""
    try:
        told = (sys / "devices/platform/soc/soc:firmware/get_throttled").read_text()
    except OSError:
        told = (_said("vcgencmd", "get_throttled") or "").rpartition("=")[2]
    try:
        return int(told, 16)
    except ValueError:
        return None


def power(flags: int | None) -> Iterator[Finding]:
    """Weak power, the commonest cause of modems that vanish. ``flags``: of ``vcgencmd get_throttled``."""
    fix = "use the official power supply, and a powered USB hub for the modems"
    if flags is None:
        return
    if flags & UNDER_VOLTAGE:
        yield Finding(FAIL, "power", "the voltage is too low now", fix)
    elif flags & WAS_UNDER_VOLTAGE:
        yield Finding(WARN, "power", "the voltage was too low since the last start", fix)
    else:
        yield Finding(OK, "power", "the voltage is good")


def usb(sys: Path) -> Iterator[Finding]:
    """Modems that still pretend to be a CD-ROM, or that are a network card and have no port for SMS."""
    for device in sorted((sys / "bus/usb/devices").glob("*")):
        if _read(device / "idVendor") not in MAKERS:
            continue
        name = f"{_read(device / 'product') or 'the modem'} at {device.name}"
        classes = {
            (_read(each / "bInterfaceClass"), _read(each / "bInterfaceSubClass"))
            for each in device.glob(f"{device.name}:*")
        }
        kinds = {kind for kind, _ in classes}
        pairs = {f"{kind}/{sub}" for kind, sub in classes}
        if kinds and kinds <= {STORAGE}:
            fix = "sudo apt-get install usb-modeswitch, then plug it in again"
            yield Finding(FAIL, "mode-switch", f"{name} is still a CD-ROM", fix)
        elif pairs & NETWORK and VENDOR not in kinds and CONTROL not in pairs:
            fix = "it needs another firmware (stick mode) or another modem; see hardware.md"
            yield Finding(FAIL, "mode-switch", f"{name} is a network card (HiLink) and takes no SMS commands", fix)
        elif kinds:
            yield Finding(OK, "mode-switch", f"{name} has modem ports")


def hubs(listing: str | None, sys: Path) -> Iterator[Finding]:
    """Whether the power of each modem can be switched, the last way to bring back one that hangs."""
    places = [device.name for device in (sys / "bus/usb/devices").glob("*") if _read(device / "idVendor") in MAKERS]
    if not places:
        return
    if listing is None:
        fix = "sudo apt-get install uhubctl, and run doctor with sudo"
        yield Finding(WARN, "hub", "whether the hub can switch the power of a modem can't be told", fix)
        return
    able = {match[1] for match in re.finditer(r"^Current status for hub (\S+) \[.*ppps", listing, re.MULTILINE)}
    for place in sorted(places):
        hub = place.rpartition(".")[0] or place.partition("-")[0]
        if hub in able:
            yield Finding(OK, "hub", f"the power of the modem at {place} can be switched")
        else:
            fix = "a hub from the list of uhubctl, where a modem that hangs must come back by itself"
            yield Finding(WARN, "hub", f"the hub of the modem at {place} can't switch its power alone", fix)


def kernel_log() -> list[str] | None:
    """The kernel's messages since boot; None when this user may not read them."""
    for command in (("dmesg", "--kernel"), ("journalctl", "--dmesg", "--boot", "--output=cat", "--lines=5000")):
        told = _said(*command)
        if told:
            return told.splitlines()
    return None


def kernel(lines: Iterable[str] | None) -> Iterator[Finding]:
    """What the kernel complained about, each kind once."""
    if lines is None:
        fix = "run doctor with sudo, or sudo adduser $USER adm"
        yield Finding(WARN, "kernel", "its log may not be read by this user", fix)
        return
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        found.update([(what, fix) for pattern, what, fix in KERNEL if pattern.search(line)][:1])
    for (what, fix), times in found.items():
        yield Finding(WARN, "kernel", f"since boot it saw {what}, {times} times", fix)
    if not found:
        yield Finding(OK, "kernel", "no USB or disk errors since boot")


def clock(sys: Path = SYS, now: datetime | None = None) -> Iterator[Finding]:
    """Whether the time can be trusted: it is possible, it follows a time server (adjtimex(2)), a chip keeps it."""
    fix = "sudo timedatectl set-ntp true; a Pi without network needs a clock module"
    if (now or datetime.now(UTC)) < RELEASED:
        yield Finding(FAIL, "clock", "it shows a time that lies before this program was made", fix)
        return
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        state = -1
    chip = "" if any((sys / "class/rtc").glob("rtc*")) else "; no clock chip keeps it over a power cut"
    if state == TIME_ERROR:
        yield Finding(WARN, "clock", f"it is not synchronised{chip}, so --at may be wrong", fix)
    elif state >= 0:
        yield Finding(OK, "clock", f"it is synchronised{chip}")


def card(folder: Path, sys: Path = SYS) -> Iterator[Finding]:
    """What the database lies on, how worn that is, and whether its file system has seen errors."""
    try:
        number = folder.stat().st_dev
        place = (sys / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:
        return  # no disk of its own: a container, or a network
    if int(_read(sys / "fs/ext4" / place.name / "errors_count") or 0):
        fix = "make a copy now (sms-gateway db backup), check the file system at the next boot, replace the card"
        yield Finding(FAIL, "card", f"the file system on {place.name} has seen errors", fix)
    disk = place.parent if (place / "partition").exists() else place
    kind, worn = _read(disk / "device/type"), _read(disk / "device/life_time")
    levels = [int(word, 16) * 10 for word in worn.split() if word != "0x00"] if worn else []
    if levels and max(levels) >= 80:
        yield Finding(FAIL, "card", f"{disk.name} has used {max(levels)} % of its life", "copy it and replace it")
    elif kind == "SD":
        fix = "an SSD or a high-endurance card for [gateway] state, and db backup every day"
        yield Finding(WARN, "card", f"the database is on the SD card {disk.name}, which can't tell its wear", fix)
    else:
        used = f" with {max(levels)} % of its life used" if levels else ""
        yield Finding(OK, "card", f"the database is on {disk.name}{used}")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
