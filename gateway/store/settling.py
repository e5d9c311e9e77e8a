"""What came of attempts: results as they arrive, late answers, and outcomes that nobody will ever know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, select, update

from drivers.base import Fault, Outcome
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.evidence import search, unpark
from gateway.store.journal import end_attempts, parts_of, taken_whole, weigh, with_receipt, write_parts
from gateway.store.rows import chunks
from gateway.store.transitions import move_each
from gateway.store.types import PartResult, Settlement, Standing, Status

_t = s.transmission.c
_a = s.attempt.c
_STANDING = (
    select(
        *(_a.id.label("attempt"), _a.device, _a.started_ms, _a.ended_ms),
        *(_t.id, _t.status, _t.owner, _t.parts, _t.attempts, _t.rank, _t.bonus, _t.due_ms, _t.possible_duplicate),
        s.connection.c.identity,
    )
    .select_from(s.attempt.join(s.transmission).join(s.connection))
    .where(among(_a.id, "attempts"))
    .with_for_update(of=s.transmission)
)
"""What ``Standing`` holds."""
SAID = frozenset({Outcome.ACCEPTED, Outcome.REFUSED})
"""Outcomes that are the network's own word."""


class UnknownRule(NamedTuple):
    """What a device's config says of outcomes that stay unknown."""

    on_unknown: str = "resend"
    settle_ms: int = 60_000
    attempts: int = 5
    """After so many attempts a person decides, so that a device that never answers doesn't send for ever."""


def settle(c: Conn, epoch: int, results: Sequence[PartResult], settlements: Sequence[Settlement], now_ms: int) -> int:
    """Journal part results and end attempts. Returns how many attempts were refused because another owner has them.

    Their results settle nothing, but they are evidence: what the network said to a gateway that was given up meanwhile
    is true. Receipts that came before their part's result are applied now.
    """
    wanted = {result.attempt for result in results} | {settlement.attempt for settlement in settlements}
    found = _attempts(c, wanted)
    mine = {
        attempt: row
        for attempt, row in found.items()
        if row.owner == epoch and row.status == Status.SENDING and row.ended_ms is None
    }
    known = [result for result in results if result.attempt in mine]
    write_parts(c, {attempt: row.identity for attempt, row in mine.items()}, known, now_ms)
    ending = [settlement for settlement in settlements if settlement.attempt in mine]
    ending = _with_earlier(c, ending, mine)
    _end(c, ending, mine, now_ms)
    unpark(c, known, mine)
    weigh(c, {mine[attempt].id for attempt in with_receipt(c, {each.attempt for each in ending})}, now_ms)
    search(c, {each.transmission for each in ending if each.status is Status.UNKNOWN}, now_ms)
    given_up = {attempt for attempt, row in found.items() if row.ended_ms is not None}
    for result in results:
        if result.attempt in given_up and result.outcome in SAID:
            late(c, result, now_ms)
    return len(wanted) - len(mine)


def _with_earlier(c: Conn, ending: Sequence[Settlement], mine: Mapping[int, Standing]) -> list[Settlement]:
    """Let an earlier attempt decide that the network, as has come out meanwhile, did take whole."""
    again = {mine[each.attempt].id: mine[each.attempt].parts for each in ending if mine[each.attempt].attempts}
    taken = taken_whole(c, again)
    return [
        each._replace(status=Status.SENT, error=None) if mine[each.attempt].id in taken else each for each in ending
    ]


def _attempts(c: Conn, attempts: Iterable[int]) -> dict[int, Standing]:
    """By id; their transmissions are locked."""
    found: list[Standing] = []
    for some in chunks(attempts):
        found += map(Standing._make, c.execute(_STANDING, {"attempts": some}).all())
    return {each.attempt: each for each in found}


def _end(c: Conn, ending: Sequence[Settlement], mine: Mapping[int, Standing], now_ms: int) -> None:
    repeated = [
        mine[each.attempt].id
        for each in ending
        if each.status in {Status.QUEUED, Status.UNKNOWN} and mine[each.attempt].parts > 1
    ]
    journal = parts_of(c, repeated)
    partial = {
        transmission
        for transmission, parts in journal.items()
        if any(part.outcome in {Outcome.ACCEPTED, Outcome.UNKNOWN} for part in parts)
    }
    by_status: dict[Status, list[dict[str, Any]]] = {}
    for each in ending:
        row = mine[each.attempt]
        by_status.setdefault(each.status, []).append(_values(each, row, row.id in partial, now_ms))
    for status, rows in by_status.items():
        move_each(c, Status.SENDING, status, rows, owner=None)
    end_attempts(c, [(each.attempt, each.status.value, each.error) for each in ending], now_ms)


