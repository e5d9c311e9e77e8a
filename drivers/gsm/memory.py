"""Reading what a modem has stored, and deleting it once it is safe elsewhere (3GPP TS 27.005 §3.2.2, §3.4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drivers.base import Encoding, Event, Incoming, Notice, Receipt
from drivers.gsm.at import At
from drivers.text import pdu as codec

PREFERRED = ("SM", "ME", "SR")
"""Where incoming messages and reports may be; MT is SM and ME together."""
RECEIVING = ("SM", "MT", "ME")
RECEIVED = frozenset({"0", "1", ""})
"""<stat>: unread and read. 2 and 3 are the modem's own unsent and sent ones."""
LIST_S = 30.0
CHOOSE_S = 5.0
DELETE_S = 10.0
NEARLY_FULL = 0.8


@dataclass(frozen=True, slots=True)
class Place:
    """One stored PDU; ``memory`` is empty for one that was routed to us and is kept here until acknowledged."""

    memory: str
    index: int
    pdu: str

    @property
    def digest(self) -> str:
        """What tells it from every other PDU."""
        return hashlib.sha256(self.pdu.upper().encode()).hexdigest()

    @property
    def key(self) -> str:
        """Its name until it is acknowledged."""
        return f"{self.memory or 'direct'}:{self.index}:{self.digest[:16]}"


