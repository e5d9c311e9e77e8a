"""The journal of attempts: what became of each part, and what that says of its transmission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Row, Table, bindparam, func, select, update

from drivers.base import Outcome, ReceiptStatus
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.rows import chunks, many, per_database
from gateway.store.transitions import move_each
from gateway.store.types import PartResult, Status

if TYPE_CHECKING:
    from gateway.store.rows import Insert

TAIL = 8
"""Digits by which two ways of writing a number are known to be the same one."""

_t = s.transmission.c
_PARTS_OF = (
    select(s.part.c.attempt_id, s.part.c.number, s.part.c.outcome, s.part.c.receipt, s.part.c.reason)
    .add_columns(s.attempt.c.transmission_id, s.attempt.c.device, s.attempt.c.reference.label("lineage"))
    .select_from(s.part.join(s.attempt))
    .where(among(s.attempt.c.transmission_id, "transmissions"))
    .order_by(s.part.c.attempt_id, s.part.c.number)
)
_REPORTED = select(s.part.c.attempt_id).where(among(s.part.c.attempt_id, "attempts"), s.part.c.receipt.is_not(None))
_STANDING = select(_t.id, _t.status, _t.sent_ms).where(among(_t.id, "transmissions")).with_for_update()
_END = (
    update(s.attempt)
    .where(among(s.attempt.c.id, "attempts"))
    .values(ended_ms=bindparam("at"), outcome=bindparam("became"), error=bindparam("why"))
)


@per_database
def _upsert(insert: Callable[[Table], Insert]) -> Executable:
    upsert = insert(s.part)
    new = upsert.excluded
    kept = {name: func.coalesce(new[name], s.part.c[name]) for name in ("reference", "sim", "left_ms")}
    changed = {name: new[name] for name in ("outcome", "fault", "code", "reason", "answered_ms")}
    return upsert.on_conflict_do_update(index_elements=["attempt_id", "number"], set_={**changed, **kept})


def tail(number: str | None) -> str:
    """The end of a number, however its beginning is written; a sender's name as it is."""
    if not number:
        return ""
    if number[1:].isdecimal() and number[0] == "+":
        return number[1:][-TAIL:]
    digits = "".join(filter(str.isdigit, number))
    return digits[-TAIL:] if digits and not any(map(str.isalpha, number)) else number.lower()


def write_parts(c: Conn, numbers: Mapping[int, str], results: Sequence[PartResult], now_ms: int) -> None:
    """Journal results. ``numbers``: by attempt, where its parts went. What is known already is kept where a result
    says nothing of it."""
    if not results:
        return
    tails = {attempt: tail(number) for attempt, number in numbers.items()}
    many(
        c,
        _upsert(c),
        [
            {
                "attempt_id": result.attempt,
                "number": result.index,
                "outcome": result.outcome.value,
                "reference": result.reference,
                "tail": tails[result.attempt],
                "sim": result.sim,
                "fault": result.fault.value if result.fault else None,
                "code": result.code,
                "reason": result.reason or None,
                "left_ms": result.left_ms,
                "answered_ms": now_ms,
            }
            for result in results
        ],
    )


def end_attempts(c: Conn, ended: Sequence[tuple[int, str, str | None]], now_ms: int) -> None:
    """End attempts, each with its outcome and error."""
    if not ended:
        return
    alike: dict[tuple[str, str | None], list[int]] = {}
    for attempt, outcome, error in ended:
        alike.setdefault((outcome, error), []).append(attempt)
    for (outcome, error), attempts in alike.items():
        for some in chunks(attempts):
            c.execute(_END, {"attempts": some, "at": now_ms, "became": outcome, "why": error})


def parts_of(c: Conn, transmissions: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """All journalled parts, by transmission, the oldest attempt first.

    ``lineage`` is the concatenation reference: attempts that share it complete each other on the phone.
    """
    found: dict[int, list[Row[Any]]] = {}
    for some in chunks(transmissions):
        rows = c.execute(_PARTS_OF, {"transmissions": some})
        for transmission, parts in groupby(rows, key=lambda row: row.transmission_id):
            found.setdefault(transmission, []).extend(parts)
    return found


def with_receipt(c: Conn, attempts: Iterable[int]) -> set[int]:
    """Those of ``attempts`` for which a receipt has come."""
    found: set[int] = set()
    for some in chunks(attempts):
        found |= set(c.scalars(_REPORTED, {"attempts": some}))
    return found


def taken_whole(c: Conn, transmissions: Mapping[int, int]) -> set[int]:
    """Those of which the network has taken every part in one lineage. ``transmissions``: by id, how many parts."""
    found: set[int] = set()
    for transmission, parts in parts_of(c, transmissions).items():
        taken: dict[int, set[int]] = {}
        for part in parts:
            if part.outcome == Outcome.ACCEPTED:
                taken.setdefault(part.lineage, set()).add(part.number)
        if any(len(numbers) >= transmissions[transmission] for numbers in taken.values()):
            found.add(transmission)
    return found


def weigh(c: Conn, transmissions: Iterable[int], now_ms: int) -> dict[int, Status]:
    """Bring transmissions up to what their parts and receipts prove. Returns those whose status changed.

    ``queued`` is among those looked at: evidence may come for an attempt that is about to be repeated.
    """
    standing: dict[int, Row[Any]] = {}
    for some in chunks(set(transmissions)):
        standing |= {row.id: row for row in c.execute(_STANDING, {"transmissions": some})}
    moves: dict[tuple[Status, Status], list[dict[str, Any]]] = {}
    for transmission, parts in parts_of(c, standing).items():
        status = Status(standing[transmission].status)
        to, error = _proven(status, parts)
        if to is not None:
            row: dict[str, Any] = {"id": transmission, "error": error}
            if to is Status.DELIVERED:
                row["delivered_ms"] = now_ms
            if to is not Status.FAILED:
                row["sent_ms"] = standing[transmission].sent_ms or now_ms
            moves.setdefault((status, to), []).append(row)
    for (status, to), rows in moves.items():
        move_each(c, status, to, rows, owner=None, doubt_ms=None)
    return {row["id"]: to for (_, to), rows in moves.items() for row in rows}


def _proven(status: Status, parts: Sequence[Row[Any]]) -> tuple[Status | None, str | None]:
    """What the journal proves for a transmission of this ``status``, with the reason of a failure."""
    if status not in {Status.SENT, Status.UNKNOWN, Status.QUEUED}:
        return None, None
    lineages: dict[int, list[Row[Any]]] = {}
    for part in parts:
        lineages.setdefault(part.lineage, []).append(part)
    accepted, failed = False, None
    for lineage in lineages.values():
        whole = {part.number for part in lineage}
        arrived = {part.number for part in lineage if part.receipt == ReceiptStatus.DELIVERED}
        if arrived == whole:
            return Status.DELIVERED, None
        lost = [part for part in lineage if part.receipt == ReceiptStatus.FAILED]
        under_way = {part.number for part in set(lineage) - set(lost) if part.outcome == Outcome.ACCEPTED}
        # Of two copies of a part one may fail while the other is still on its way.
        accepted |= whole == arrived | under_way
        failed = next((part for part in lost if part.number not in arrived | under_way), failed)
    if failed is not None and not accepted and status is not Status.QUEUED:
        return Status.FAILED, failed.reason or "the network reported that it was not delivered"
    if accepted and status is not Status.SENT:
        return Status.SENT, None
    return None, None