def _values(each: Settlement, row: Standing, partial: bool, now_ms: int) -> dict[str, Any]:
    """What the settlement writes into its transmission."""
    values: dict[str, Any] = {"id": row.id, "error": each.error, "attempts": row.attempts + int(each.counted)}
    if each.status is Status.SENT:
        values["sent_ms"] = now_ms
    if each.status is Status.UNKNOWN:
        values |= {"doubt_ms": now_ms, "partial": int(partial)}
    if each.status is Status.QUEUED:
        due = now_ms if each.retry_at_ms is None else max(each.retry_at_ms, now_ms)
        values |= {
            "due_ms": due if due > now_ms else row.due_ms,
            "ready": int(due <= now_ms),
            "rank": row.rank if each.front else due - row.bonus,
            "partial": int(partial),
            "possible_duplicate": int(each.possible_duplicate or bool(row.possible_duplicate)),
        }
    return values


def late(c: Conn, result: PartResult, now_ms: int) -> Status | None:
    """Take a late answer as evidence for an attempt whose outcome was unknown; the new status when it changed.

    An acceptance proves ``sent``. A refusal proves that nothing arrived: the transmission fails when it is the
    message's fault, else it is queued again, as no duplicate.
    """
    row = _attempts(c, [result.attempt]).get(result.attempt)
    if row is None:
        return None
    write_parts(c, {result.attempt: row.identity}, [result], now_ms)
    if result.outcome is Outcome.ACCEPTED:
        unpark(c, [result], {result.attempt: row})
        return weigh(c, {row.id}, now_ms).get(row.id)
    doubtful = {part.attempt_id for part in parts_of(c, [row.id])[row.id] if part.outcome == Outcome.UNKNOWN}
    if row.status != Status.UNKNOWN or result.outcome is Outcome.UNKNOWN or doubtful - {result.attempt}:
        return None
    if result.fault is Fault.MESSAGE:
        move_each(c, Status.UNKNOWN, Status.FAILED, [{"id": row.id}], error=result.reason, doubt_ms=None)
        return Status.FAILED
    if doubtful:
        return None
    again = {"id": row.id, "rank": now_ms - row.bonus, "error": result.reason or None}
    move_each(c, Status.UNKNOWN, Status.QUEUED, [again], ready=1, doubt_ms=None)
    return Status.QUEUED


def settle_unknowns(c: Conn, now_ms: int, defaults: Mapping[str, tuple[str, int] | UnknownRule]) -> int:
    """Apply ``on_unknown`` where evidence has had its time. Returns how many transmissions are queued again.

    ``defaults``: by device, (on_unknown, settle_ms). ``resend`` queues what is in doubt, and only that, as a possible
    duplicate; ``hold`` leaves it ``unknown`` for a person. What has expired meanwhile is left to a person too: it may
    have been sent, so it did not expire in the queue.
    """
    again: list[dict[str, Any]] = []
    left: dict[str, list[int]] = {}
    for device, rule in defaults.items():
        doubtful = _in_doubt(c, device, UnknownRule(*rule), now_ms)
        settled = search(c, [row.id for row in doubtful], now_ms)
        for row in (row for row in doubtful if row.id not in settled):
            why = _why_left(row, UnknownRule(*rule), now_ms)
            if why is None:
                again.append({"id": row.id, "partial": int(row.parts > 1)})
            else:
                left.setdefault(why, []).append(row.id)
    for why, ids in left.items():
        for some in chunks(ids):
            c.execute(update(s.transmission).where(_t.id.in_(some)).values(error=why, doubt_ms=None))
    repeated = {"ready": 1, "possible_duplicate": 1, "doubt_ms": None, "owner": None}
    return move_each(c, Status.UNKNOWN, Status.QUEUED, again, error="no answer came; it is sent again", **repeated)


def _in_doubt(c: Conn, device: str, rule: UnknownRule, now_ms: int) -> Sequence[Row[Any]]:
    """Those whose time for evidence is over. A time in the future (the clock fell back) starts again now."""
    unknown = s.is_status(_t.status, Status.UNKNOWN), _t.device == device
    c.execute(update(s.transmission).where(*unknown, _t.doubt_ms > now_ms).values(doubt_ms=now_ms))
    rows = (
        select(_t.id, _t.parts, _t.attempts, _t.expires_ms, s.message.c.on_unknown)
        .select_from(s.transmission.join(s.message))
        .where(*unknown, _t.doubt_ms <= now_ms - rule.settle_ms)
        .order_by(_t.id)
        .limit(1000)
        .with_for_update(of=s.transmission)
    )
    found: list[Row[Any]] = list(c.execute(rows))
    return found


def _why_left(row: Row[Any], rule: UnknownRule, now_ms: int) -> str | None:
    """Why a transmission in doubt is not sent again by itself; None when it is."""
    if (row.on_unknown or rule.on_unknown) == "hold":
        return "no answer came; it may have been sent, and on_unknown = hold leaves it to a person (resend)"
    if row.expires_ms is not None and row.expires_ms <= now_ms:
        return "no answer came; it may have been sent, and its time is over"
    if row.attempts >= rule.attempts:
        return f"no answer came in {row.attempts} attempts; it may have been sent, and is left to a person (resend)"
    return None
