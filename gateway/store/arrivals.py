"""PDUs that arrive: repeats are recognised, long messages joined, whatever order their parts come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, or_, select, update

from drivers.base import Incoming
from gateway.store import connections
from gateway.store import schema as s
from gateway.store.among import among
from gateway.store.engine import Conn
from gateway.store.ids import new_id
from gateway.store.joining import Group, Piece, storable
from gateway.store.rows import chunks
from gateway.store.types import Direction, Status

LATE_MS = 86_400_000
"""How long after its last part a long message still takes another one; later the reference means a new message."""

_i = s.inpart.c
_SEEN = select(_i.fingerprint, _i.session).where(
    among(_i.fingerprint, "fingerprints"), or_(_i.device == bindparam("of"), among(_i.line, "lines"))
)
_RECENT = (
    select(s.inpart)
    .where(among(_i.sender, "senders"), among(_i.reference, "references"), _i.received_ms > bindparam("since"))
    .order_by(_i.id)
)
_NEW_MESSAGES = s.message.insert().returning(s.message.c.id, s.message.c.seq)
_NEW_TRANSMISSIONS = s.transmission.insert()
_NEW_PARTS = s.inpart.insert()
_NEW_PARTS_OF_LONG = s.inpart.insert().returning(_i.id, sort_by_parameter_order=True)
_JOIN = update(s.inpart).where(_i.id == bindparam("row_id")).values(group_id=bindparam("of"))
_GIVEN_OUT = update(s.inpart).where(_i.group_id == bindparam("of")).values(message_seq=bindparam("seq"))
_TEXT_IS_ELSEWHERE = update(s.inpart).where(among(_i.group_id, "groups")).values(payload=None, fields=None)


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What became of a batch of PDUs."""

    messages: tuple[str, ...]
    """Ids of the messages that became ready for the router."""
    repeats: int
    """PDUs that were stored before."""
    keys: tuple[str, ...]
    """The keys of all of them: to be acknowledged to the device."""
    amended: tuple[str, ...] = ()
    """Ids of messages that had been given out incomplete and now have more text."""


def save(c: Conn, device: str, incoming: Sequence[Incoming], now_ms: int) -> SaveResult:
    """Store PDUs of a device. Nothing is refused; what was stored before is recognised and only acknowledged.

    A PDU that ``may_repeat`` is a repeat when an equal one was stored under another session (one of its ``lost`` ones,
    where the driver knows them) of the same device or SIM;
    a part of a long message also when it is there already, with the same octets.
    """
    fresh = _without_repeats(c, device, incoming)
    open_groups = _open_groups(c, fresh, now_ms)
    groups: list[Group] = []
    repeats = len(incoming) - len(fresh)
    for pdu in fresh:
        group = _group_for(device, pdu, open_groups)
        if group is None:
            repeats += 1
            continue
        if not group.new_rows:
            groups.append(group)
        group.pieces[pdu.index] = piece = _piece(pdu)
        group.new_rows.append(_row(device, pdu, piece, now_ms))
    amended = _amend(c, [group for group in groups if group.seq is not None])
    ready = _give_out(c, [group for group in groups if group.seq is None and group.complete], now_ms)
    _store_parts(c, groups)
    _close(c, groups)
    return SaveResult(tuple(ready), repeats, tuple(pdu.key for pdu in incoming), tuple(amended))


def _line(device: str, pdu: Incoming) -> str:
    return pdu.sim or device


def _without_repeats(c: Conn, device: str, incoming: Sequence[Incoming]) -> list[Incoming]:
    lines = sorted({device, *(pdu.sim for pdu in incoming if pdu.sim)})
    stored: dict[str, set[str]] = {}
    for some in chunks({pdu.fingerprint for pdu in incoming if pdu.may_repeat}):
        for row in c.execute(_SEEN, {"fingerprints": some, "of": device, "lines": lines}):
            stored.setdefault(row.fingerprint, set()).add(row.session)
    fresh = []
    for pdu in incoming:
        sessions = stored.setdefault(pdu.fingerprint, set())
        others = sessions - {pdu.session}
        if not (pdu.may_repeat and (others.intersection(pdu.lost) if pdu.lost else others)):
            fresh.append(pdu)
            sessions.add(pdu.session)
    return fresh


