"""A carrier on the loopback interface: accounts, identifiers, receipts, phones that answer, and faults.

For rehearsals, the demonstration and tests. ``virtual_carrier`` runs it inside its user's process; ``python -m
drivers.virtual carrier`` as a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import selectors
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from drivers.smpp import addresses, codec
from drivers.smpp.account import Account
from drivers.smpp.names import (
    OUTBIND,
    RALYBND,
    RESPONSE,
    RINVPASWD,
    RINVSYSID,
    RMSGQFUL,
    ROK,
    RTHROTTLED,
    SUBMIT_SM,
)  # fmt: skip
from drivers.virtual import carrier_messages as messages
from drivers.virtual.carrier_faults import Bucket, Faults
from drivers.virtual.carrier_mailbox import Mailbox
from drivers.virtual.carrier_peer import Peer
from drivers.virtual.carrier_shelf import Kept, Shelf, wait_s


def event_loop() -> asyncio.AbstractEventLoop:
    """A loop that is on time: select(2) waits for microseconds, epoll for whole milliseconds, and rounds up."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


@dataclass(frozen=True, slots=True)
class CarrierAccount:
    """Who may bind. ``numbers``: what is sent to them comes in at this account. ``binds``: how many at once."""

    system_id: str
    password: str = field(default="", repr=False)
    numbers: tuple[str, ...] = ()
    binds: int = 100


@dataclass(frozen=True, slots=True)
class CarrierOptions:
    """A carrier. ``port`` 0 lets the system choose; paths are None for nothing; times in seconds."""

    accounts: tuple[CarrierAccount, ...]
    host: str = "127.0.0.1"
    port: int = 0
    system_id: str = "virtual"
    id_form: str = "hex"
    """How message ids are written: see ``carrier_messages.ID_FORMS``."""
    receipt_delay: float = 0.5
    retry: float = 1.0
    """Pause before a refused deliver_sm is sent again."""
    log: str | None = None
    control: str | None = None
    cert: str | None = None
    key: str | None = None
    client_ca: str | None = None
    """Clients must show a certificate of this authority."""
    faults: Mapping[str, Any] = field(default_factory=dict)


