"""``cancel``, ``hold``, ``release`` and ``resend``: messages by id, or all that fit a filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import moments, output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.store.bulk import Selection
    from gateway.store.outbox import Changed

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID…", show_default=False, help="Message ids.")]
ByStatus = Annotated[str | None, typer.Option("--status", metavar="STATUS", help="All that have this status.")]
ByBackend = Annotated[str | None, typer.Option("--backend", metavar="BACKEND", help="All through this backend.")]
ByNumber = Annotated[str | None, typer.Option("--to", metavar="PREFIX", help="All to numbers that begin so.")]
Before = Annotated[str | None, typer.Option("--before", metavar="TIME", help="All stored before (ISO 8601).")]
Yes = Annotated[bool, typer.Option("--yes", help="More than one at once.")]
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
    def command(
        context: typer.Context, ids: Ids = None, status: ByStatus = None, backend: ByBackend = None,
        to: ByNumber = None, before: Before = None, yes: Yes = False, as_json: output.Json = False,
    ) -> None:  # fmt: skip
        one = program.of(context)
        filtered = any(each is not None for each in (status, backend, to, before))
        if bool(ids) == filtered:
            message = "write message ids, or a filter of --status, --backend, --to and --before"
            raise typer.BadParameter(message, param_hint=verb)
        if filtered:
            _all(one, verb, _selection(status, backend, to, before), yes, as_json)
            return
        good = [_change(one, verb, message_id, as_json) for message_id in dict.fromkeys(ids or ())]
        one.poke()
        if not all(good):
            raise typer.Exit(1)

    return command


def _selection(status: str | None, backend: str | None, to: str | None, before: str | None) -> Selection:
    from gateway.store.bulk import Selection
    from gateway.store.types import Status

    until = moments.parse(before, "--before", datetime.now(UTC))
    return Selection(
        status=None if status is None else Status(output.one_of(status, tuple(Status), "--status")),
        backend=backend,
        to=to,
        before_ms=None if until is None else int(until.timestamp() * 1000),
    )


def _all(one: program.Program, verb: str, which: Selection, yes: bool, as_json: bool) -> None:
    """Apply a verb to all that fits, and print how many that were. Raises GatewayError when it would be many."""
    from gateway.store import bulk
    from gateway.store.verbs import VERBS as KNOWN

    one.require_database()
    with one.store.read() as c:
        count = bulk.count(c, verb, which)
    if count > 1 and not yes:
        raise GatewayError(f"{count} transmissions would be {KNOWN[verb].done}; --yes does it")
    changed = bulk.change(one.store, verb, which, output.now_ms()) if count else 0
    one.poke()
    if as_json:
        output.emit({"verb": verb, "changed": changed})
    else:
        output.line(f"{changed} {KNOWN[verb].done}")


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