class Memories:
    """The message memories of one open modem. Each key is offered once, until it is answered.

    Args:
        at: the modem's line, in PDU mode.
        sim: the ICCID, or what else tells the SIM from others.
        session: names this opening of the modem.
        direct: PDUs that the modem handed over without keeping them, until they are acknowledged; they outlive
            this opening.
        receiving: where new messages should be kept, the best first.
    """

    def __init__(
        self, at: At, sim: str, session: str, direct: dict[str, Place], receiving: Sequence[str] = RECEIVING
    ) -> None:
        self._at = at
        self._sim = sim
        self._session = session
        self._receiving = tuple(dict.fromkeys((*receiving, *RECEIVING)))
        self._names: list[str] = []
        self._offered: dict[str, Place] = {}
        self._doomed: dict[str, Place] = {}
        """Stored by the owner, and not deleted here yet."""
        self._direct = direct
        self._warned = False
        self.used: int | None = None
        self.size: int | None = None
        """Of the memory that receives."""

    def setup(self) -> None:
        """Choose the memories. Raises CommandRefusedError, ModemSilentError, PortGoneError."""
        told = self._at.try_value("AT+CPMS=?", "+CPMS") or ""
        groups = [re.findall(r'"(\w+)"', group) for group in re.findall(r"\(([^)]*)\)", told)]
        readable = groups[0] if groups else ["SM"]
        takes = groups[2] if len(groups) > 2 else readable
        receiving = next((name for name in self._receiving if name in takes), "SM")
        reply = self._at.require(f'AT+CPMS="{receiving}","{receiving}","{receiving}"', 20.0)
        numbers = re.findall(r"\d+", reply.value("+CPMS") or "")
        self.used, self.size = (int(numbers[0]), int(numbers[1])) if len(numbers) >= 2 else (None, None)
        self._names = [name for name in PREFERRED if name in readable] or [receiving]
        if receiving in self._names:
            self._names.sort(key=lambda name: name != receiving)

    def poll(self, counts: Mapping[str, tuple[int, int]]) -> list[Event]:
        """Everything that has not been offered. ``counts``: (used, size) of memories where that is known.

        Raises ModemSilentError, PortGoneError.
        """
        events: list[Event] = []
        for order, name in enumerate(self._names):
            used, size = counts.get(name, (1, 0))
            if used:
                used, size = self._select(name)
            if order == 0:
                self.used, self.size = used, size
                events += self._fullness(name)
            seen = set()
            for place in list(self._list(name)) if used else ():
                seen.add(place.key)
                events += self._delete(place) if place.key in self._doomed else self._offer(place)
            for known in (self._offered, self._doomed):
                for key in [key for key, place in known.items() if place.memory == name and key not in seen]:
                    del known[key]
        for place in list(self._direct.values()):
            events += self._offer(place)
        return events

    def take(self, pdu: str) -> list[Event]:
        """Offer a PDU that the modem gave to us without storing it (+CMT, +CDS)."""
        place = Place("", 1 + max((known.index for known in self._direct.values()), default=0), pdu.strip())
        self._direct[place.key] = place
        return self._offer(place)

    def stored(self, keys: tuple[str, ...]) -> None:
        """They are safe: delete them. What can't be deleted is not offered again; each poll tries it anew.

        Raises ModemSilentError, PortGoneError.
        """
        places = [place for key in keys if (place := self._offered.get(key))]
        for place in places:
            del self._offered[place.key]
            self._doomed[place.key] = place
        for memory in dict.fromkeys(place.memory for place in places):
            if memory:
                self._select(memory)
            for place in places:
                if place.memory == memory:
                    self._delete(place)

    def not_stored(self, keys: tuple[str, ...]) -> None:
        """They could not be stored: a later poll offers them again."""
        for key in keys:
            self._offered.pop(key, None)

    @property
    def waiting(self) -> int:
        """How many PDUs were offered and not answered."""
        return len(self._offered)

    def _select(self, memory: str) -> tuple[int, int]:
        """Read from and delete in ``memory``; (used, size), zeros where the modem refuses it."""
        reply = self._at.command(f'AT+CPMS="{memory}"', CHOOSE_S)
        numbers = re.findall(r"\d+", reply.value("+CPMS") or "") if reply.ok else []
        return (int(numbers[0]), int(numbers[1])) if len(numbers) >= 2 else (0, 0)

    def _fullness(self, name: str) -> Iterator[Event]:
        if not self.size or self.used is None:
            return
        full = self.used >= NEARLY_FULL * self.size
        if full and not self._warned:
            yield Notice("memory", f"memory {name} holds {self.used} of {self.size} messages")
        self._warned = full

    def _list(self, memory: str) -> Iterator[Place]:
        reply = self._at.command("AT+CMGL=4", LIST_S)
        if not reply.ok:
            yield from self._read_singly(memory)
            return
        head: list[str] | None = None
        for line in reply.lines:
            if line.startswith("+CMGL:"):
                head = line.partition(":")[2].split(",")
            elif head is not None:
                if head[0].strip().isdigit() and head[1].strip() in RECEIVED:
                    yield Place(memory, int(head[0]), line.strip())
                head = None

    def _read_singly(self, memory: str) -> Iterator[Place]:
        # One message that the modem can't list hides all others from AT+CMGL.
        used, size = self._select(memory)
        for index in range(size + 1):
            reply = self._at.command(f"AT+CMGR={index}")
            value = reply.value("+CMGR")
            if not reply.ok or value is None or len(reply.lines) < 2:
                continue
            if value.partition(",")[0].strip() in RECEIVED:
                yield Place(memory, index, reply.lines[-1].strip())
            used -= 1
            if used <= 0:
                return

    def _delete(self, place: Place) -> list[Event]:
        """Delete in the memory that is selected."""
        if place.memory and not self._at.command(f"AT+CMGD={place.index}", DELETE_S).ok:
            return []
        self._direct.pop(place.key, None)
        self._doomed.pop(place.key, None)
        return []

    def _offer(self, place: Place) -> list[Event]:
        if place.key in self._offered:
            return []
        self._offered[place.key] = place
        return self._read(place)

    def _read(self, place: Place) -> list[Event]:
        try:
            pdu = codec.decode(place.pdu)
            if isinstance(pdu, codec.StatusReport):
                return [self._receipt(place, pdu)]
            if isinstance(pdu, codec.Deliver):
                return [self._incoming(place, pdu)]
            reason = "it is a message that was written on this modem"
        except Exception as error:  # noqa: BLE001 - strangers write PDUs; none may end the process, and all others wait
            reason = str(error) or type(error).__name__
        return self._set_aside(place, reason)

    def _receipt(self, place: Place, report: codec.StatusReport) -> Receipt:
        return Receipt(
            key=place.key,
            references=(str(report.reference),),
            status=report.receipt_status,
            number=report.recipient,
            sim=self._sim,
            code=str(report.status),
            reason=report.reason,
            network_time=report.discharged,
            raw=bytes.fromhex(place.pdu),
        )

    def _incoming(self, place: Place, message: codec.Deliver) -> Incoming:
        content, header = message.content, message.content.header
        return Incoming(
            key=place.key,
            sender=message.sender,
            encoding=content.encoding,
            payload=content.payload,
            fingerprint=self._fingerprint(place),
            session=self._session,
            may_repeat=True,
            sim=self._sim,
            reference=header.reference,
            total=header.total,
            index=header.index,
            shift=(header.locking, header.single),
            network_time=message.timestamp,
            pdu=bytes.fromhex(place.pdu),
            message_class=content.coding.message_class,
            fields=_fields(message),
        )

    def _set_aside(self, place: Place, reason: str) -> list[Event]:
        try:
            octets = bytes.fromhex(place.pdu)
        except ValueError:
            octets = place.pdu.encode("latin-1", "replace")
        return [
            Notice("undecodable", f"a message in {place.key} can't be read: {reason}", {"pdu": place.pdu}),
            Incoming(
                key=place.key,
                sender="unknown",
                encoding=Encoding.BINARY,
                payload=octets,
                fingerprint=self._fingerprint(place),
                session=self._session,
                may_repeat=True,
                sim=self._sim,
                pdu=octets,
                fields={"undecodable": reason},
            ),
        ]

    def _fingerprint(self, place: Place) -> str:
        return hashlib.sha256(f"{self._sim}:{place.pdu.upper()}".encode()).hexdigest()


def _fields(message: codec.Deliver) -> dict[str, object]:
    header = message.content.header
    fields: dict[str, object] = {}
    if message.protocol:
        fields["protocol"] = message.protocol
    if header.destination_port is not None:
        fields["destination_port"], fields["source_port"] = header.destination_port, header.source_port
    if header.reference is not None and header.wide:
        fields["wide_reference"] = True
    if message.content.coding.waiting is not None:
        fields["waiting"] = message.content.coding.waiting.kind
    return fields