class Carrier:
    """The state of a carrier. Used on one event loop."""

    def __init__(self, options: CarrierOptions) -> None:
        """Raises ValueError for unknown faults, OSError when the log can't be written."""
        self.options = options
        self.faults = Faults()
        self.faults.change(options.faults)
        self.peers: set[Peer] = set()
        self.enquiries = 0
        self.record = messages.Record(options.log)
        self.shelf = Shelf(self.faults)
        self._accounts = {account.system_id: account for account in options.accounts}
        self._numbers = {_plain(n): account.system_id for account in options.accounts for n in account.numbers}
        self._mailboxes: dict[str, Mailbox] = {}
        self._bucket = Bucket(self.faults)
        self._count = random.randrange(0x1000, 0xFFFFFF)  # noqa: S311 - two runs must not share identifiers
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; gives host and port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Peer(self), self.options.host, self.options.port, ssl=_tls(self.options), backlog=128
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def outbind(self, host: str, port: int, system_id: str, password: str) -> None:
        """Connect to an ESME and ask it to bind here; one that is not there gets no other try."""
        with contextlib.suppress(OSError):
            _, peer = await asyncio.get_running_loop().create_connection(lambda: Peer(self), host, port)
            peer.write(
                codec.pdu(
                    OUTBIND,
                    peer.next_sequence(),
                    0,
                    codec.body(OUTBIND, {"system_id": system_id, "password": password}),
                )
            )

    def stop(self) -> None:
        """Stop listening and cut all clients off."""
        if self._server is not None:
            self._server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        self.record.close()

    def bound(self, system_id: str | None = None) -> list[Peer]:
        """The binds of an account, or of all."""
        return [peer for peer in self.peers if peer.system_id is not None and system_id in (None, peer.system_id)]

    def mailbox(self, system_id: str) -> Mailbox:
        """What waits for an account."""
        if system_id not in self._mailboxes:
            later = asyncio.get_running_loop().call_later
            self._mailboxes[system_id] = Mailbox(later, self.options.retry)
        return self._mailboxes[system_id]

    def check_bind(self, _peer: Peer, bind: codec.Pdu) -> int:
        """The command_status that a bind gets (SMPP 3.4 §4.1)."""
        if self.faults.bind_status:
            return self.faults.bind_status
        account = self._accounts.get(bind.octets("system_id").decode("latin-1"))
        if account is None:
            return RINVSYSID
        # smpplib and the standard allow eight characters; what a client may have cut counts as the whole.
        if account.password.encode("latin-1")[:8] != bind.octets("password")[:8]:
            return RINVPASWD
        return RALYBND if len(self.bound(account.system_id)) >= account.binds else ROK

    def unbound(self, peer: Peer) -> None:
        """A client has unbound."""
        if peer.system_id is not None:
            self.mailbox(peer.system_id).lost(peer)
            peer.system_id = None

    def left(self, peer: Peer) -> None:
        """A client's connection is gone."""
        self.unbound(peer)
        self.peers.discard(peer)

    def arrive(self, body: bytes, system_id: str) -> None:
        """A deliver_sm for an account."""
        self.mailbox(system_id).put(body)

    def account_of(self, number: str) -> str | None:
        """The account that has a number."""
        return self._numbers.get(_plain(number))

    def submitted(self, peer: Peer, submits: list[codec.Pdu], now: float) -> None:
        """Submits that came together at ``now`` (monotonic): record them all, then answer."""
        system_id = peer.system_id or ""
        judged = [(submit, *self._judge(now)) for submit in submits]
        self.record.saw(
            messages.entry(submit, system_id, reference, status, now) for submit, status, reference, _ in judged
        )
        answers = []
        for submit, status, reference, number in judged:
            if reference is not None:
                wait = wait_s(submit) if submit.octets("schedule_delivery_time") else 0.0
                due = now + self.options.receipt_delay + wait
                self._carry(Kept(submit, reference, number, system_id, due))
            if not self.faults.mute:
                body = b"" if reference is None else reference.encode("latin-1") + b"\0"
                answers.append(codec.pdu(SUBMIT_SM | RESPONSE, submit.sequence, status, body))
        self._answer(peer, answers, now)

    def _judge(self, now: float) -> tuple[int, str | None, int]:
        """command_status, message_id and number of one submit."""
        faults = self.faults
        if not self._bucket.take(now):
            return RMSGQFUL if faults.queue_full else RTHROTTLED, None, 0
        if faults.status and faults.chance(faults.share):
            return faults.status, None, 0
        self._count += 1
        return ROK, messages.identifier(self._count, self.options.id_form), self._count

    def _answer(self, peer: Peer, answers: list[bytes], now: float) -> None:
        faults = self.faults
        if faults.drop:
            dropped = [answer for answer in answers if faults.chance(faults.drop)]
            answers = [answer for answer in answers if answer not in dropped]
            if faults.late:
                self._later(now + faults.late, peer, b"".join(dropped))
        if faults.reverse:
            answers.reverse()
        if faults.double:
            answers = [answer for answer in answers for _ in range(2)]
        if faults.stray:
            answers.append(codec.pdu(SUBMIT_SM | RESPONSE, 0x7000_0000, ROK, b"stray\0"))
        if faults.jitter:
            for answer in answers:
                self._later(now + faults.latency + random.uniform(0, faults.jitter), peer, answer)  # noqa: S311
        elif answers:
            self._later(now + faults.latency, peer, b"".join(answers))

    def _later(self, at: float, peer: Peer, octets: bytes) -> None:
        """Write at a time of the monotonic clock, which asyncio's loops on Linux go by; at once when it has come."""
        if at > time.monotonic():
            asyncio.get_running_loop().call_at(at, peer.write, octets)
        else:
            peer.write(octets)

    def _carry(self, kept: Kept) -> None:
        loop, submit = asyncio.get_running_loop(), kept.submit
        self.shelf.put(kept)
        if submit.number("registered_delivery") & 3 and not self.faults.receipt_lost:
            if self.faults.receipt_first:
                self._report(kept)
            else:
                loop.call_at(kept.due + self.faults.latency, self._report, kept)
        recipient = self.account_of(addresses.decode(submit.octets("destination_addr"), submit.number("dest_addr_ton")))
        if recipient is not None:
            loop.call_at(kept.due, self._reach, kept, recipient)

    def _report(self, kept: Kept) -> None:
        stat = "DELETED" if kept.cancelled else self.faults.stat
        self.arrive(messages.receipt(kept.submit, kept.reference, self.faults, stat, kept.number), kept.system_id)

    def _reach(self, kept: Kept, recipient: str) -> None:
        if not kept.cancelled:
            self.arrive(messages.carried(kept.submit), recipient)


def _plain(number: str) -> str:
    return number.removeprefix("+")


def _tls(options: CarrierOptions) -> ssl.SSLContext | None:
    if options.cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.client_ca)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def options_for(account: Account) -> CarrierOptions:
    """The carrier that an account with ``host = "virtual"`` talks to; its ``virtual`` table changes the rest.

    Raises ValueError for what is no option.
    """
    values = dict(account.virtual)
    number = str(values.pop("number", None) or account.source or "")
    accounts = (CarrierAccount(account.system_id, account.password, (number,) if number else ()),)
    unknown = set(values) - set(CarrierOptions.__slots__)
    if unknown:
        allowed = ", ".join(sorted({*CarrierOptions.__slots__, "number"} - {"accounts"}))
        raise ValueError(f"a virtual carrier has no {min(unknown)!r}; it has: {allowed}")
    Faults().change(values.get("faults", {}))
    return CarrierOptions(**{"accounts": accounts, **values})


@contextmanager
def virtual_carrier(options: CarrierOptions) -> Iterator[tuple[str, int]]:
    """Serve a carrier on a thread of its own while the context is open; gives its host and port.

    Raises ValueError for wrong options, OSError when it can't listen.
    """
    from drivers.virtual.carrier_control import serve_control

    loop = event_loop()
    carrier = Carrier(options)

    async def start() -> tuple[str, int]:
        if options.control:
            await serve_control(carrier, options.control)
        return await carrier.start()

    async def settle() -> None:
        carrier.stop()
        await asyncio.sleep(0)

    try:
        where = loop.run_until_complete(start())
        thread = threading.Thread(target=loop.run_forever, name="virtual carrier", daemon=True)
        thread.start()
        try:
            yield where
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.run_until_complete(settle())
    finally:
        loop.close()