def _open_groups(c: Conn, incoming: Iterable[Incoming], now_ms: int) -> list[Group]:
    """Groups that parts of ``incoming`` may belong to, the newest first."""
    long = [pdu for pdu in incoming if pdu.total > 1]
    senders = sorted({storable(pdu.sender) for pdu in long})
    references = sorted({pdu.reference or 0 for pdu in long})
    rows: list[Row[Any]] = []
    for some in chunks(senders):
        for numbers in chunks(references):
            rows += c.execute(_RECENT, {"senders": some, "references": numbers, "since": now_ms - LATE_MS})
    groups: dict[int, Group] = {}
    for row in rows:
        group = groups.setdefault(
            row.group_id,
            Group(row.device, row.line, row.sender, row.total, row.to, row.reference, row.group_id, row.message_seq),
        )
        group.pieces[row.number] = Piece(row.encoding, row.payload, row.locking, row.single, row.fields or {})
    return sorted(groups.values(), key=lambda group: group.id or 0, reverse=True)


def _group_for(device: str, pdu: Incoming, open_groups: list[Group]) -> Group | None:
    """The group that a PDU completes, or a new one; None when the part is there already."""
    new = Group(device, _line(device, pdu), storable(pdu.sender), pdu.total, pdu.to)
    if pdu.total <= 1:
        return new
    new.reference = pdu.reference or 0
    same = [
        group
        for group in open_groups
        if (group.line, group.sender, group.reference, group.total) == (new.line, new.sender, new.reference, new.total)
        and not group.complete
    ]
    for group in same:
        there = group.pieces.get(pdu.index)
        if there is None:
            return group
        if there.payload == pdu.payload:
            return None
    open_groups.insert(0, new)
    return new


def _piece(pdu: Incoming) -> Piece:
    fields = dict(pdu.fields)
    if pdu.message_class is not None:
        fields.setdefault("class", pdu.message_class)
    if pdu.network_time is not None:
        fields.setdefault("network_time", pdu.network_time)
    return Piece(pdu.encoding.value, pdu.payload, pdu.shift[0], pdu.shift[1], fields)


def _row(device: str, pdu: Incoming, piece: Piece, now_ms: int) -> dict[str, Any]:
    return {
        "device": device,
        "line": _line(device, pdu),
        "session": pdu.session,
        "fingerprint": pdu.fingerprint,
        "sender": storable(pdu.sender),
        "to": storable(pdu.to) if pdu.to is not None else None,
        "reference": (pdu.reference or 0) if pdu.total > 1 else None,
        "total": pdu.total,
        "number": pdu.index,
        "encoding": piece.encoding,
        "locking": piece.locking,
        "single": piece.single,
        "payload": pdu.payload if pdu.total > 1 else None,
        "pdu": pdu.pdu or None,
        "network_time": pdu.network_time,
        "fields": piece.fields if pdu.total > 1 and piece.fields else None,
        "received_ms": now_ms,
    }


def _store_parts(c: Conn, groups: Sequence[Group]) -> None:
    """Store what is new of these groups; parts of a long message all carry the id of the first one."""
    rows = [(group, {**row, "message_seq": group.seq}) for group in groups for row in group.new_rows]
    if not rows:
        return
    long = [(group, row) for group, row in rows if group.total > 1]
    if short := [row for group, row in rows if group.total <= 1]:
        c.execute(_NEW_PARTS, short)
    if not long:
        return
    ids = c.scalars(_NEW_PARTS_OF_LONG, [row for _, row in long]).all()
    for (group, _), row_id in zip(long, ids, strict=True):
        group.id = group.id or row_id
    c.execute(_JOIN, [{"row_id": row_id, "of": group.id} for (group, _), row_id in zip(long, ids, strict=True)])


