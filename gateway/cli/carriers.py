"""``query``, ``recall`` and ``replace``: what a carrier holds of a message, and what it can still change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import devices, output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.store.types import MessageRow

Id = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="A message id.")]
NewText = Annotated[str, typer.Argument(metavar="TEXT", show_default=False, help="In the place of the old one.")]
ANSWER_S = 120.0
"""A carrier may take its ``response_timeout``, and other questions go first."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (query, recall, replace):
        app.command()(command)


def query(context: typer.Context, message_id: Id, as_json: output.Json = False) -> None:
    """Ask the carrier what became of a message.

    For what was sent and has no receipt (query_sm). An end that the carrier tells is stored like a receipt.
    """
    one = program.of(context)
    _ask(one, _row(one, message_id), "query", {}, as_json)


def recall(context: typer.Context, message_id: Id, as_json: output.Json = False) -> None:
    """Cancel a message at the carrier.

    For what was sent and is not delivered yet (cancel_sm): it is then failed. cancel is for what has not left.
    """
    one = program.of(context)
    _ask(one, _row(one, message_id), "cancel", {}, as_json)


def replace(context: typer.Context, message_id: Id, text: NewText, as_json: output.Json = False) -> None:
    """Put another text in the place of one that the carrier has not delivered yet.

    For a message of one part to one recipient (replace_sm).
    """
    one = program.of(context)
    row = _row(one, message_id)
    if len(row.transmissions) != 1 or row.transmissions[0].parts != 1:
        raise GatewayError(f"{message_id}: only a message of one part to one recipient can be replaced")
    if not text:
        raise GatewayError(f"{message_id}: an empty text can't take the place of another")
    _ask(one, row, "replace", {"id": message_id, "text": text}, as_json)


def _row(one: program.Program, message_id: str) -> MessageRow:
    from gateway.store import queries

    one.require_database()
    with one.store.read() as c:
        row = queries.message(c, message_id)
    if row is None:
        raise GatewayError(f"there is no message {message_id}")
    return row


def _ask(one: program.Program, row: MessageRow, kind: str, more: Mapping[str, Any], as_json: bool) -> None:
    """Ask about each part that is with a carrier, and print what it says. Raises GatewayError when one is refused."""
    from gateway.store import inquiries

    with one.store.read() as c:
        held = [each for each in inquiries.of_message(c, row.id) if each.device in one.config().smpp]
    if not held:
        raise GatewayError(f"{row.id}: no carrier has it and owes a receipt; sms-gateway show {row.id}")
    if not one.service_runs:
        raise GatewayError("the service doesn't run, so no carrier can be asked; start it with sms-gateway run")
    for each in held:
        asked = {"reference": each.reference, "destination": each.destination, "source": each.source, **more}
        said = devices.ask(one, each.device, kind, asked, ANSWER_S)["text"]
        if as_json:
            place = {"device": each.device, "part": each.number, "reference": each.reference}
            output.emit({"id": row.id, "identity": each.destination, **place, "text": said})
        else:
            output.line(f"{each.destination}, part {each.number}, {each.device} {each.reference}: {said}")
