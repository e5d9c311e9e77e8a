"""``cancel``, ``hold``, ``release`` and ``resend``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program

if TYPE_CHECKING:
    from gateway.store.outbox import Changed

Ids = Annotated[list[str], typer.Argument(metavar="ID…", show_default=False, help="Message ids.")]
VERBS = {
    "cancel": "Cancel what has not left yet.",
    "hold": "Keep what is queued until it is released.",
    "release": "Queue what is held.",
    "resend": "Queue again what was not sent.\n\nWhat failed, expired, was cancelled or is unknown.",
}


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for verb, help_ in VERBS.items():
        app.command(verb, help=help_)(_command(verb))


def _command(verb: str) -> Callable[..., None]:
    def command(context: typer.Context, ids: Ids, as_json: output.Json = False) -> None:
        one = program.of(context)
        good = [_change(one, verb, message_id, as_json) for message_id in dict.fromkeys(ids)]
        one.poke()
        if not all(good):
            raise typer.Exit(1)

    return command


def _change(one: program.Program, verb: str, message_id: str, as_json: bool) -> bool:
    """Apply a verb to one message and print how it stands now. False when it was refused."""
    from gateway.store import outbox, queries

    act = {"cancel": outbox.cancel, "hold": outbox.hold, "release": outbox.release, "resend": outbox.resend}[verb]
    changed: Changed = one.store.write(lambda c: act(c, message_id, output.now_ms()))
    if not changed.known:
        output.note(f"sms-gateway: there is no message {message_id}")
        return False
    for sentence in changed.refused:
        output.note(f"sms-gateway: {message_id}: {sentence}")
    with one.store.read() as c:
        row = queries.message(c, message_id)
    assert row, "messages don't vanish"
    if as_json:
        output.emit(*(output.transmission(each, row) for each in row.transmissions))
    else:
        statuses = dict.fromkeys(str(each.status) for each in row.transmissions)
        output.line(f"{message_id} {', '.join(statuses)}")
    return not changed.refused
