"""Receipts that lie there already, for parts whose reference has just become known or never will."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, delete, select

from drivers.base import Receipt, ReceiptStatus
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.journal import tail, weigh
from gateway.store.receipts import MEMORY_MS, SKEW_MS, Candidate, Match, alone, apply, same_line, unnamed, wraps
from gateway.store.rows import chunks
from gateway.store.types import PartResult, Standing, Status

MOST = 1000
"""So many receipts without a part are looked at, the newest first."""

_r = s.receipt.c
_t = s.transmission.c
_PARKED = (
    select(s.parked.c.reference, _r.id, _r.device, _r.sim, _r.number, _r.status, _r.reason, _r.received_ms)
    .select_from(s.parked.join(s.receipt))
    .where(among(s.parked.c.reference, "references"))
    .order_by(_r.id)
)
_UNPARK = delete(s.parked).where(among(s.parked.c.receipt_id, "receipts"))
_WHERE_TO = (
    select(_t.id, _t.device, s.connection.c.identity)
    .select_from(s.transmission.join(s.connection))
    .where(among(_t.id, "transmissions"))
)
_UNMATCHED = (
    select(_r.id, _r.number, _r.reference, _r.status, _r.reason, _r.received_ms)
    .where(_r.transmission_id.is_(None), _r.device == bindparam("of"), _r.received_ms > bindparam("since"))
    .order_by(_r.id.desc())
    .limit(MOST)
)


def unpark(c: Conn, results: Sequence[PartResult], attempts: Mapping[int, Standing]) -> None:
    """Match parked receipts to parts whose references have just become known. The caller weighs what follows."""
    named = {result.reference: result for result in results if result.reference}
    matches: dict[int, Match] = {}
    for some in chunks(named):
        for row in c.execute(_PARKED, {"references": some}):
            result = named[row.reference]
            attempt = attempts[result.attempt]
            fits = (
                same_line(attempt.device, result.sim, row.device, row.sim)
                and row.received_ms >= attempt.started_ms - SKEW_MS
                and (not row.number or not wraps(row.reference) or tail(row.number) == tail(attempt.identity))
            )
            if fits:
                receipt = Receipt("", (row.reference,), ReceiptStatus(row.status), reason=row.reason)
                part = Candidate(result.attempt, result.index, attempt.id, attempt.device, None, "", None)
                matches[row.id] = Match(row.id, receipt, part)
    apply(c, sorted(matches.values(), key=lambda match: match.receipt_id))
    for ids in chunks(matches):
        c.execute(_UNPARK, {"receipts": ids})


def search(c: Conn, transmissions: Iterable[int], now_ms: int) -> dict[int, Status]:
    """Look for receipts of transmissions in doubt that came before the doubt. Returns those that they settle.

    As for a receipt that comes now: by device, number and time, and only if one transmission fits.
    """
    wanted: dict[str, set[str]] = {}
    for some in chunks(transmissions):
        for row in c.execute(_WHERE_TO, {"transmissions": some}):
            wanted.setdefault(row.device, set()).add(tail(row.identity))
    matches: list[Match] = []
    for device, tails in wanted.items():
        matches += _matches(c, device, tails, now_ms)
    apply(c, matches)
    for ids in chunks(match.receipt_id for match in matches):
        c.execute(_UNPARK, {"receipts": ids})
    return weigh(c, {match.part.transmission for match in matches}, now_ms)


def _matches(c: Conn, device: str, tails: set[str], now_ms: int) -> list[Match]:
    rows = c.execute(_UNMATCHED, {"of": device, "since": now_ms - MEMORY_MS})
    lying = sorted((row for row in rows if row.number and tail(row.number) in tails), key=lambda row: row.id)
    receipts = [Receipt("", (), ReceiptStatus(row.status), number=row.number, reason=row.reason) for row in lying]
    parts = unnamed(c, device, receipts, now_ms) if receipts else {}
    matches: list[Match] = []
    for row, receipt in zip(lying, receipts, strict=True):
        earlier = [part for part in parts.get(tail(row.number), []) if part.started_ms <= row.received_ms + SKEW_MS]
        if (part := alone(earlier)) is not None:
            matches.append(Match(row.id, receipt, part))
            part.receipt = receipt.status
    return matches
