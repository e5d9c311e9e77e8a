"""``explain``: why a message is not sent now."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import output, program
from gateway.errors import GatewayError


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="A message id.")],
    as_json: output.Json = False,
) -> None:
    """Say why a message is not sent now.

    A device that is down, a quota and until when, no route, a due time.
    """
    from gateway.cli.reasons import Outlook
    from gateway.store import queries

    one = program.of(context)
    one.require_database()
    with one.store.read() as c:
        row = queries.message(c, message_id)
    if row is None:
        raise GatewayError(f"there is no message {message_id}")
    outlook = Outlook(one)
    for each in row.transmissions:
        reasons = outlook.reasons(each, row) or ["nothing stands against it: it goes as soon as its turn comes"]
        if as_json:
            output.emit({"id": row.id, "transmission": each.id, "status": str(each.status), "reasons": reasons})
        else:
            head = f"{each.connection.identity} via {each.connection.backend}: {each.status}"
            output.line(f"{head}: {'; '.join(reasons)}")
