"""``messages`` and ``show``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.store.engine import Store
    from gateway.store.queries import MessageFilter
    from gateway.store.types import AttemptRow, MessageRow, ReceiptRow, TransmissionRow

LOOK_EVERY_S = 0.5


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(messages)
    app.command()(show)


def messages(
    context: typer.Context,
    only_in: Annotated[bool, typer.Option("--in", help="Only what came in.")] = False,
    only_out: Annotated[bool, typer.Option("--out", help="Only what goes out.")] = False,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="queued, sent, failed and so on.")] = None,
    backend: Annotated[str | None, typer.Option(metavar="BACKEND")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest N.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is new, until Ctrl-C.")] = False,
    as_json: output.Json = False,
) -> None:
    """List messages, the newest last.

    One line for each transmission: a message to three numbers has three.
    """
    from gateway.store.queries import MessageFilter
    from gateway.store.types import Direction, Status

    one = program.of(context)
    wanted = None if status is None else Status(output.one_of(status, tuple(Status), "--status"))
    both = only_in == only_out
    which = MessageFilter(
        direction=None if both else Direction.IN if only_in else Direction.OUT,
        status=wanted,
        backend=backend,
        limit=limit,
    )
    one.config()
    if not one.has_database and not follow:
        output.note("there are no messages")
        return
    if not follow:
        _list(one.store, which, as_json)
        return
    with _until_interrupted() as interrupted:
        seen = _list(one.store, which, as_json)
        while not interrupted.wait(LOOK_EVERY_S):
            seen = _list(one.store, replace(which, after=seen, limit=1000), as_json, heads=False) or seen
    raise KeyboardInterrupt


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; the second Ctrl-C ends the command at once.

    As an exception it could be raised inside a finalizer, where Python throws it away, and the person is not heard.
    """
    event = threading.Event()

    def heard(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        event.set()

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _list(store: Store, which: MessageFilter, as_json: bool, *, heads: bool = True) -> int:
    """Print what fits; gives the last transmission's id, 0 for none."""
    from gateway.store import queries

    with store.read() as c:
        found = queries.messages(c, which)
    if as_json:
        output.emit(*(output.transmission(row, message) for row, message in found))
    elif heads and not found:
        output.note("there are no messages")
    elif heads:
        names = ("CREATED", "ID", "", "BACKEND", "NUMBER", "STATUS", "TEXT")
        output.table(names, [_cells(row, message) for row, message in found])
    else:
        for row, message in found:
            output.line("  ".join(str(cell) for cell in _cells(row, message)))
    return found[-1][0].id if found else 0


def _cells(row: TransmissionRow, message: MessageRow) -> tuple[Any, ...]:
    arrow = "<" if row.direction == "in" else ">"
    status = f"{row.status} ({row.error})" if row.error else str(row.status)
    return (
        output.moment(row.created_ms), message.id, arrow, row.connection.backend.name, row.connection.identity,
        status, message.text,
    )  # fmt: skip


def show(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="A message id.")],
    as_json: output.Json = False,
) -> None:
    """Show all of one message.

    Its transmissions, parts, attempts, receipts and responses.
    """
    one = program.of(context)
    one.require_database()
    found = _whole(one.store, message_id)
    if as_json:
        output.emit(found)
    else:
        _print(found)


def _whole(store: Store, message_id: str) -> dict[str, Any]:
    """All that is known of a message. Raises GatewayError when there is none."""
    from gateway.store import queries
    from gateway.transmission import roll_up

    with store.read() as c:
        row = queries.message(c, message_id)
        if row is None:
            raise GatewayError(f"there is no message {message_id}")
        ids = [each.id for each in row.transmissions]
        attempts = [(each, found) for each in ids for found in queries.attempts(c, each)]
        receipts = [(each, found) for each in ids for found in queries.receipts(c, each)]
        responses = queries.responses(c, message_id)
    return {
        "id": row.id, "direction": str(row.direction), "status": roll_up(each.status for each in row.transmissions),
        "text": row.text, "created_at": output.moment(row.created_ms), "received_at": output.moment(row.received_ms),
        "priority": row.priority, "key": row.key, "flash": row.flash, "to": row.to, "redelivered": row.redelivered,
        "in_response_to": row.in_response_to, "fields": dict(row.fields),
        "transmissions": [output.transmission(each, row) for each in row.transmissions],
        "parts": [part for each, found in attempts for part in _parts(each, found)],
        "attempts": [_attempt(each, found) for each, found in attempts],
        "receipts": [_receipt(each, found) for each, found in receipts],
        "responses": [
            {
                "id": each.id, "text": each.text, "status": roll_up(one.status for one in each.transmissions),
                "created_at": output.moment(each.created_ms),
            }
            for each in responses
        ],
    }  # fmt: skip


def _attempt(transmission: int, row: AttemptRow) -> dict[str, Any]:
    return {
        "transmission": transmission, "attempt": row.id, "number": row.number, "device": row.device, "node": row.node,
        "started_at": output.moment(row.started_ms), "ended_at": output.moment(row.ended_ms), "outcome": row.outcome,
        "error": row.error,
    }  # fmt: skip


def _parts(transmission: int, row: AttemptRow) -> list[dict[str, Any]]:
    return [
        {
            "transmission": transmission, "attempt": row.id, "part": part.index, "outcome": part.outcome,
            "reference": part.reference, "code": part.code, "reason": part.reason,
            "answered_at": output.moment(part.answered_ms), "receipt": part.receipt,
        }
        for part in row.parts
    ]  # fmt: skip


def _receipt(transmission: int, row: ReceiptRow) -> dict[str, Any]:
    return {
        "transmission": transmission, "device": row.device, "number": row.number, "reference": row.reference,
        "status": row.status, "code": row.code, "reason": row.reason, "received_at": output.moment(row.received_ms),
    }  # fmt: skip


def _print(found: dict[str, Any]) -> None:
    for name, value in found.items():
        if isinstance(value, list):
            if value:
                output.line("")
                output.line(name.upper())
                hidden = ("text", "fields", "in_response_to", "id") if name == "transmissions" else ()
                told = [head for head in value[0] if any(row[head] is not None for row in value)]
                heads = [head for head in told if head not in hidden]
                output.table(heads, [[row[head] for head in heads] for row in value])
        elif value not in (None, {}, False):
            output.line(f"{name}: {value}")
