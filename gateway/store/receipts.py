"""Delivery reports: matched to the part they belong to, or parked until its result arrives."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Select, Table, bindparam, delete, func, or_, select, update

from drivers.base import Outcome, Receipt, ReceiptStatus
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.journal import tail, weigh
from gateway.store.rows import chunks, per_database
from gateway.store.types import Status

if TYPE_CHECKING:
    from gateway.store.rows import Insert

MEMORY_MS = 7 * 86_400_000
"""How long after an attempt a receipt without a known reference may be taken for it."""
SKEW_MS = 5_000
"""How much earlier than the attempt that it belongs to a receipt may seem to be."""

_p = s.part.c
_a = s.attempt.c
_r = s.receipt.c
_NAMED = (
    select(_p.reference, _p.attempt_id, _p.number, _a.transmission_id, _a.device, _p.sim, _p.tail, _p.receipt)
    .select_from(s.part.join(s.attempt))
    .where(among(_p.reference, "references"))
    .order_by(_p.attempt_id.desc(), _p.number)
)
"""A reference, and what a Candidate is made of."""
_NAMED_TO = _NAMED.where(among(_p.tail, "tails"))
_DOUBTFUL = (
    select(_p.attempt_id, _p.number, _p.tail, _p.sim, _p.receipt, _a.transmission_id, _a.started_ms)
    .select_from(s.part.join(s.attempt))
    .where(_a.device == bindparam("of"), _a.started_ms > bindparam("since"), among(_p.tail, "tails"))
    .where(_p.reference.is_(None), _p.receipt.is_(None), s.is_status(_p.outcome, Outcome.UNKNOWN))
    .order_by(_p.attempt_id.desc(), _p.number)
)
_UNDER_WAY = (
    select(s.transmission.c.id, s.connection.c.identity, _a.started_ms)
    .select_from(s.transmission.join(s.connection).join(s.attempt))
    .where(s.is_status(s.transmission.c.status, Status.SENDING), s.transmission.c.device == bindparam("of"))
    .where(_a.ended_ms.is_(None))
)
_REPORT = (
    update(s.part)
    .where(_p.attempt_id == bindparam("attempt"), _p.number == bindparam("part"))
    .where(or_(_p.receipt.is_(None), s.is_status(_p.receipt, ReceiptStatus.PENDING)))
    .values(receipt=bindparam("said"), reason=func.coalesce(bindparam("why"), _p.reason))
)
_BELONGS = update(s.receipt).where(_r.id == bindparam("of")).values(transmission_id=bindparam("to"))
FINAL = (ReceiptStatus.DELIVERED, ReceiptStatus.FAILED)


@per_database
def _new(insert: Callable[[Table], Insert]) -> Executable:
    return insert(s.receipt).on_conflict_do_nothing(index_elements=["digest"]).returning(_r.id, _r.digest)


@dataclass(slots=True)
class Candidate:
    """A part that a receipt may belong to."""

    attempt: int
    index: int
    transmission: int
    device: str
    sim: str | None
    tail: str
    receipt: str | None
    open: bool = False
    """Handed to the device, no result yet."""
    started_ms: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A receipt and its part."""

    receipt_id: int
    receipt: Receipt
    part: Candidate


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a batch of receipts."""

    changed: list[int]
    """Ids of the transmissions whose status changed."""
    ambiguous: int
    """Receipts that fit several transmissions, and so none."""


def save(c: Conn, device: str, receipts: Sequence[Receipt], now_ms: int) -> Saved:
    """Store receipts of a device.

    A receipt belongs to the newest part without a final one that has its reference, on the same device or SIM; for a
    modem's reference, which returns after 256 parts (3GPP TS 23.040 §9.2.3.6), the number must fit too. Where a
    carrier may have meant several transmissions the number decides, else the receipt is nobody's. Where no part has
    the reference, it is matched by device, number and time, and only if one transmission fits. All others are parked.
    One that was stored before changes nothing.
    """
    fresh = _store(c, device, receipts, now_ms)
    named = _named(c, [receipt for _, receipt in fresh])
    matches: list[Match] = []
    parked: list[tuple[int, Receipt]] = []
    nameless: dict[str, list[Candidate]] | None = None
    ambiguous = 0
    for receipt_id, receipt in fresh:
        fitting = _by_reference(device, receipt, named)
        if len(fitting) > 1:
            # Not parked either: a message of tomorrow must not get it.
            ambiguous += 1
            continue
        part = fitting[0] if fitting else None
        if part is None and receipt.number:
            if nameless is None:
                nameless = unnamed(c, device, [each for _, each in fresh], now_ms)
            part = alone(nameless.get(tail(receipt.number), []))
        if part is None:
            parked.append((receipt_id, receipt))
        else:
            matches.append(Match(receipt_id, receipt, part))
            if part.receipt not in FINAL:
                part.receipt = receipt.status
    _park(c, parked)
    apply(c, matches)
    return Saved(sorted(weigh(c, {match.part.transmission for match in matches}, now_ms)), ambiguous)


def _store(c: Conn, device: str, receipts: Sequence[Receipt], now_ms: int) -> list[tuple[int, Receipt]]:
    """Those that were not stored before, with their ids, in the order given."""
    rows = {}
    by_digest: dict[str, Receipt] = {}
    for receipt in receipts:
        digest = _digest(device, receipt)
        by_digest.setdefault(digest, receipt)
        rows[digest] = {
            "device": device,
            "sim": receipt.sim,
            "reference": receipt.references[0] if receipt.references else None,
            "number": receipt.number,
            "status": receipt.status.value,
            "code": receipt.code,
            "reason": receipt.reason,
            "network_time": receipt.network_time,
            "received_ms": now_ms,
            "raw": receipt.raw or None,
            "digest": digest,
        }
    if not rows:
        return []
    ids = {row.digest: row.id for row in c.execute(_new(c), list(rows.values()))}
    return [(ids[digest], receipt) for digest, receipt in by_digest.items() if digest in ids]


def _digest(device: str, receipt: Receipt) -> str:
    """The same for a receipt that comes again. Without a time of its own every one is new."""
    own = receipt.network_time or receipt.raw.hex() or secrets.token_hex(8)
    told = (receipt.sim or device, receipt.references, receipt.number, receipt.status.value, receipt.code, own)
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def wraps(reference: str) -> bool:
    """A modem's message reference, one octet, which returns."""
    return reference.isascii() and reference.isdigit() and len(reference) <= 3 and int(reference) <= 255


