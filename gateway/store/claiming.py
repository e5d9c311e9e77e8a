"""Handing transmissions to a device: each is written down as ``sending`` before the device sees it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Executable, Row, Table, Text, bindparam, literal, or_, select

from drivers.base import Outcome
from gateway.store import nodes, usage
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.evidence import search
from gateway.store.gate import Entry, Gate
from gateway.store.journal import end_attempts, parts_of, write_parts
from gateway.store.rows import chunks, per_database
from gateway.store.transitions import move_each
from gateway.store.types import Claimed, PartResult, Status, UsageRow

if TYPE_CHECKING:
    from gateway.store.rows import Insert

_t = s.transmission.c
_m = s.message.c


class Waiting(NamedTuple):
    """One that waits, as the columns of ``_FIRST``."""

    id: int
    rank: int
    lane: str
    parts: int
    attempts: int
    partial: int
    expires_ms: int | None
    text: str
    encoding: str | None
    flash: int
    priority: int
    on_unknown: str | None
    fields: Mapping[str, Any] | None
    kind: str
    message_id: str
    identity: str
    backend: str


_FIRST = (
    select(
        *(_t.id, _t.rank, _t.lane, _t.parts, _t.attempts, _t.partial, _t.expires_ms),
        *(_m.text, _m.encoding, _m.flash, _m.priority, _m.on_unknown, _m.fields, _m.kind),
        *(_m.id.label("message_id"), s.connection.c.identity, s.backend.c.name.label("backend")),
    )
    .select_from(s.transmission.join(s.message).join(s.connection).join(s.backend))
    .where(s.is_status(_t.status, Status.QUEUED), s.is_flag(_t.ready, 1), _t.lane == bindparam("of_lane"))
    .where(or_(_t.expires_ms.is_(None), _t.expires_ms > bindparam("now")))
    .order_by(_t.rank, _t.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=s.transmission)
)
"""The first of a lane."""
_TURN = attrgetter("rank", "id")
_FIRST_KNOWN = _FIRST.where(among(s.connection.c.identity, "known"))
ROUNDS = 50
"""How often a claim looks behind those that the gate put off; it goes on at the next one."""
_NEW_ATTEMPTS = s.attempt.insert().returning(s.attempt.c.transmission_id, s.attempt.c.id)
_ATTEMPTS_ALIKE = (
    s.attempt.insert()
    .from_select(
        ["transmission_id", "number", "reference", "device", "epoch", "started_ms"],
        select(_t.id, _t.attempts + 1, literal(0), bindparam("new_device", type_=Text))
        .add_columns(bindparam("new_epoch", type_=BigInteger), bindparam("new_started_ms", type_=BigInteger))
        .where(among(_t.id, "row_ids")),
    )
    .returning(s.attempt.c.transmission_id, s.attempt.c.id)
)
_COUNTERS = select(s.concat).where(among(s.concat.c.identity, "numbers")).with_for_update()


@per_database
def _count_on(insert: Callable[[Table], Insert]) -> Executable:
    upsert = insert(s.concat)
    return upsert.on_conflict_do_update(index_elements=["identity"], set_={"next": upsert.excluded.next})


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """How much a device can take now, and from where."""

    device: str
    lanes: tuple[str, ...]
    epoch: int
    max_rows: int = 200
    max_parts: int | None = None
    """Parts that may leave now; None is no limit."""
    whole_parts: int | None = None
    """The device's whole limit: a longer message is claimed as soon as one part may leave."""
    recipients: tuple[int, Collection[str]] | None = None
    """How many new recipients may be written to, and those who may in any case; None is no limit."""
    gate: Gate | None = None
    """Quiet hours and the limits of backends and senders; None: there are none. Opt-outs count in any case."""


class Claims(list[Claimed]):
    """What was claimed. ``again_ms``: when a limit opens that kept something back, and that the device can't know."""

    again_ms: int | None = None


