"""One open modem: brought into order, watched, read and written to, until it fails or is closed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from drivers.base import DriverError, Event, Health, Notice, State
from drivers.gsm import identity, profiles
from drivers.gsm.at import At, CommandRefusedError, ModemSilentError
from drivers.gsm.identity import Identity, Network
from drivers.gsm.lines import Line
from drivers.gsm.memory import Memories, Place
from drivers.gsm.ports import Port, PortGoneError, PortHeldError
from drivers.gsm.sending import Engine
from drivers.gsm.settings import Settings
from drivers.gsm.sim import Sim, SimState, read_sim, tries_left

CNMI = ("2,1,0,2,0", "2,1,0,1,0", "1,1,0,2,0", "1,1,0,1,0", "1,1,0,0,0", "2,1,0,0,0", "0,0,0,0,0")
"""From the best to what every modem takes: new messages stored and announced (+CMTI), reports stored and announced
(+CDSI), else handed over (+CDS); the last one leaves everything to polling (3GPP TS 27.005 §3.4.1)."""


class WrongModemError(DriverError):
    """Another modem, or another SIM, than the config means. One sentence says which."""


class SimChangedError(DriverError):
    """Another SIM was put in while the modem was open. One sentence says so."""


ABSENT_S = 1.0
"""Between two looks for a port that is not there."""
HELD_S = 10.0
REFUSED_S = 2.0


def verdict(error: DriverError) -> tuple[State, float | None]:
    """What trouble makes of a modem, and after how many seconds to open it again; None: as ``recovery`` says."""
    match error:
        case PortGoneError():
            return State.ABSENT, ABSENT_S
        case PortHeldError():
            return State.DOWN, HELD_S
        case WrongModemError():
            return State.BLOCKED, HELD_S
        case CommandRefusedError():
            return State.DOWN, REFUSED_S
    return State.DOWN, None


class Session:
    """An open modem. Every method raises ModemSilentError and PortError, as its line does.

    Args:
        port: the open port; closed by ``close``.
        settings: what is expected of the modem.
        engine: how this driver speaks with it.
        on_urc: what the modem says unasked.
        direct: see ``memory.Memories``.
    """

    def __init__(
        self,
        port: Port,
        settings: Settings,
        engine: Engine,
        on_urc: Callable[[Line], None],
        direct: dict[str, Place],
    ) -> None:
        self.at = At(port, on_urc)
        self.engine = engine
        self._settings = settings
        self._direct = direct
        self._name = f"{os.getpid()}-{time.time_ns():x}"
        self.identity = Identity()
        self.profile = profiles.GENERAL
        self.network = Network()
        self.sim = Sim(SimState.BUSY)
        self.iccid: str | None = None
        self.imsi: str | None = None
        self.smsc: str | None = None
        self.clock_skew_s: float | None = None
        self.memories: Memories | None = None
        self.ready = False

    @property
    def sim_id(self) -> str:
        """What tells this SIM from others: its ICCID, else its IMSI, else the modem it is in."""
        return self.iccid or self.imsi or f"imei:{self.identity.imei or self.at.port.path}"

    def greet(self) -> None:
        """Free the line and learn who answers. Raises WrongModemError."""
        self.at.get_in_step()
        self.at.command("ATE0")
        self.at.command("AT+CMEE=1")
        self.identity = identity.read_identity(self.at)
        expected = self._settings.imei
        if expected and self.identity.imei != expected:
            raise WrongModemError(f"the modem at {self.at.port.path} has IMEI {self.identity.imei}, not {expected}")
        self.profile = profiles.choose(self.identity.maker, self.identity.model, self._settings.profile)
        for command in self.profile.init:
            self.at.command(command)

    def look_at_sim(self) -> Sim:
        """The SIM's state now; its ICCID is read along where the card lets it be. Raises WrongModemError."""
        self.sim = read_sim(self.at)
        if self.iccid is None and self.sim.state is not SimState.BUSY:
            self.identify()
        return self.sim

    def identify(self) -> str:
        """Read again which SIM is in; what tells it from others. Raises WrongModemError."""
        self.iccid = identity.read_iccid(self.at)
        wanted = self._settings.iccid
        if wanted and self.iccid and self.iccid != wanted.rstrip("Ff"):
            raise WrongModemError(f"the SIM in {self.at.port.path} has ICCID {self.iccid}, not {wanted}")
        return self.sim_id

    def sim_went(self) -> None:
        """The SIM can't be used any more: which one comes is open."""
        self.ready = False
        self.iccid = self.imsi = None

    def swapped(self, before: str | None) -> Notice | None:
        """What to say when another SIM was in the modem ``before``."""
        now = self.iccid or self.imsi
        if before is None or now is None or before in (self.iccid, self.imsi):
            return None
        home = self._settings.past.homes.get(now)
        text = f"another SIM is in the modem: {now} instead of {before}" + (
            f"; it was in {home} before" if home else ""
        )
        return Notice("sim", text, {"sim": now, "before": before, "home": home})

    def tries_left(self) -> int | None:
        """PIN tries left, None where the modem does not tell."""
        return tries_left(self.at)

    def prepare(self) -> list[Event]:
        """Make the modem ready to send and to receive; its SIM is. Raises WrongModemError, CommandRefusedError."""
        self.identify()
        if self._settings.iccid and self.iccid is None:
            raise WrongModemError(f"the SIM in {self.at.port.path} does not tell its ICCID, so it can't be known")
        self.engine.open(self.at)
        self.at.command("AT+CMEE=1")
        self.imsi = identity.read_imsi(self.at)
        notices = self._service_centre()
        self.at.require("AT+CMGF=0")
        # Phase 2+ acknowledges what is handed over (+CNMA); we keep to the older service, where it isn't wanted.
        self.at.command("AT+CSMS=0")
        self.memories = Memories(self.at, self.sim_id, self._name, self._direct, self.profile.memories)
        self.memories.setup()
        self._subscribe()
        self.refresh()
        self.ready = True
        return notices

    def _service_centre(self) -> list[Event]:
        """Learn the number that messages go through: the config's, else the SIM's, else the one that this SIM had."""
        told = identity.read_smsc(self.at)
        self.smsc = self._settings.smsc or told or self._settings.past.smscs.get(self.sim_id)
        if self.smsc is None:
            return [Notice("smsc", "the SIM has no service centre number: sending will fail")]
        if told is None and self.at.command(f'AT+CSCA="{self.smsc}",{145 if self.smsc.startswith("+") else 129}').ok:
            return [Notice("smsc", f"the SIM had no service centre number and was given {self.smsc}")]
        return []

    def _subscribe(self) -> None:
        for command in self.profile.bearer:
            self.at.command(command)
        for form in (*self.profile.cnmi, *CNMI):
            if self.at.command(f"AT+CNMI={form}").ok:
                break
        for name in ("+CREG", "+CEREG"):
            if not self.at.command(f"AT{name}=2").ok:
                self.at.command(f"AT{name}=1")
        self.at.command("AT+CLIP=1")
        # Let the network set the modem's clock (3GPP TS 27.007 §8.40).
        self.at.command("AT+CTZU=1")
        self.at.command("AT+COPS=3,0")

    def refresh(self) -> None:
        """Read signal, registration and operator again. Raises SimChangedError."""
        if self.ready and self.iccid:
            # A card that is busy does not tell: that is no other card.
            found = identity.read_iccid(self.at) or self.iccid
            if found != self.iccid:
                raise SimChangedError(f"another SIM was put in: {found} instead of {self.iccid}")
        self.network = replace(identity.read_network(self.at), signal=self.engine.signal(self.at))
        self.clock_skew_s = identity.read_clock(self.at, time.time())

    def poll(self) -> list[Event]:
        """Everything that came in and was not offered."""
        return self.memories.poll(self.engine.counts(self.at)) if self.memories else []

    def has_restarted(self) -> bool:
        """Whether the modem has forgotten what it was told: makers say their boot words at other times too."""
        # Twice: an OK that was owed to somebody else may come in place of the first answer.
        return all(self.at.try_value("AT+CMEE?", "+CMEE") != "1" for _ in range(2))

    def reset(self) -> bool:
        """Restart the modem (3GPP TS 27.007 §8.2). True: it has agreed, and answers nothing of before any more."""
        try:
            return self.at.command("AT+CFUN=1,1").ok
        except ModemSilentError:
            # It may hear though it does not answer.
            self.at.port.write(b"\x1b\r\nAT+CFUN=1,1\r")
            return False

    def close(self) -> None:
        """Close the line."""
        self.engine.close()
        self.at.close()

    def health(self, state: State, reason: str, round_trip_s: float | None) -> Health:
        """What the owner should know."""
        memories, network = self.memories, self.network
        return Health(
            state=state,
            reason=reason,
            signal=network.signal,
            operator=network.operator,
            registration=network.registration,
            technology=network.technology,
            imei=self.identity.imei,
            imsi=self.imsi,
            iccid=self.iccid,
            maker=self.identity.maker,
            model=self.identity.model,
            port=self.at.port.path,
            smsc=self.smsc,
            memory_used=memories.used if memories else None,
            memory_size=memories.size if memories else None,
            clock_skew_s=self.clock_skew_s,
            round_trip_s=round_trip_s,
        )
