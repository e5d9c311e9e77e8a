"""Which modems are plugged in: asked gently, each port for a moment, and never one that somebody uses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.gsm import identity, ports
from drivers.gsm.at import At, ModemSilentError
from drivers.gsm.opening import PROBE_S
from drivers.gsm.ports import DEFAULT_GLOBS, Port, PortError, PortHeldError
from drivers.gsm.sim import SimState, read_sim


@dataclass(frozen=True, slots=True)
class Found:
    """A modem, or a port that could not be asked (``problem`` says why, in one sentence)."""

    port: str
    usb: str | None = None
    imei: str | None = None
    maker: str | None = None
    model: str | None = None
    iccid: str | None = None
    sim: str = ""
    """What keeps the SIM from working; empty when nothing does."""
    operator: str | None = None
    signal: int | None = None
    """Percent."""
    others: tuple[str, ...] = ()
    """Further ports of the same modem that answer."""
    problem: str | None = None

    @property
    def toml(self) -> str:
        """The modem as a table for the config; a comment when it could not be asked."""
        if self.problem:
            return f"# {self.port}: {self.problem}\n"
        told = [self.maker, self.model, self.operator, None if self.signal is None else f"signal {self.signal} %"]
        lines = ["# " + ", ".join(word for word in (*told, self.sim) if word), f"[modem.{self.name}]"]
        lines.append(f'imei   = "{self.imei}"' if self.imei else f'port   = "{ports.stable_name(self.port)}"')
        if self.iccid:
            lines.append(f'# iccid = "{self.iccid}"')
        return "\n".join(lines) + "\n"

    @property
    def name(self) -> str:
        """A name for the config: the operator, or the model, and the end of the IMEI."""
        word = re.sub(r"[^a-z0-9]+", "-", (self.operator or self.model or "modem").lower()).strip("-") or "modem"
        return f"{word}-{self.imei[-4:]}" if self.imei else word


def discover(globs: Iterable[str] = DEFAULT_GLOBS) -> list[Found]:
    """The modems behind these ports, each once, in the order of their ports."""
    modems: dict[str, Found] = {}
    for path in ports.candidates(globs):
        found = probe(path)
        if found is None:
            continue
        same = modems.get(found.imei) if found.imei else None
        if same:
            modems[found.imei or path] = dataclasses.replace(same, others=(*same.others, path))
        else:
            modems[found.imei or path] = found
    return list(modems.values())


def probe(path: str) -> Found | None:
    """Ask one port who it is; None when nothing there speaks AT. Changes no setting but the error form."""
    try:
        port = Port(path)
    except PortHeldError as error:
        return Found(path, usb=ports.usb_path(path), problem=str(error))
    except PortError as error:
        return Found(path, problem=str(error))
    try:
        return _ask(At(port, lambda _line: None), path)
    except (ModemSilentError, PortError):
        return None
    finally:
        port.close()


def _ask(at: At, path: str) -> Found | None:
    at.get_in_step(PROBE_S)
    at.command("AT+CMEE=1", PROBE_S)
    who = identity.read_identity(at)
    if who.imei is None and who.maker is None:
        return None
    sim = read_sim(at)
    network = identity.read_network(at) if sim.state is SimState.READY else identity.Network()
    return Found(
        port=path,
        usb=ports.usb_path(path),
        imei=who.imei,
        maker=who.maker,
        model=who.model,
        iccid=identity.read_iccid(at),
        sim=sim.reason,
        operator=network.operator,
        signal=network.signal,
    )