def claim(c: Conn, request: ClaimRequest, now_ms: int) -> Claims:
    """Write down the next transmissions as handed to a device, most urgent first.

    A message that needs more parts than may leave now keeps its turn, and so do those behind it: smaller ones that
    pass by would keep a long one waiting for ever.
    """
    if request.max_rows < 1 or (request.max_parts is not None and request.max_parts < 1):
        return Claims()
    if not nodes.holds(c, request.epoch):
        return Claims()  # a gateway that was stopped beyond its lease, and doesn't know it yet
    entry = Entry(c, request, now_ms)
    rows: list[Waiting] = []
    for _ in range(ROUNDS):
        found = _next(c, request, entry.only, now_ms)
        admitted = entry.admit(found) if found else []
        rows = _fitting(admitted, request, entry)
        if rows or len(admitted) == len(found):
            break
    claims = Claims(_write_down(c, request, rows, now_ms) if rows else ())
    claims.again_ms = entry.again_ms
    return claims


def _write_down(c: Conn, request: ClaimRequest, rows: Sequence[Waiting], now_ms: int) -> list[Claimed]:
    nodes.busy(c, request.epoch, now_ms)
    move_each(
        c,
        Status.QUEUED,
        Status.SENDING,
        [{"id": row.id} for row in rows],
        owner=request.epoch,
        device=request.device,
        error=None,
    )
    repeats = _repeats(c, [row for row in rows if row.partial], request.device)
    references = _references(c, [row for row in rows if row.parts > 1 and row.id not in repeats], now_ms)
    references |= {transmission: reference for transmission, (reference, _) in repeats.items()}
    attempts = _attempts(c, request, rows, references, now_ms)
    return [_claimed(row, attempts[row.id], references.get(row.id, 0), repeats.get(row.id, (0, ()))[1]) for row in rows]


def _next(c: Conn, request: ClaimRequest, only: Collection[str] | None, now_ms: int) -> list[Waiting]:
    """The most urgent rows of the lanes. One query for each lane, so that each walks its index and stops."""
    found: list[Waiting] = []
    for lane in dict.fromkeys(request.lanes):
        which: dict[str, Any] = {"of_lane": lane, "now": now_ms, "most": request.max_rows}
        if only is None:
            found += map(Waiting._make, c.execute(_FIRST, which).all())
        elif only:
            found += map(Waiting._make, c.execute(_FIRST_KNOWN, {**which, "known": list(only)}).all())
    return sorted(found, key=_TURN)[: request.max_rows]


def _fitting(rows: Sequence[Waiting], request: ClaimRequest, entry: Entry) -> list[Waiting]:
    """Those at the front that fit the parts that may leave, and what else is limited."""
    fitting = []
    left = math.inf if request.max_parts is None else request.max_parts
    for row in rows:
        larger_than_ever = request.whole_parts is not None and row.parts > request.whole_parts
        if row.parts > left and not (larger_than_ever and left > 0):
            break
        if entry.fits(row):
            fitting.append(row)
            left -= row.parts
    return fitting


def _attempts(
    c: Conn, request: ClaimRequest, rows: Sequence[Waiting], references: Mapping[int, int], now_ms: int
) -> dict[int, int]:
    """A new attempt for each row; gives their ids by transmission. Those without a reference, most, are alike."""
    common = {"device": request.device, "epoch": request.epoch, "started_ms": now_ms}
    made: list[tuple[int, int]] = []
    for some in chunks(row.id for row in rows if row.id not in references):
        made += c.execute(
            _ATTEMPTS_ALIKE, {"row_ids": some, **{f"new_{name}": value for name, value in common.items()}}
        )
    if long := [row for row in rows if row.id in references]:
        own = [
            {"transmission_id": row.id, "number": row.attempts + 1, "reference": references[row.id], **common}
            for row in long
        ]
        made += c.execute(_NEW_ATTEMPTS, own)
    return dict(made)


def _claimed(row: Waiting, attempt: int, reference: int, accepted: tuple[int, ...]) -> Claimed:
    return Claimed(
        attempt, row.id, row.message_id, row.backend, row.lane, row.identity, row.text, row.parts, row.encoding,
        reference, row.attempts + 1, bool(row.flash), row.priority, row.expires_ms, row.on_unknown, row.fields or {},
        accepted,
    )  # fmt: skip


