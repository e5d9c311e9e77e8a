"""Serial ports: opening one alone, finding the modem's, and naming who holds it. The only importer of pyserial."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import termios
import time
from collections.abc import Iterable, Sequence
from glob import glob
from pathlib import Path

import serial

from drivers.base import DriverError
from drivers.gsm.recorder import Recorder

DEFAULT_GLOBS = ("/dev/ttyUSB*", "/dev/ttyACM*")
SPEED = 115200
NOT_MODEMS = frozenset({"0403", "10c4", "067b", "1a86", "2341"})
"""USB vendors of bare serial adapters and boards; probing one may disturb what hangs on it."""
OTHER_USES = {
    ("2c7c", "0125"): frozenset({0, 1}),
    ("2c7c", "0121"): frozenset({0, 1}),
    ("1e0e", "9001"): frozenset({0, 1}),
}
"""By vendor and product, the interfaces that speak diagnostics or positions: some modems hang when asked there."""
SYS = Path("/sys")
SERIAL = Path("/dev/serial")
"""Where udev keeps names that stay: by the socket that a modem is plugged into, and by its make."""
PTY_MAJORS = range(136, 144)
PTY_MASTERS = frozenset({"/dev/ptmx", "/dev/pts/ptmx"})


class PortError(DriverError):
    """The port can't be used. The message is one sentence for a person."""


class PortGoneError(PortError):
    """The port has vanished: unplugged, or never there."""


class PortHeldError(PortError):
    """Another process has the port open; the message names it."""


class Port:
    """One open serial port, ours alone (TIOCEXCL and flock)."""

    def __init__(self, path: str, recorder: Recorder | None = None) -> None:
        """``recorder`` keeps what goes over it. Raises PortGoneError, PortHeldError or PortError."""
        self.path = path
        self.recorder = recorder
        holder = holder_of(path)
        if holder:
            raise PortHeldError(f"{path} is in use by {holder}")
        try:
            self._serial = serial.Serial(path, SPEED, timeout=0, write_timeout=0, exclusive=True)
            # flock keeps out those who ask for a lock, TIOCEXCL all but root.
            fcntl.ioctl(self._serial.fileno(), termios.TIOCEXCL)
        except (OSError, termios.error) as error:  # pyserial's own exception is an OSError
            raise _why(path, error) from error

    def fileno(self) -> int:
        """The descriptor. Raises PortGoneError when the port was closed."""
        if not self._serial.is_open:
            raise PortGoneError(f"{self.path} is closed")
        return int(self._serial.fileno())

    def read(self, timeout_s: float) -> bytes:
        """What has come, waiting up to ``timeout_s`` for the first octet. Raises PortGoneError."""
        try:
            ready, _, _ = select.select([self.fileno()], [], [], max(0.0, timeout_s))
            if not ready:
                return b""
            octets = os.read(self.fileno(), 4096)
        except OSError as error:
            raise PortGoneError(f"{self.path} has vanished") from error
        if not octets:
            raise PortGoneError(f"{self.path} has vanished")
        if self.recorder:
            self.recorder.heard(octets, time.monotonic())
        return octets

    def write(self, octets: bytes, limit_s: float = 5.0) -> None:
        """Write all of ``octets``. Raises PortGoneError, and PortError when the modem takes none for ``limit_s``."""
        if self.recorder:
            self.recorder.sent(octets, time.monotonic())
        rest = memoryview(octets)
        end = time.monotonic() + limit_s
        try:
            while rest:
                _, ready, _ = select.select([], [self.fileno()], [], max(0.0, end - time.monotonic()))
                if not ready:
                    raise PortError(f"{self.path} takes no data")
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(self.fileno(), rest) :]
        except OSError as error:
            raise PortGoneError(f"{self.path} has vanished") from error

    def close(self) -> None:
        """Close it; a second time does nothing."""
        with contextlib.suppress(OSError, serial.SerialException, termios.error):
            # Closing waits for unsent output, for ever if the modem takes none.
            self._serial.reset_output_buffer()
        with contextlib.suppress(OSError, serial.SerialException, termios.error):
            self._serial.close()