def _named(c: Conn, receipts: Sequence[Receipt]) -> dict[str, list[Candidate]]:
    """Parts by reference, the newest first, for all references of these receipts."""
    references = {reference: receipt for receipt in receipts for reference in receipt.references}
    short = [reference for reference, receipt in references.items() if wraps(reference) and receipt.number]
    tails = sorted({tail(receipt.number) for receipt in receipts if receipt.number})
    long = [reference for reference in references if reference not in set(short)]
    found: dict[str, list[Candidate]] = {}
    queries: list[tuple[Select[Any], dict[str, list[str]]]] = [(_NAMED, {"references": some}) for some in chunks(long)]
    queries += [
        (_NAMED_TO, {"references": some, "tails": numbers}) for some in chunks(short) for numbers in chunks(tails)
    ]
    for query, given in queries:
        for reference, *part in c.execute(query, given):
            found.setdefault(reference, []).append(Candidate(*part))
    return found


def _by_reference(device: str, receipt: Receipt, named: Mapping[str, list[Candidate]]) -> list[Candidate]:
    """The part that a receipt names; several where its name may mean any of several transmissions."""
    found: dict[int, Candidate] = {}
    for reference in receipt.references:
        fitting = [
            part
            for part in named.get(reference, [])
            if same_line(part.device, part.sim, device, receipt.sim)
            and (not receipt.number or not wraps(reference) or part.tail == tail(receipt.number))
        ]
        if fitting:
            first = next((part for part in fitting if part.receipt not in FINAL), fitting[0])
            found.setdefault(first.transmission, first)
            if receipt.learnt and reference == receipt.references[0]:
                break
    there = [part for part in found.values() if receipt.number and part.tail == tail(receipt.number)]
    return there or list(found.values())


def same_line(part_device: str, part_sim: str | None, device: str, sim: str | None) -> bool:
    """A SIM keeps its references in another modem; another SIM in the same modem has references of its own."""
    return part_sim == sim if part_sim and sim else part_device == device


