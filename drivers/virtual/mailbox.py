"""Arrival and memories: where messages and reports go that come in (3GPP TS 27.005 §3.2.2, §3.4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.text.pdu import Content, PduError
from drivers.virtual import tpdu
from drivers.virtual.answers import AtError, cms
from drivers.virtual.sim import Memory, Stored

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

ACKNOWLEDGE_S = 15.0
"""How long the network waits for AT+CNMA; then it keeps the message and the modem stops handing them on."""


@dataclass(slots=True)
class Indications:
    """AT+CNMI: where what comes in is directed."""

    mode: int = 0
    deliver: int = 0
    broadcast: int = 0
    report: int = 0
    buffer: int = 0


class Mailbox:
    """The modem's memories, and the way into them."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._handed_on: str | None = None
        """The PDU that waits for AT+CNMA."""
        self.power_on()
        modem.network.attach(modem.options.number, self.arrived)

    def power_on(self) -> None:
        """Settings at their defaults."""
        self.text_mode = self._modem.options.text_mode
        self.indications = Indications()
        self.phase_2_plus = False
        self.chosen = ["SM", "SM", "SM"]

    def lose_power(self) -> None:
        """What was not acknowledged stays with the network."""
        self._handed_on = None

    # Arrival

    def arrived(self, sender: str, _number: str, content: Content, now: float) -> None:
        """One part comes from a number, by ``drivers.virtual.network``."""
        try:
            pdu = tpdu.deliver(sender, self._modem.sim.smsc, content, self._modem.wall(now))
        except PduError:
            # What no PDU can carry doesn't get through a network either.
            return
        self.take(pdu, now)

    def take(self, pdu: bytes, now: float) -> None:
        """A PDU comes from the network; it waits there while the modem can't take it."""
        self._modem.sim.waiting.append(pdu.hex().upper())
        self._modem.sim.changed = True
        self.take_waiting(now)

    def take_waiting(self, now: float) -> None:
        """Take what the network has kept, the oldest first, as long as there is room."""
        sim = self._modem.sim
        while sim.waiting and self._handed_on is None and self._modem.registration.serves:
            try:
                self._take_one(sim.waiting[0], now)
            except AtError:
                return
            if self._handed_on is None:
                del sim.waiting[0]
                sim.changed = True

    def acknowledge(self, now: float, *, taken: bool) -> None:
        """AT+CNMA: the host has, or has not, taken what was handed on. Raises +CMS ERROR 340 when nothing was."""
        if self._handed_on is None:
            raise cms(340)
        self._handed_on = None
        if taken:
            del self._modem.sim.waiting[0]
            self._modem.sim.changed = True
        else:
            self._stop_handing_on()
        self._modem.agenda.at_powered(now, self.take_waiting)

    def _take_one(self, pdu: str, now: float) -> None:
        is_report = tpdu.is_status_report(pdu)
        how = self.indications.report if is_report else self.indications.deliver
        if how == (1 if is_report else 2):
            self._hand_on(pdu, now, "+CDS: " if is_report else "+CMT: ,")
            return
        memory = self.chosen[2]
        if is_report:
            memory = "SR" if how == 2 else self._modem.options.report_memory
        if not memory:
            return
        place = self._store(memory, Stored(pdu), now)
        if how:
            self._modem.speaker.line(f'{"+CDSI" if is_report else "+CMTI"}: "{memory}",{place}', now)

    def _hand_on(self, pdu: str, now: float, head: str) -> None:
        self._modem.speaker.line(f"{head}{tpdu.told_length(pdu)}\r\n{pdu}", now)
        if self.phase_2_plus:
            self._handed_on = pdu
            self._modem.agenda.at_powered(now + ACKNOWLEDGE_S, lambda when: self._unheard(pdu, when))

    def _unheard(self, pdu: str, now: float) -> None:
        if self._handed_on is pdu:
            self._handed_on = None
            self._stop_handing_on()
            self.take_waiting(now)

    def _stop_handing_on(self) -> None:
        self.indications.deliver = self.indications.report = 0

    # Memories

    def store(self, asked: str, stored: Stored) -> int:
        """Keep a message in memory ``asked``; its place there. Raises +CMS ERROR 322."""
        for name in _parts(asked):
            if (place := self._modem.sim.memories[name].put(stored)) is not None:
                self._modem.sim.changed = True
                return self._told(asked, name, place)
        raise cms(322)

    def _store(self, asked: str, stored: Stored, now: float) -> int:
        try:
            return self.store(asked, stored)
        except AtError:
            self._modem.speaker.line(self._modem.maker.full.format(asked), now)
            raise

    def listed(self) -> list[tuple[int, Stored]]:
        """The messages of the memory that is chosen for reading, with their places."""
        asked = self.chosen[0]
        return [
            (self._told(asked, name, place), stored)
            for name in _parts(asked)
            for place, stored in sorted(self._modem.sim.memories[name].places.items())
        ]

    def find(self, told: int) -> tuple[Memory, int]:
        """The memory and the place that ``told`` means now. Raises +CMS ERROR 321 for one that doesn't exist."""
        asked = self.chosen[0]
        for name in _parts(asked):
            memory = self._modem.sim.memories[name]
            place = told - self._told(asked, name, 0)
            if place in memory:
                return memory, place
        raise cms(321)

    def fill(self, asked: str) -> tuple[int, int]:
        """How many places are taken, and how many there are."""
        memories = [self._modem.sim.memories[name] for name in _parts(asked)]
        return sum(len(memory.places) for memory in memories), sum(memory.size for memory in memories)

    def _told(self, asked: str, name: str, place: int) -> int:
        """MT counts the places of ME behind those of SM."""
        return place + self._modem.sim.memories["SM"].size if asked == "MT" and name == "ME" else place


def _parts(asked: str) -> tuple[str, ...]:
    return ("SM", "ME") if asked == "MT" else (asked,)
