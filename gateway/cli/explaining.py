"""``explain``: why a message is not sent now, or a device sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.cli.outlook import Outlook


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID|DEVICE", help="A message id, or a device.")],
    as_json: output.Json = False,
) -> None:
    """Say why a message is not sent now, or why a device sends nothing.

    A device that is down, a quota and until when, hours, quiet hours, an opt-out, no route, a due time, and how many
    go before it.
    """
    from gateway.cli.outlook import Outlook
    from gateway.cli.reasons import Reasons
    from gateway.store import queries

    one = program.of(context)
    if what not in one.config().devices:
        one.require_database()
    outlook = Outlook(one)
    reasons_of = Reasons(one, outlook)
    if what in outlook.config.devices or what in outlook.rows:
        _device(what, outlook, reasons_of.of_device(what), as_json)
        return
    with one.store.read() as c:
        row = queries.message(c, what)
    if row is None:
        raise GatewayError(f"there is no message {what}")
    for each in row.transmissions:
        reasons = reasons_of.of(each, row) or ["nothing stands against it: it goes as soon as its turn comes"]
        if as_json:
            output.emit({"id": row.id, "transmission": each.id, "status": str(each.status), "reasons": reasons})
        else:
            head = f"{each.connection.identity} via {each.connection.backend}: {each.status}"
            output.line(f"{head}: {'; '.join(reasons)}")


def _device(name: str, outlook: Outlook, reasons: list[str], as_json: bool) -> None:
    """Print how a device stands: what it waits for, what waits for it, and what is left of its limits."""
    queued, oldest_ms = outlook.waiting(name)
    limiter, now = outlook.limiter(name), outlook.clock.mono()
    limits = [
        {"limit": str(each.rate), "kind": "quota" if each.quota else "rate", "left": each.left}
        for each in (limiter.describe(now) if limiter else ())
    ]
    row = outlook.rows.get(name)
    state = row.state if row and outlook.service_runs else "down"
    if as_json:
        output.emit({
            "device": name, "state": state, "reasons": reasons, "queued": queued,
            "oldest_queued_at": output.moment(oldest_ms), "limits": limits,
        })  # fmt: skip
        return
    output.line(f"{name}: {'; '.join(reasons) or 'nothing stands against it'}")
    since = f", the oldest since {output.moment(oldest_ms)}" if oldest_ms is not None else ""
    output.line(f"{queued} queued{since}")
    for each in limits:
        output.line(f"{each['left']} left of the {each['kind']} of {each['limit']}")