def unnamed(c: Conn, device: str, receipts: Sequence[Receipt], now_ms: int) -> dict[str, list[Candidate]]:
    """Parts of a device that have no reference, by number: those in doubt, and those that are under way.

    A transmission that was sent again and has its reference now still counts with its first attempt: that one may have
    left too, and then its receipt must not be taken for one of another transmission, which perhaps never left.
    """
    tails = {tail(receipt.number) for receipt in receipts if receipt.number}
    found: dict[str, list[Candidate]] = {}
    for some in chunks(sorted(tails)):
        for row in c.execute(_DOUBTFUL, {"of": device, "since": now_ms - MEMORY_MS, "tails": some}):
            part = Candidate(row.attempt_id, row.number, row.transmission_id, device, row.sim, row.tail, row.receipt)
            part.started_ms = row.started_ms
            found.setdefault(row.tail, []).append(part)
    for sending in c.execute(_UNDER_WAY, {"of": device}):
        if tail(sending.identity) in tails:
            part = Candidate(0, 0, sending.id, device, None, tail(sending.identity), None, True, sending.started_ms)
            found.setdefault(part.tail, []).append(part)
    return found


def alone(candidates: Sequence[Candidate]) -> Candidate | None:
    """The next part of the one transmission that fits; None when there are several, or its result is yet to come."""
    unfinished = [part for part in candidates if part.receipt not in FINAL]
    if len({part.transmission for part in unfinished}) != 1 or any(part.open for part in unfinished):
        return None
    return unfinished[0]


def _park(c: Conn, receipts: Sequence[tuple[int, Receipt]]) -> None:
    rows = [
        {"reference": reference, "receipt_id": receipt_id}
        for receipt_id, receipt in receipts
        for reference in dict.fromkeys(receipt.references)
    ]
    if rows:
        c.execute(s.parked.insert(), rows)


def apply(c: Conn, matches: Sequence[Match]) -> None:
    """Write matches into their parts. A final receipt stays; a later one changes nothing."""
    if not matches:
        return
    c.execute(
        _REPORT,
        [
            {
                "attempt": match.part.attempt,
                "part": match.part.index,
                "said": match.receipt.status.value,
                "why": (match.receipt.reason or None) if match.receipt.status is ReceiptStatus.FAILED else None,
            }
            for match in matches
        ],
    )
    c.execute(
        _BELONGS,
        [{"of": match.receipt_id, "to": match.part.transmission} for match in matches],
    )


def forget_parked(c: Conn, before_ms: int) -> int:
    """Give up on receipts that came before ``before_ms`` and whose part was never known. Returns how many."""
    old = select(_r.id).select_from(s.parked.join(s.receipt)).where(_r.received_ms < before_ms)
    return c.execute(delete(s.parked).where(s.parked.c.receipt_id.in_(old))).rowcount


def report(
    c: Conn, message_id: str, identity: str, status: ReceiptStatus, now_ms: int, error: str | None = None
) -> Status | None:
    """A receipt that a Python backend hands in for one recipient; the new status when it changed."""
    wanted = (
        select(s.transmission.c.id, s.transmission.c.lane)
        .select_from(s.transmission.join(s.message).join(s.connection))
        .where(s.message.c.id == message_id, s.connection.c.identity == identity)
        .order_by(s.transmission.c.id)
    )
    row = c.execute(wanted).first()
    if row is None:
        return None
    attempt = c.scalar(select(func.max(_a.id)).where(_a.transmission_id == row.id))
    receipt = Receipt("", (), status, number=identity, reason=error or "")
    stored = _store(c, row.lane, [receipt], now_ms)
    if attempt is not None:
        known = c.scalars(select(_p.number).where(_p.attempt_id == attempt)).all()
        if not known:
            told = {"outcome": Outcome.UNKNOWN.value, "tail": tail(identity), "answered_ms": now_ms}
            c.execute(s.part.insert().values(attempt_id=attempt, number=1, **told))
        parts = [Candidate(attempt, index, row.id, row.lane, None, "", None) for index in known or [1]]
        apply(c, [Match(receipt_id, receipt, part) for receipt_id, receipt in stored for part in parts])
    return weigh(c, [row.id], now_ms).get(row.id)
