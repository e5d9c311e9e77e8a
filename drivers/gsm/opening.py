"""Finding the port of the modem that the config means."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from drivers.gsm import identity, ports
from drivers.gsm.at import At, ModemSilentError
from drivers.gsm.ports import Port, PortError, PortGoneError, PortHeldError
from drivers.gsm.recorder import Recorder
from drivers.gsm.settings import Settings

VIRTUAL = "virtual"
PROBE_S = 1.5
LOOK_AGAIN_S = 10.0


class Finder:
    """Opens the port of one modem, wherever it is now."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        """``recorder`` keeps what goes over the port."""
        self._settings = settings
        self._recorder = recorder
        self._last: str | None = None
        self._virtual: str | None = None
        self._looked: tuple[tuple[str, ...], float] | None = None
        self._absence = ""
        self._stack = contextlib.ExitStack()

    def open(self) -> Port:
        """Open the modem's port.

        Raises PortGoneError (not on this host now), PortHeldError, PortError, and ModemSilentError when the port
        where it was is still there and nothing answers.
        """
        settings = self._settings
        if settings.port == VIRTUAL:
            return Port(self._start_virtual(), self._recorder)
        if settings.port:
            return self._open_path(settings.port)
        if settings.usb:
            return self._first(ports.at_usb(settings.usb, settings.ports), answers, f"at USB place {settings.usb}")
        if settings.imei:
            return self._first(self._candidates(), self._has_imei, f"with IMEI {settings.imei}")
        return self._first(self._candidates(), self._has_iccid, f"with the SIM {settings.iccid}")

    def close(self) -> None:
        """End the virtual modem, if there is one."""
        self._stack.close()

    def _start_virtual(self) -> str:
        from drivers.virtual.handle import virtual_modem

        if self._virtual is None:
            try:
                context = virtual_modem(self._settings.virtual, self._settings.name)
                self._virtual = str(self._stack.enter_context(context).path)
            except (OSError, ValueError) as error:
                raise PortError(f"the virtual modem can't start: {error}") from error
        return self._virtual

    def _open_path(self, path: str) -> Port:
        if not os.path.exists(path):  # noqa: PTH110 - a plain question about a plain path
            raise PortGoneError(f"{path} is not there")
        return Port(path, self._recorder)

    def _candidates(self) -> list[str]:
        found = ports.candidates(self._settings.ports)
        if self._last in found:
            found.sort(key=lambda path: path != self._last)
        return found

    def _first(self, paths: list[str], wanted: Callable[[At], bool], what: str) -> Port:
        held: list[str] = []
        self._spare(paths)
        for path in paths:
            try:
                port = Port(path, self._recorder)
            except PortHeldError as error:
                held.append(str(error))
                continue
            except PortError:
                continue
            verdict = _ask(port, wanted)
            if verdict:
                self._last, self._looked = path, None
                return port
            port.close()
            if verdict is None and path == self._last:
                raise ModemSilentError(f"the modem at {path} does not answer")
        # Other modems' drivers hold their ports: one in use is no sign of trouble by itself.
        self._absence = "; ".join([f"no modem {what} is on this host", *held])
        raise PortGoneError(self._absence)

    def _spare(self, paths: list[str]) -> None:
        """Don't ask the same ports again and again: others may want them, and nothing was plugged in."""
        now, names = time.monotonic(), tuple(os.path.realpath(path) for path in paths)
        unchanged = self._looked and self._looked[0] == names and now < self._looked[1] + LOOK_AGAIN_S
        if unchanged and self._last not in paths:
            raise PortGoneError(self._absence)
        self._looked = (names, now)

    def _has_imei(self, at: At) -> bool:
        return answers(at) and identity.read_imei(at, PROBE_S) == self._settings.imei

    def _has_iccid(self, at: At) -> bool:
        return answers(at) and identity.read_iccid(at) == self._settings.iccid


def answers(at: At) -> bool:
    """Whether something that speaks AT is there. Raises PortGoneError, ModemSilentError."""
    at.get_in_step(PROBE_S)
    return True


def _ask(port: Port, wanted: Callable[[At], bool]) -> bool | None:
    """Whether it is the one; None when nothing answers."""
    try:
        return wanted(At(port, lambda _line: None))
    except (ModemSilentError, PortError):
        return None