def _why(path: str, error: Exception) -> PortError:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO):
        return PortGoneError(f"{path} is not there")
    if code in (errno.EACCES, errno.EPERM):
        return PortError(f"no permission to open {path}: add this user to the group dialout")
    if code in (errno.EBUSY, errno.EAGAIN):
        return PortHeldError(f"{path} is in use by another process")
    return PortError(f"{path} can't be opened: {error}")


def holder_of(path: str) -> str | None:
    """Who else has the port open, as ``NAME (process N)``; None when nobody is seen to.

    Processes of other users can't be looked into without rights; they show as EBUSY at open.
    """
    try:
        device = _device(path)
    except OSError:
        return None
    own = str(os.getpid())
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != own and _holds(process, device):
            with contextlib.suppress(OSError):
                name = (process / "comm").read_text().strip()
                return f"{name} (process {process.name})"
    return None


def _device(path: str | Path) -> tuple[int, int]:
    """What tells a device from others. Raises OSError."""
    status = os.stat(path)  # noqa: PTH116 - over every descriptor of the host, Path costs too much
    # Each container has pseudo terminals of its own, with the same numbers.
    is_pty = os.major(status.st_rdev) in PTY_MAJORS
    return status.st_rdev, status.st_dev if is_pty else 0


def _holds(process: Path, device: tuple[int, int]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    held = False
    for descriptor in descriptors:
        # One that has just been closed must not hide those behind it.
        with contextlib.suppress(OSError):
            target = os.readlink(descriptor)  # noqa: PTH115 - as above
            if target in PTY_MASTERS:
                # It holds the far end of a pseudo terminal: the modem itself, not a rival.
                return False
            held = held or (target.startswith("/dev/") and _device(descriptor) == device)
    return held


def candidates(globs: Iterable[str] = DEFAULT_GLOBS, sys: Path = SYS) -> list[str]:
    """Ports that may be a modem's, each once, in a steady order; bare serial adapters and diagnostics are left out."""
    found = sorted({path for pattern in globs for path in glob(pattern)}, key=_natural)  # noqa: PTH207 - patterns are absolute
    seen: set[str] = set()
    ports: list[str] = []
    for path in found:
        real = os.path.realpath(path)
        if real not in seen and _may_be_modem(real, sys):
            seen.add(real)
            ports.append(path)
    return ports


def _natural(path: str) -> tuple[str, int, str]:
    head = path.rstrip("0123456789")
    digits = path[len(head) :]
    return head, int(digits) if digits else -1, path


def _may_be_modem(path: str, sys: Path) -> bool:
    vendor, product = (usb_attribute(path, name, sys) for name in ("idVendor", "idProduct"))
    if vendor in NOT_MODEMS:
        return False
    interface = usb_attribute(path, "bInterfaceNumber", sys)
    others = OTHER_USES.get((vendor or "", product or ""), frozenset())
    return interface is None or int(interface, 16) not in others


def _sysfs(path: str, sys: Path) -> Path:
    return sys / "class" / "tty" / Path(os.path.realpath(path)).name / "device"


def usb_path(path: str, sys: Path = SYS) -> str | None:
    """The USB place of a port, as ``1-1.2``: it stays when the port changes its name."""
    try:
        steps = _sysfs(path, sys).resolve(strict=True).parts
    except OSError:
        return None
    places = [step for step in steps if step[0].isdigit() and "-" in step and ":" not in step]
    return places[-1] if places else None


def usb_attribute(path: str, name: str, sys: Path = SYS) -> str | None:
    """What the USB device or interface of a port says under ``name`` (``idVendor``), in small letters."""
    try:
        place = _sysfs(path, sys).resolve(strict=True)
    except OSError:
        return None
    for parent in (place, *place.parents):
        with contextlib.suppress(OSError):
            return (parent / name).read_text().strip().lower()
    return None


def stable_name(path: str, serial_dir: Path = SERIAL) -> str:
    """The name of the port under ``/dev/serial/by-path`` or ``by-id``, else ``path``."""
    real = os.path.realpath(path)
    for directory in ("by-path", "by-id"):
        for link in sorted((serial_dir / directory).glob("*")):
            if os.path.realpath(link) == real:
                return str(link)
    return path


def at_usb(place: str, globs: Sequence[str]) -> list[str]:
    """The ports of the USB device at ``place`` (``1-1.2``)."""
    return [path for path in candidates(globs) if usb_path(path) == place]
