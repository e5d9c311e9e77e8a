"""One client of a virtual carrier: its connection and its bind."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import time
from typing import TYPE_CHECKING, cast

from drivers.smpp import codec, names
from drivers.smpp.framing import FrameBuffer, FramingError
from drivers.smpp.names import RESPONSE, ROK

if TYPE_CHECKING:
    from drivers.virtual.carrier import Carrier

VERSION = (names.TLV_SC_INTERFACE_VERSION, b"\x34")


class Peer(asyncio.Protocol):
    """Speaks SMPP 3.4 as an SMSC to one ESME."""

    def __init__(self, carrier: Carrier) -> None:
        self.system_id: str | None = None
        self.command = 0
        self._carrier = carrier
        self._frames = FrameBuffer()
        self._sequence = itertools.count(1)
        self._submits = 0
        self._drip: asyncio.Task[None] | None = None
        self._dripping = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio``."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._carrier.peers.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """See ``asyncio``."""
        if self._drip:
            self._drip.cancel()
        self._carrier.left(self)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio``."""
        now = time.monotonic()
        submits: list[codec.Pdu] = []
        try:
            for frame in self._frames.feed(data):
                command, _, sequence = codec.header(frame)
                if command == names.SUBMIT_SM and self.system_id is not None and self.command != names.BIND_RECEIVER:
                    self._read_submit(frame, sequence, submits)
                else:
                    self._receive(frame)
        except FramingError:
            self.write(codec.pdu(names.GENERIC_NACK, 0, names.RINVCMDLEN))
            self.transport.close()
        if submits:
            self._carrier.submitted(self, submits, now)

    def _read_submit(self, frame: bytes, sequence: int, submits: list[codec.Pdu]) -> None:
        try:
            submits.append(codec.decode(frame))
        except codec.DecodeError as error:
            self.write(codec.pdu(names.SUBMIT_SM | RESPONSE, sequence, error.status, b"\0"))
            return
        self._submits += 1
        if self._carrier.faults.cut_after and self._submits >= self._carrier.faults.cut_after:
            self._carrier.submitted(self, submits, time.monotonic())
            submits.clear()
            self.reset()

    def _receive(self, frame: bytes) -> None:
        command, status, sequence = codec.header(frame)
        faults = self._carrier.faults
        if command in names.BINDS:
            self._bind(frame)
        elif command == names.DELIVER_SM | RESPONSE:
            if self.system_id is not None:
                self._carrier.mailbox(self.system_id).answered(self, sequence, status)
        elif faults.mute or command & RESPONSE:
            return
        elif command == names.ENQUIRE_LINK:
            self._carrier.enquiries += 1
            if not faults.mute_enquire:
                self.write(codec.pdu(names.ENQUIRE_LINK | RESPONSE, sequence))
        elif command == names.UNBIND:
            self.write(codec.pdu(names.UNBIND | RESPONSE, sequence))
            self._carrier.unbound(self)
        elif RESPONSE | command in names.REPLIES and self.system_id is not None:
            self._question(frame)
        elif command == names.SUBMIT_SM:
            self.write(codec.pdu(names.SUBMIT_SM | RESPONSE, sequence, names.RINVBNDSTS))
        else:
            self.write(codec.pdu(names.GENERIC_NACK, sequence, names.RINVCMDID))

    def _question(self, frame: bytes) -> None:
        command, _, sequence = codec.header(frame)
        try:
            asked = codec.decode(frame)
        except codec.DecodeError as error:
            self.write(codec.pdu(command | RESPONSE, sequence, error.status))
            return
        self.write(self._carrier.shelf.answer(self.system_id or "", asked, time.monotonic()))

    def _bind(self, frame: bytes) -> None:
        command, _, sequence = codec.header(frame)
        faults = self._carrier.faults
        if faults.bind_mute or faults.mute:
            return
        if faults.bind_noise:
            self.write(codec.pdu(names.ENQUIRE_LINK, self.next_sequence()))
            self.write(
                codec.pdu(names.ENQUIRE_LINK | RESPONSE, 77)
                + codec.pdu(names.SUBMIT_SM | RESPONSE, sequence, ROK, b"x\0")
            )
        try:
            pdu = codec.decode(frame)
            status = self._carrier.check_bind(self, pdu)
        except codec.DecodeError:
            status = names.RINVMSGLEN
        name = self._carrier.options.system_id.encode("latin-1")[:15] + b"\0"
        body = name + codec.tlv_octets([VERSION]) if status == ROK else b""
        self.write(codec.pdu(command | RESPONSE, sequence, status, body))
        if status != ROK:
            self.transport.close()
            return
        self.system_id, self.command = pdu.octets("system_id").decode("latin-1"), command
        if command != names.BIND_TRANSMITTER:
            self._carrier.mailbox(self.system_id).bound(self)

    def next_sequence(self) -> int:
        """A sequence_number for a request of the carrier."""
        return next(self._sequence) % names.LAST_SEQUENCE

    def unbind(self) -> None:
        """End the session from the carrier's side."""
        self.write(codec.pdu(names.UNBIND, self.next_sequence()))

    def reset(self) -> None:
        """Cut the connection with a TCP RST."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def write(self, octets: bytes) -> None:
        """Send octets, one by one where the fault ``drip`` says so."""
        if self.transport.is_closing():
            return
        if not self._carrier.faults.drip and not self._dripping:
            self.transport.write(octets)
            return
        self._dripping += octets
        if self._drip is None or self._drip.done():
            self._drip = asyncio.get_running_loop().create_task(self._drop_by_drop())

    async def _drop_by_drop(self) -> None:
        while self._dripping:
            self.transport.write(self._dripping[:1])
            del self._dripping[:1]
            await asyncio.sleep(self._carrier.faults.drip)
