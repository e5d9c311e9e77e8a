"""``change_messages``: the verbs of a person on all that fits a filter."""

from __future__ import annotations

from datetime import datetime

from gateway import given, session
from gateway.store import bulk
from gateway.store.types import Status
from gateway.store.verbs import VERBS


def change_messages(
    verb: str,
    *,
    status: str | None = None,
    backend: str | None = None,
    to: str | None = None,
    before: datetime | None = None,
) -> int:
    """Do ``"cancel"``, ``"hold"``, ``"release"`` or ``"resend"`` to all outgoing transmissions that fit.

    ``to``: how their identity begins. ``before``: stored before this aware time. Those whose status forbids it are
    left alone. Gives how many changed. Raises ValueError for another verb or status, and when no filter is given;
    StoreError.

    >>> change_messages("cancel", backend="mockbackend", to="+254")
    0
    """
    if verb not in VERBS:
        raise ValueError(f"verb must be one of {', '.join(VERBS)}, not {verb!r}")
    if all(each is None for each in (status, backend, to, before)):
        raise ValueError("a filter is needed: status, backend, to or before")
    until = given.aware("before", before)
    which = bulk.Selection(
        status=None if status is None else Status(status),
        backend=backend,
        to=to,
        before_ms=None if until is None else int(until.timestamp() * 1000),
    )
    here = session.current()
    changed = bulk.change(here.store, verb, which, session.now_ms())
    here.poke()
    return changed