def _repeats(c: Conn, rows: Sequence[Waiting], device: str) -> dict[int, tuple[int, tuple[int, ...]]]:
    """By transmission, the reference that its parts had before, and which of them were accepted under it.

    Only where the same device did that: a phone doesn't join parts that come from two numbers.
    """
    found: dict[int, tuple[int, tuple[int, ...]]] = {}
    for transmission, parts in parts_of(c, [row.id for row in rows]).items():
        last = parts[-1]
        if last.device == device:
            accepted = {p.number for p in parts if p.lineage == last.lineage and p.outcome == Outcome.ACCEPTED}
            found[transmission] = (last.lineage, tuple(sorted(accepted)))
    return found


def _references(c: Conn, rows: Sequence[Waiting], now_ms: int) -> dict[int, int]:
    """A concatenation reference for each, from the counter of its number (3GPP TS 23.040 §9.2.3.24.1)."""
    numbers = sorted({row.identity for row in rows})
    counters: dict[str, int] = {}
    for some in chunks(numbers):
        counters |= {row.identity: row.next for row in c.execute(_COUNTERS, {"numbers": some})}
    given: dict[int, int] = {}
    for row in rows:
        fresh = zlib.crc32(row.identity.encode()) ^ (now_ms // 1000)
        given[row.id] = counters.get(row.identity, fresh) & 0xFFFF
        counters[row.identity] = (given[row.id] + 1) & 0xFFFF
    if numbers:
        c.execute(_count_on(c), [{"identity": number, "next": counters[number]} for number in numbers])
    return given


def recover(c: Conn, epoch: int, now_ms: int, gate: Gate | None = None) -> dict[str, int]:
    """Make ``sending`` of dead owners ``unknown``. Returns, by device, how many parts may have left.

    They count as having left now: against the limits of the SIM that was in the device, and of backends and senders in
    ``gate``. Their parts are journalled as unknown, so that a receipt without a known reference finds them.
    """
    lost: list[Row[Any]] = []
    for some in chunks(nodes.dead(c, epoch, now_ms)):
        lost += c.execute(
            select(_t.id, _t.device, _t.parts, _t.attempts, s.connection.c.identity, s.attempt.c.id.label("attempt"))
            .add_columns(s.attempt.c.reference, _t.lane, _m.fields)
            .select_from(s.transmission.join(s.message).join(s.connection).join(s.attempt))
            .where(s.is_status(_t.status, Status.SENDING), _t.owner.in_(some), s.attempt.c.ended_ms.is_(None))
            .with_for_update(of=s.transmission)
        )
    in_doubt: dict[str, int] = {}
    journal = parts_of(c, [row.id for row in lost])
    results: list[PartResult] = []
    lines = usage.subjects(c, {row.device for row in lost})
    for row in lost:
        known = {
            part.number
            for part in journal.get(row.id, [])
            if part.attempt_id == row.attempt or (part.lineage == row.reference and part.outcome == Outcome.ACCEPTED)
        }
        doubtful = [index for index in range(1, row.parts + 1) if index not in known]
        results += [PartResult(row.attempt, index, Outcome.UNKNOWN, left_ms=now_ms) for index in doubtful]
        in_doubt[row.device] = in_doubt.get(row.device, 0) + len(doubtful)
        for subject in (lines[row.device], *(gate.subjects(row.lane, row.fields, row.device) if gate else ())):
            usage.add(c, subject, [UsageRow(now_ms, len(doubtful), len(doubtful))])
        usage.add_recipients(c, lines[row.device], {row.identity: now_ms})
    write_parts(c, {row.attempt: row.identity for row in lost}, results, now_ms)
    error = "the gateway stopped before the answer came"
    unknown = [{"id": row.id, "attempts": row.attempts + 1, "partial": int(row.parts > 1)} for row in lost]
    move_each(c, Status.SENDING, Status.UNKNOWN, unknown, owner=None, doubt_ms=now_ms, error=error)
    end_attempts(c, [(row.attempt, Status.UNKNOWN.value, error) for row in lost], now_ms)
    search(c, [row.id for row in lost], now_ms)
    return in_doubt
