"""The SIM and the modem's message memories: what survives a power cut."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from drivers.virtual.answers import cme
from drivers.virtual.options import ModemOptions

UNREAD, READ, UNSENT, SENT = range(4)


@dataclass(slots=True)
class Stored:
    """One message in a memory: its PDU with the service centre, hexadecimal, and ``<stat>`` (3GPP TS 27.005 §3.1)."""

    pdu: str
    state: int = UNREAD


@dataclass(slots=True)
class Memory:
    """Numbered places for messages; the first is ``first``."""

    size: int
    first: int = 0
    places: dict[int, Stored] = field(default_factory=dict)

    def __contains__(self, place: int) -> bool:
        """Whether there is such a place."""
        return self.first <= place < self.first + self.size

    def put(self, stored: Stored) -> int | None:
        """Keep a message in the lowest free place; None when it is full."""
        place = next((at for at in range(self.first, self.first + self.size) if at not in self.places), None)
        if place is not None:
            self.places[place] = stored
        return place


@dataclass(slots=True)
class Lock:
    """PIN and PUK of a SIM with their counters (3GPP TS 11.11 §9.3)."""

    pin: str = ""
    """Empty: the SIM asks for none."""
    puk: str = "12345678"
    pin_tries: int = 3
    puk_tries: int = 10
    open: bool = False

    def state(self) -> str:
        """What AT+CPIN? says."""
        if self.pin_tries == 0:
            return "SIM PUK"
        return "READY" if self.open or not self.pin else "SIM PIN"

    def enter(self, code: str, new: str | None = None) -> None:
        """Give the PIN, or the PUK with a new PIN. Raises +CME ERROR 3, 12, 13 or 16."""
        if self.puk_tries == 0:
            raise cme(13)
        match self.state():
            case "READY":
                raise cme(3)
            case "SIM PUK":
                self._enter_puk(code, new)
            case _:
                self._enter_pin(code)

    def switch(self, code: str, *, on: bool) -> None:
        """Make the SIM ask for its PIN from now on, or not any more. Raises +CME ERROR 3, 12 or 16."""
        if not code.isdigit() or (not self.pin and not on):
            raise cme(3)
        if self.pin and code != self.pin:
            self.pin_tries -= 1
            raise cme(16 if self.pin_tries else 12)
        self.pin, self.pin_tries, self.open = code if on else "", 3, True

    def _enter_pin(self, code: str) -> None:
        if code != self.pin:
            self.pin_tries -= 1
            raise cme(16 if self.pin_tries else 12)
        self.pin_tries, self.open = 3, True

    def _enter_puk(self, code: str, new: str | None) -> None:
        if new is None:
            raise cme(12)
        if code != self.puk:
            self.puk_tries -= 1
            raise cme(16 if self.puk_tries else 13)
        self.pin, self.pin_tries, self.puk_tries, self.open = new, 3, 10, True


@dataclass(slots=True)
class Sim:
    """A SIM card, the modem's own memories beside it, and what the network still holds for it.

    With ``path``, every change is on the disk (fsync) before the modem says anything about it.
    """

    imsi: str
    iccid: str
    number: str
    smsc: str
    lock: Lock = field(default_factory=Lock)
    memories: dict[str, Memory] = field(default_factory=dict)
    reference: int = 0
    """The TP-MR that the next message gets, 0 to 255."""
    waiting: list[str] = field(default_factory=list)
    """PDUs that the network keeps until the SIM can take them."""
    path: Path | None = None
    changed: bool = False
    """Something is to be saved."""

    @classmethod
    def of(cls, options: ModemOptions, first_place: int) -> Sim:
        """The SIM that the options describe, as its state file left it. Raises ValueError for a wrong file."""
        sizes = {"SM": options.sm_size, "ME": options.me_size, "SR": options.sr_size}
        sim = cls(
            imsi=options.imsi,
            iccid=options.iccid,
            number=options.number,
            smsc=options.smsc,
            lock=Lock(options.pin, options.puk, options.pin_tries, options.puk_tries),
            memories={name: Memory(size, first_place if name == "SM" else 0) for name, size in sizes.items()},
            reference=options.reference,
            path=options.state,
        )
        sim.load()
        return sim

    def next_reference(self) -> int:
        """A TP-MR for one message; after 255 comes 0 (3GPP TS 23.040 §9.2.3.6)."""
        reference = self.reference
        self.reference = (reference + 1) % 256
        self.changed = True
        return reference

    def save(self) -> None:
        """Write the state to ``path``, if there is one, so that it survives the process and the power."""
        self.changed = False
        if self.path is None:
            return
        state = {
            "reference": self.reference,
            "smsc": self.smsc,
            "lock": {key: value for key, value in asdict(self.lock).items() if key != "open"},
            "waiting": self.waiting,
            "memories": {
                name: {place: [stored.pdu, stored.state] for place, stored in memory.places.items()}
                for name, memory in self.memories.items()
            },
        }
        beside = self.path.with_name(self.path.name + ".new")
        with beside.open("w", encoding="ascii") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)

    def load(self) -> None:
        """Take the state from ``path``, if it is there. Raises ValueError when the file is not ours."""
        if self.path is None or not self.path.exists():
            return
        try:
            state = json.loads(self.path.read_text(encoding="ascii"))
            self.reference, self.smsc = int(state["reference"]), str(state["smsc"])
            self.lock = Lock(**state["lock"])
            self.waiting = list(state["waiting"])
            for name, places in state["memories"].items():
                kept = {int(place): Stored(str(pdu), int(stat)) for place, (pdu, stat) in places.items()}
                self.memories[name].places = kept
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{self.path} is not the state of a virtual modem with these memories") from error
