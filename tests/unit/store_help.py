"""Short words for what the store's tests do again and again."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from drivers.base import Encoding, Incoming, Outcome, Receipt, ReceiptStatus
from gateway.store import connections, nodes, outbox, queries
from gateway.store.engine import Store
from gateway.store.types import (
    Claimed,
    NewMessage,
    NewTransmission,
    PartResult,
    Settlement,
    Status,
    TransmissionRow,
)

T0 = 1_800_000_000_000
AGEING = 30_000
DEVICE = "mtn"
numbers = count(1)


def epoch(store: Store, node: str = "pi", role: str = "service") -> int:
    return store.write(lambda c: nodes.start(c, node, role, 30_000, T0))


def send(
    store: Store,
    *identities: str,
    text: str = "hello",
    now: int = T0,
    lane: str = DEVICE,
    parts: int = 1,
    status: Status = Status.QUEUED,
    **more,
) -> str:
    """Queue a message; its id."""
    message_id = more.pop("id", None) or f"m{next(numbers)}"

    def work(c):
        found = connections.lookup(c, lane, identities, now)
        new = [NewTransmission(each.id, lane, each.identity, lane, parts, "gsm7", status) for each in found]
        return outbox.enqueue(c, NewMessage(message_id, text, tuple(new), **more), now, AGEING)

    return store.write(work)[0].id


def claim(store: Store, epoch: int, now: int = T0, lanes=(DEVICE,), device: str = DEVICE, **more) -> list[Claimed]:
    return store.write(lambda c: outbox.claim(c, outbox.ClaimRequest(device, tuple(lanes), epoch, **more), now))


def settle(
    store: Store, epoch: int, claimed: Claimed, status: Status, *results: PartResult, now: int = T0, **more
) -> int:
    """Settle one attempt; how many were refused."""
    settlement = Settlement(claimed.attempt, claimed.transmission, status, **more)
    return store.write(lambda c: outbox.settle(c, epoch, results, [settlement], now))


def accepted(claimed: Claimed, index: int = 1, reference: str | None = None, **more) -> PartResult:
    return PartResult(claimed.attempt, index, Outcome.ACCEPTED, reference, **more)


def unknown(claimed: Claimed, index: int = 1) -> PartResult:
    return PartResult(claimed.attempt, index, Outcome.UNKNOWN)


def rows(store: Store, message_id: str) -> tuple[TransmissionRow, ...]:
    with store.read() as c:
        message = queries.message(c, message_id)
    assert message is not None
    return message.transmissions


def row(store: Store, message_id: str) -> TransmissionRow:
    (only,) = rows(store, message_id)
    return only


def status(store: Store, message_id: str) -> Status:
    return row(store, message_id).status


def sent(store: Store, epoch: int, reference: str, number: str = "+254700000001", now: int = T0, sim=None) -> str:
    """Queue, claim and settle one message as sent; its id."""
    message_id = send(store, number, now=now)
    (one,) = claim(store, epoch, now)
    settle(store, epoch, one, Status.SENT, accepted(one, 1, reference, sim=sim), now=now)
    return message_id


def receipt(reference: str | None, status=ReceiptStatus.DELIVERED, number="254700000001", **more) -> Receipt:
    return Receipt("key", (reference,) if reference else (), status, number=number, **more)


def pdu(text: str, sender: str = "+254711111111", session: str = "s1", **more) -> Incoming:
    n = next(numbers)
    values = {
        "key": f"k{n}",
        "sender": sender,
        "encoding": Encoding.GSM7,
        "payload": text.encode("ascii"),
        "fingerprint": f"f{n}",
        "session": session,
        "may_repeat": True,
        "pdu": b"raw " + text.encode("ascii"),
    }
    return Incoming(**{**values, **more})


def long(*texts: str, reference: int = 7, **more) -> list[Incoming]:
    """The parts of one long message."""
    return [
        pdu(text, reference=reference, total=len(texts), index=index, **more) for index, text in enumerate(texts, 1)
    ]


def again(incoming: Incoming, session: str = "s2") -> Incoming:
    return replace(incoming, session=session, key=f"k{next(numbers)}")
