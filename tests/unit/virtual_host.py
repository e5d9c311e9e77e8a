"""A program at the other end of a virtual modem's line, with the clock in its hand."""

from __future__ import annotations

from drivers.text import split
from drivers.text.pdu import Content, Deliver, SubmitPdu, decode, encode, tpdu_length
from drivers.virtual.modem import VirtualModem
from drivers.virtual.network import Network
from drivers.virtual.options import ModemOptions

OWN = "+447700900123"
OTHER = "+447700900555"


class Host:
    """One modem and who talks to it."""

    def __init__(self, network: Network | None = None, **options):
        self.now = 100.0
        self.modem = VirtualModem(ModemOptions.of({"number": OWN, **options}), network, now=self.now, wall_offset=1.8e9)
        self.modem.receive(b"ATE0\r", self.now)

    def write(self, text: str) -> str:
        return self.modem.receive(text.encode("latin-1"), self.now).decode("latin-1")

    def ask(self, command: str) -> list[str]:
        return lines(self.write(command + "\r"))

    def wait(self, seconds: float) -> list[str]:
        self.now += seconds
        return lines(self.modem.tick(self.now).decode("latin-1"))

    def send(self, pdu: bytes) -> list[str]:
        assert self.write(f"AT+CMGS={tpdu_length(pdu)}\r") == "\r\n> "
        return lines(self.write(pdu.hex() + "\x1a"))

    def stored(self, memory: str = "SM") -> list:
        return [decode(kept.pdu) for _, kept in sorted(self.modem.sim.memories[memory].places.items())]


def lines(text: str) -> list[str]:
    return [line for line in text.split("\r\n") if line]


def submit(text: str = "hello", to: str = OTHER, **fields) -> bytes:
    (part,) = split(text, reference=1)
    return encode(SubmitPdu(to, Content.of(part), **fields))


def incoming(text: str, timestamp: str | None = None) -> bytes:
    (part,) = split(text, reference=0)
    return encode(Deliver(OTHER, Content.of(part), timestamp))
