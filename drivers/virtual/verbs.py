"""What can be asked of a virtual modem through its control socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivers.text import split
from drivers.text.pdu import Content
from drivers.virtual import tpdu
from drivers.virtual.modem import VirtualModem
from drivers.virtual.options import ModemOptions
from drivers.virtual.port import Port
from drivers.virtual.sim import Stored


class Verbs:
    """The verbs of one modem; each takes and gives what JSON can say."""

    def __init__(self, modem: VirtualModem, port: Port, follow: Callable[[], None]) -> None:
        """``follow`` makes the port what the modem wants it to be."""
        self._modem = modem
        self._port = port
        self._follow = follow
        self._reference = 0
        self._verbs: dict[str, Callable[..., Any]] = {
            "status": self._status,
            "faults": self._faults,
            "deliver": self._deliver,
            "deliver_pdu": self._deliver_pdu,
            "fill": self._fill,
            "call": self._call,
            "hang_up": self._hang_up,
            "say": self._say,
            "sent": self._sent,
            "memory": self._memory,
            "unplug": self._unplug,
            "plug": self._plug,
            "restart": self._restart,
            "sim": self._sim,
        }

    def __call__(self, verb: str, arguments: dict[str, Any], now: float) -> Any:
        """Do one verb. Raises ValueError, with one sentence."""
        action = self._verbs.get(verb)
        if action is None:
            raise ValueError(f"a virtual modem has no verb {verb!r}; it has: {', '.join(self._verbs)}")
        try:
            return action(now, **arguments)
        except TypeError as error:
            raise ValueError(f"{verb}: {error}") from error

    def _status(self, _now: float) -> dict[str, Any]:
        """Port, SIM, memories, counters and faults."""
        modem, sim = self._modem, self._modem.sim
        return {
            "name": modem.options.name,
            "port": None if self._port.name is None else str(self._port.name),
            "imei": modem.options.imei,
            "iccid": sim.iccid,
            "imsi": sim.imsi,
            "number": sim.number,
            "pin": {"state": sim.lock.state(), "pin_tries": sim.lock.pin_tries, "puk_tries": sim.lock.puk_tries},
            "registration": str(modem.registration),
            "memories": {name: [len(memory.places), memory.size] for name, memory in sim.memories.items()},
            "waiting": len(sim.waiting),
            "sent": modem.witness.count,
            "reference": sim.reference,
            "smsc": sim.smsc,
            "text_mode": modem.mailbox.text_mode,
            "at_prompt": modem.line.prompting,
            "faults": asdict(modem.faults),
        }

    def _faults(self, now: float, **wanted: Any) -> None:
        """Change faults; what the network kept may come in."""
        self._modem.faults.change(wanted)
        self._modem.surroundings_changed(now)

    def _deliver(self, now: float, sender: str, text: str, reference: int | None = None, wide: bool = False) -> int:
        """A text comes in, in as many parts as it needs; their number."""
        self._reference = self._reference + 1 if reference is None else reference
        parts = split(text, reference=self._reference, wide_reference=wide)
        for part in parts:
            pdu = tpdu.deliver(sender, self._modem.sim.smsc, Content.of(part), self._modem.wall(now))
            self._modem.mailbox.take(pdu, now)
        return len(parts)

    def _deliver_pdu(self, now: float, pdu: str) -> None:
        """A PDU comes in, whatever it is: hexadecimal, with the service centre's number."""
        octets = bytes.fromhex(pdu)
        if not octets:
            raise ValueError("deliver_pdu: the PDU is empty")
        self._modem.mailbox.take(octets, now)

    def _fill(self, now: float, memory: str = "SM") -> int:
        """Put messages into a memory until it is full; how many."""
        filled = 0
        (part,) = split("filler", reference=0)
        pdu = tpdu.deliver("+447700900000", self._modem.sim.smsc, Content.of(part), self._modem.wall(now))
        if memory not in self._modem.sim.memories:
            raise ValueError(f"fill: there is no memory {memory!r}; there are: {', '.join(self._modem.sim.memories)}")
        while self._modem.sim.memories[memory].put(Stored(pdu.hex().upper())) is not None:
            filled += 1
        self._modem.sim.changed = True
        return filled

    def _call(self, now: float, number: str) -> None:
        """A telephone call comes in."""
        self._modem.services.call(number, now)

    def _hang_up(self, _now: float) -> None:
        """The caller gives up."""
        self._modem.services.hang_up()

    def _say(self, now: float, text: str) -> None:
        """The modem says a line unasked."""
        self._modem.speaker.line(text, now)

    def _sent(self, _now: float) -> list[dict[str, Any]]:
        """The messages that reached the modem since its start, as in the log."""
        return list(self._modem.witness.seen)

    def _memory(self, _now: float) -> dict[str, dict[str, list[Any]]]:
        """What the memories hold: place to PDU and state."""
        return {
            name: {str(place): [kept.pdu, kept.state] for place, kept in sorted(memory.places.items())}
            for name, memory in self._modem.sim.memories.items()
        }

    def _unplug(self, now: float) -> None:
        """The port disappears."""
        self._modem.unplug(now)
        self._follow()

    def _plug(self, now: float, link: str | None = None) -> str:
        """The port comes (back), under another name when ``link`` is given; the modem starts anew."""
        self._modem.plug(now, None if link is None else Path(link))
        self._follow()
        return str(self._port.name)

    def _restart(self, now: float) -> None:
        """The modem starts anew, its port stays."""
        self._modem.restart(now)

    def _sim(self, now: float, **options: Any) -> str:
        """Another SIM is put in, by the options of a modem that tell of one (``iccid``, ``pin``, …); its ICCID."""
        chosen = ModemOptions.of(options)
        self._modem.insert_sim(chosen, now)
        self._follow()
        return chosen.iccid
