"""One-time codes of those who give orders by SMS: each is used once, and guessing is stopped."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy import select, update

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import insert

MOST_FAILURES = 5
"""So many wrong codes in a row lock an admin out."""
LOCKED_MS = 3_600_000

_c = s.control.c


class Verdict(StrEnum):
    """What became of a code."""

    GOOD = "good"
    WRONG = "wrong"
    LOCKED = "locked"


def redeem(c: Conn, admin: str, find: Callable[[int], int | None], now_ms: int) -> Verdict:
    """Use up a code. ``find``: from the counter of the next code, the counter of the one that came, None for a wrong
    one. Whatever is done by a good one is done after this is committed, so that it is never done twice.
    """
    new = {"admin": admin, "counter": 0, "failures": 0}
    c.execute(insert(c, s.control).values(**new).on_conflict_do_nothing())
    row = c.execute(select(s.control).where(_c.admin == admin).with_for_update()).one()
    if row.locked_until_ms is not None and now_ms < row.locked_until_ms <= now_ms + LOCKED_MS:
        return Verdict.LOCKED
    counter = find(row.counter)
    if counter is not None:
        changed = {"counter": counter + 1, "failures": 0, "locked_until_ms": None}
    elif row.failures + 1 < MOST_FAILURES:
        changed = {"failures": row.failures + 1, "locked_until_ms": None}
    else:
        changed = {"failures": 0, "locked_until_ms": now_ms + LOCKED_MS}
    c.execute(update(s.control).where(_c.admin == admin).values(**changed))
    if counter is not None:
        return Verdict.GOOD
    return Verdict.LOCKED if changed["locked_until_ms"] else Verdict.WRONG