def _close(c: Conn, groups: Sequence[Group]) -> None:
    """Name the message in the parts of long ones. What has become text is not kept twice; the raw PDU stays."""
    given_out = [group for group in groups if group.total > 1 and group.seq is not None]
    if given_out:
        c.execute(
            _GIVEN_OUT,
            [{"of": group.id, "seq": group.seq} for group in given_out],
        )
    for some in chunks(group.id for group in given_out if group.complete):
        c.execute(_TEXT_IS_ELSEWHERE, {"groups": some})


def _amend(c: Conn, groups: Sequence[Group]) -> list[str]:
    """Put late parts into messages that were given out without them."""
    ids = []
    for group in groups:
        now = {"text": group.text(), "complete": int(group.complete)}
        changed = update(s.message).where(s.message.c.seq == group.seq).values(**now)
        ids.append(str(c.execute(changed.returning(s.message.c.id)).scalar_one()))
    return ids


def _give_out(c: Conn, groups: Sequence[Group], now_ms: int) -> list[str]:
    """Make messages of groups, complete or not. Returns their ids, in order."""
    if not groups:
        return []
    ids = [new_id(now_ms) for _ in groups]
    messages = [
        {
            "id": message_id,
            "direction": Direction.IN.value,
            "kind": "message",
            "text": group.text(),
            "fields": group.fields() or None,
            "created_ms": now_ms,
            "received_ms": now_ms,
            "to": storable(group.to) if group.to is not None else None,
            "complete": int(group.complete),
        }
        for message_id, group in zip(ids, groups, strict=True)
    ]
    seqs = {row.id: row.seq for row in c.execute(_NEW_MESSAGES, messages)}
    for message_id, group in zip(ids, groups, strict=True):
        group.seq = seqs[message_id]
    _store_transmissions(c, groups, now_ms)
    return ids


def _store_transmissions(c: Conn, groups: Sequence[Group], now_ms: int) -> None:
    senders: dict[tuple[str, str], int] = {}
    for device in {group.device for group in groups}:
        numbers = list(dict.fromkeys(group.sender for group in groups if group.device == device))
        found = connections.lookup(c, device, numbers, now_ms)
        senders |= {(device, number): each.id for number, each in zip(numbers, found, strict=True)}
    rows = [
        {
            "message_seq": group.seq,
            "connection_id": senders[group.device, group.sender],
            "direction": Direction.IN.value,
            "lane": "",
            "status": Status.RECEIVED.value,
            "parts": group.total,
            "encoding": group.pieces[min(group.pieces)].encoding,
            "device": group.device,
            "created_ms": now_ms,
        }
        for group in groups
    ]
    c.execute(_NEW_TRANSMISSIONS, rows)


def flush_incomplete(c: Conn, older_than_ms: Mapping[str, int], now_ms: int) -> list[str]:
    """Give out long messages that lack parts: by device, those whose last part came before ``older_than_ms``.

    Returns the ids of the messages. A part that comes later still finds its message.
    """
    ids: list[str] = []
    for device, before in older_than_ms.items():
        incomplete = _i.reference.is_not(None), _i.message_seq.is_(None), _i.device == device
        c.execute(update(s.inpart).where(*incomplete, _i.received_ms > now_ms).values(received_ms=now_ms))
        stale = select(_i.group_id).where(*incomplete).group_by(_i.group_id).having(func.max(_i.received_ms) < before)
        groups: dict[int, Group] = {}
        for row in c.execute(select(s.inpart).where(_i.group_id.in_(stale)).order_by(_i.id)):
            group = groups.setdefault(
                row.group_id, Group(row.device, row.line, row.sender, row.total, row.to, row.reference, row.group_id)
            )
            group.pieces[row.number] = Piece(row.encoding, row.payload, row.locking, row.single, row.fields or {})
        ids += _give_out(c, list(groups.values()), now_ms)
        _close(c, list(groups.values()))
    return ids
