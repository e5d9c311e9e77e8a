"""What ``send`` was asked to do: placing it, waiting for it, or saying what would happen."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli import output
from gateway.cli.program import Program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.message import OutgoingMessage
    from gateway.store.types import Connection, MessageRow

PROGRESS_FROM = 20
"""So many messages are worth a progress bar."""


@dataclass(frozen=True, slots=True)
class Order:
    """One message to be sent. ``line``: where it stands in a file, 0 for none."""

    backend: str
    text: str
    numbers: tuple[str, ...]
    line: int = 0

    def key(self, key: str | None) -> str | None:
        """The key of this message: rows of one file have one each, so that a file can be sent again safely."""
        return f"{key}/{self.line}" if key and self.line else key


def place(one: Program, orders: Sequence[Order], extra: Mapping[str, Any], wait_s: float | None, as_json: bool) -> bool:
    """Store the messages and print their ids. False when one failed, or isn't sent after ``wait_s`` seconds."""
    from gateway.store.types import Status

    api = one.api
    messages: list[OutgoingMessage] = []
    with _progress("queued", len(orders)) as step, bad_values():
        for order, connections in zip(orders, _connections(api, orders), strict=True):
            messages.append(api.send(order.text, connections, **{**extra, "key": order.key(extra["key"])}))
            step()
            if not as_json:
                output.line(messages[-1].id)
    _missing(api)
    good = {Status.SENT, Status.DELIVERED}
    if wait_s is not None:
        _wait(messages, wait_s)
    if as_json:
        _emit(one, messages)
    bad = [
        each for message in messages for each in message.transmissions
        if each.status is Status.FAILED or (wait_s is not None and each.status not in good)
    ]  # fmt: skip
    for each in bad:
        why = f": {each.error}" if each.error else ""
        output.note(f"sms-gateway: {each.connection.identity} via {each.connection.backend}: {each.status}{why}")
    return not bad


def _connections(api: Any, orders: Sequence[Order]) -> list[list[Connection]]:
    """The connections of each order, looked up together: one commit for a whole file."""
    numbers: dict[str, list[str]] = {}
    for order in orders:
        numbers.setdefault(order.backend, []).extend(order.numbers)
    found = {backend: iter(api.lookup_connections(backend, all_)) for backend, all_ in numbers.items()}
    return [[next(found[order.backend]) for _ in order.numbers] for order in orders]


def _missing(api: Any) -> None:
    """Say which apps had no part in it."""
    for path, why in getattr(api.get_router(), "missing_apps", {}).items():
        output.note(f"sms-gateway: went on without the app {path}: {why}")


def put_in(one: Program, text: str, connections: Sequence[Connection]) -> MessageRow | None:
    """Put a message in as if received; its row. Raises GatewayError that names the app which raised, if one did."""
    from gateway.store import queries

    id_, raised = uuid.uuid4().hex, None
    try:
        one.api.receive(text, connections, id_=id_)
    except Exception as error:  # noqa: BLE001 - an app's own, in blocking mode; the stored row says whose
        raised = error
    _missing(one.api)
    with one.store.read() as c:
        row = queries.message(c, id_)
    if raised is not None:
        why = next((each.error for each in row.transmissions if each.error), None) if row else None
        raise GatewayError(f"message {id_} is kept, and failed: {why}") if why else raised
    return row


@contextmanager
def bad_values() -> Iterator[None]:
    """What the API calls a ValueError is wrong usage here."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="TEXT or NUMBER") from None


def _emit(one: Program, messages: Sequence[OutgoingMessage]) -> None:
    from gateway.store import queries

    with one.store.read() as c:
        for message in messages:
            row = queries.message(c, message.id)
            if row is not None:
                output.emit(*(output.transmission(each, row) for each in row.transmissions))


def _wait(messages: Sequence[OutgoingMessage], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    with _progress("sent", len(messages)) as step:
        for message in messages:
            message.wait(max(0.0, until - time.monotonic()))
            step()


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, on a terminal and for long work only; gives the function that steps it."""
    if total < PROGRESS_FROM or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def rehearse(one: Program, orders: Sequence[Order], extra: Mapping[str, Any], as_json: bool) -> None:
    """Say for every recipient the encoding, the parts, the device, the time and the cost. Stores nothing."""
    from drivers.text import segments
    from gateway.cli.rehearsal import Rehearsal
    from gateway.numbers import normalise

    rehearsal = Rehearsal(one, extra)
    rows = []
    for order in orders:
        try:
            found = segments.count(order.text, extra["encoding"])
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="TEXT") from None
        for number in dict.fromkeys(normalise(each, one.config().gateway.region) for each in order.numbers):
            way = rehearsal.row(order.backend, number, order.text, extra["encoding"], found)
            rows.append({"backend": order.backend, "identity": number, **way})
    if as_json:
        output.emit(*rows)
    else:
        heads = list(rows[0]) if rows else []
        output.table([head.upper() for head in heads], [list(row.values()) for row in rows])
