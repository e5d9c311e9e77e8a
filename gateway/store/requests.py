"""What a command asks of the running service: ``pause``, ``resume``, ``rebind``, ``ussd`` ... A request is a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from gateway.store import schema as s
from gateway.store.engine import Conn
from gateway.store.rows import chunks

_r = s.request.c


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request and, once there is one, its answer."""

    id: int
    device: str
    kind: str
    args: Mapping[str, Any]
    created_ms: int
    taken_ms: int | None = None
    answered_ms: int | None = None
    result: Mapping[str, Any] | None = None


def _to_request(row: Row[Any]) -> RequestRow:
    times = row.created_ms, row.taken_ms, row.answered_ms
    return RequestRow(row.id, row.device, row.kind, row.args or {}, *times, row.result)


def post(c: Conn, device: str, kind: str, args: Mapping[str, Any], now_ms: int) -> int:
    """Ask. Returns the request's id."""
    new = s.request.insert().values(device=device, kind=kind, args=dict(args) or None, created_ms=now_ms)
    return int(c.execute(new.returning(_r.id)).scalar_one())


def take(c: Conn, device: str, now_ms: int) -> list[RequestRow]:
    """The requests for a device that nobody took, the oldest first; each is taken once."""
    waiting = _r.device == device, _r.taken_ms.is_(None), _r.answered_ms.is_(None)
    rows = c.execute(select(s.request).where(*waiting).order_by(_r.id).with_for_update(skip_locked=True)).all()
    for some in chunks(row.id for row in rows):
        c.execute(update(s.request).where(_r.id.in_(some)).values(taken_ms=now_ms))
    return [_to_request(row) for row in rows]


def answer(c: Conn, request_id: int, result: Mapping[str, Any], now_ms: int) -> None:
    """Answer a request; the first answer stays."""
    open_ = _r.id == request_id, _r.answered_ms.is_(None)
    c.execute(update(s.request).where(*open_).values(result=dict(result), answered_ms=now_ms))


def result(c: Conn, request_id: int) -> RequestRow | None:
    """One request as it stands."""
    row = c.execute(select(s.request).where(_r.id == request_id)).one_or_none()
    return _to_request(row) if row else None
