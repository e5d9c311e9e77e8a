"""What one turn of a worker writes, in one commit, and what the store answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.service.batches import InBatch, OutBatch
from gateway.service.pins import PinDesk, PinStep
from gateway.service.requests import REPLACED
from gateway.store import devices, inquiries, outbox, pins, requests, usage
from gateway.store.crashing import Point, point
from gateway.store.engine import Conn
from gateway.store.requests import RequestRow
from gateway.store.types import Claimed, DeviceRow, Status


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a turn."""

    claimed: tuple[Claimed, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    pin: PinStep = field(default_factory=PinStep)
    ready: int = 0
    """Messages that are new for the router."""
    stale: int = 0
    """Attempts that another owner has by now."""
    again_ms: int | None = None
    """When a limit of a backend opens that kept something back (ms)."""
    ambiguous: int = 0
    """Receipts that fit several messages, and so none."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that a device's worker has to write now. It can be run again: it changes nothing but rows."""

    device: str
    subject: str
    epoch: int
    now_ms: int
    out: OutBatch = field(default_factory=OutBatch)
    incoming: InBatch = field(default_factory=InBatch)
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    row: DeviceRow | None = None
    pin: PinDesk | None = None
    claim: outbox.ClaimRequest | None = None
    look: bool = False
    """Whether to look for requests."""

    def __bool__(self) -> bool:
        return bool(self.out or self.incoming or self.answers or self.row or self.pin or self.claim or self.look)

    def __call__(self, c: Conn) -> Written:
        """Write it. Raises StoreError."""
        stale = self._outgoing(c)
        ready, ambiguous = self.incoming.save(c, self.device, self.now_ms) if self.incoming else (0, 0)
        sent, failed = self.out.count(Status.SENT), self.out.count(Status.FAILED)
        if self.row is not None:
            devices.update(c, self.row, self.now_ms)
        if sent or failed or ready:
            devices.add_totals(c, self.device, sent, failed, ready)
        for request_id, result in self.answers.items():
            requests.answer(c, request_id, result, self.now_ms)
            if replaced := result.get(REPLACED):
                inquiries.replaced(c, replaced["id"], replaced["text"])
        asked = self._requests(c) if self.look else []
        step = self.pin.write(c, self.now_ms) if self.pin else PinStep()
        claimed = outbox.claim(c, self.claim, self.now_ms) if self.claim else None
        again_ms = claimed.again_ms if claimed is not None else None
        return Written(tuple(claimed or ()), tuple(asked), step, ready, stale, again_ms, ambiguous)

    def passed(self, done: Written) -> None:
        """Tell the crash points what was committed."""
        committed = {
            Point.RESULT_COMMITTED: self.out,
            Point.RECEIPT_COMMITTED: self.incoming.receipts,
            Point.INCOMING_COMMITTED: self.incoming.incoming,
            Point.CLAIM_COMMITTED: done.claimed,
        }
        for here in (here for here, what in committed.items() if what):
            point(here)

    def pieces(self) -> list[Turn]:
        """The same work as turns that don't depend on each other, without the claim."""
        bare = Turn(self.device, self.subject, self.epoch, self.now_ms)
        whole = {one.attempt for one in self.out.settlements}
        rest = tuple(one for one in self.out.results if one.attempt not in whole)
        outs = [
            OutBatch(tuple(result for result in self.out.results if result.attempt == one.attempt), settlements=(one,))
            for one in self.out.settlements
        ]
        outs += [
            OutBatch(results=rest),
            replace(self.out, results=(), late=(), settlements=()),
            OutBatch(late=self.out.late),
        ]
        ins = [InBatch((one,)) for one in self.incoming.incoming] + [
            InBatch((), (one,)) for one in self.incoming.receipts
        ]
        return [
            *(replace(bare, out=out) for out in outs),
            *(replace(bare, incoming=one) for one in ins),
            replace(bare, answers=self.answers),
            replace(bare, row=self.row),
        ]

    def _outgoing(self, c: Conn) -> int:
        stale = 0
        if self.out.results or self.out.settlements:
            stale = outbox.settle(c, self.epoch, self.out.results, self.out.settlements, self.now_ms)
        for result in self.out.late:
            outbox.late(c, result, self.now_ms)
        if self.out.usage:
            usage.add(c, self.subject, self.out.usage)
        for subject, rows in self.out.shares.items():
            usage.add(c, subject, rows)
        usage.add_recipients(c, self.subject, self.out.recipients)
        return stale

    def _requests(self, c: Conn) -> list[RequestRow]:
        """Take what people ask for; what is only a row is answered here, the rest by the worker."""
        asked = requests.take(c, self.device, self.now_ms)
        for request in asked:
            match request.kind:
                case "pause" | "resume":
                    devices.set_paused(c, self.device, request.kind == "pause")
                case "unlock":
                    pins.unlock(c, self.device, self.now_ms)
                case "ussd" | "record" | "rebind" | "restart" | "query" | "cancel" | "replace":
                    continue
                case kind:
                    requests.answer(c, request.id, {"error": f"a device can't {kind}"}, self.now_ms)
                    continue
            requests.answer(c, request.id, {"done": request.kind}, self.now_ms)
        return asked
