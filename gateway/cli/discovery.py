"""Finding modems: one answer for each USB device, whatever number of ports it has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drivers.base import DriverError
from drivers.gsm import identity, ports
from drivers.gsm.at import At
from gateway.config.render import render


@dataclass(frozen=True, slots=True)
class Found:
    """A port, and the modem behind it or why none answers."""

    port: str
    imei: str | None = None
    usb: str | None = None
    iccid: str | None = None
    maker: str | None = None
    model: str | None = None
    trouble: str = ""


def modems(globs: Sequence[str]) -> list[Found]:
    """Every modem once, at the first of its ports that answers; then the ports of which none can be had."""
    good: dict[str, Found] = {}
    silent: list[Found] = []
    for path in ports.candidates(globs):
        found = _ask(path)
        if found.trouble:
            silent.append(found)
        else:
            good.setdefault(found.imei or path, found)
    places = {each.usb for each in good.values() if each.usb}
    # A modem has ports that never answer AT; they are no trouble once another of its ports has.
    return [*good.values(), *(each for each in silent if each.usb is None or each.usb not in places)]


def _ask(path: str) -> Found:
    usb = ports.usb_path(path)
    try:
        with _opened(path) as at:
            who = identity.read_identity(at)
            iccid = identity.read_iccid(at)
    except DriverError as error:
        return Found(path, usb=usb, trouble=str(error))
    return Found(ports.stable_name(path), who.imei, usb, iccid, who.maker, who.model)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[At]:
    at = At(ports.Port(path), lambda _line: None)
    try:
        yield at
    finally:
        at.close()


def toml(found: Found, name: str) -> str:
    """A table for the config that keeps fitting when the modem changes its port."""
    told = ", ".join(filter(None, [found.maker, found.model, found.port, found.iccid and f"SIM {found.iccid}"]))
    key = "imei" if found.imei else "usb" if found.usb else "port"
    return f"# {told}\n" + render({"modem": {name: {key: getattr(found, key)}}}).removeprefix("[modem]\n\n")
