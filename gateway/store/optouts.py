"""Who wants no messages any more."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select

from gateway.store import schema as s
from gateway.store.among import among as any_of
from gateway.store.engine import Conn
from gateway.store.rows import chunks, insert

_AMONG = select(s.optout.c.identity).where(any_of(s.optout.c.identity, "identities"))


def add(c: Conn, identity: str, source: str, now_ms: int) -> None:
    """Note that an identity wants no messages, whichever backend they come through. ``source`` says how we know."""
    row = {"identity": identity, "source": source, "created_ms": now_ms}
    c.execute(insert(c, s.optout).values(**row).on_conflict_do_nothing())


def remove(c: Conn, identity: str) -> bool:
    """Forget it; False when it was not noted."""
    return c.execute(delete(s.optout).where(s.optout.c.identity == identity)).rowcount == 1


def among(c: Conn, identities: Iterable[str]) -> set[str]:
    """Those of the identities that want no messages."""
    found: set[str] = set()
    for some in chunks(dict.fromkeys(identities)):
        found.update(c.scalars(_AMONG, {"identities": some}))
    return found
