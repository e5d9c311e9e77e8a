"""``db upgrade``, ``db backup``, ``db restore``, ``db check``, and ``factory-reset``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output, program
from gateway.errors import StoreError

db = typer.Typer(no_args_is_help=True, help="Upgrade, copy, restore or check the database.")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(db, name="db")
    app.command(name="factory-reset")(factory_reset)


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database up to this version's schema, or make it."""
    one = program.of(context)
    _ = one.store
    output.line(f"{one.database}: the schema is that of this version")


@db.command()
def backup(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")]) -> None:
    """Write a consistent copy, while the service runs too."""
    one = program.of(context)
    one.require_database()
    one.store.backup(file)
    output.line(str(file))


@db.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made with db backup, on whichever host.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the database that is there; it is kept aside.")
    ] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Let what is queued in the copy wait for a release.")] = False,
) -> None:
    """Put a copy in the place of the database: messages, queue, quotas, contacts. The service must not run.

    What was queued when the copy was made, and has been sent since, would be sent again: --hold prevents it.
    """
    from gateway import lock
    from gateway.store import restoring

    one = program.of(context)
    target = _file(one)
    with lock.hold(one.config().gateway.state):
        if target.exists() and not force:
            raise StoreError(f"there is a database at {target}; --force replaces it and keeps it aside")
        aside = restoring.restore(file, target)
        if aside:
            output.note(f"the database of before is kept as {aside}")
        held = _hold_queue(one) if hold else 0
    queued = f"; {held} queued messages are held" if hold else ""
    output.line(f"{target}: restored from {file}{queued}")


def _hold_queue(one: program.Program) -> int:
    from gateway.store import outbox, queries
    from gateway.store.types import Direction, Status

    wanted = queries.MessageFilter(direction=Direction.OUT, status=Status.QUEUED, limit=10**9)
    with one.store.read() as c:
        ids = {row.message_id for row, _ in queries.messages(c, wanted)}
    return one.store.write(lambda c: sum(outbox.hold(c, each, output.now_ms()).count for each in sorted(ids)))


def _file(one: program.Program) -> Path:
    """The file of the database. Raises StoreError when it is on a server."""
    if not one.config().gateway.database.startswith("sqlite:"):
        raise StoreError("the database is on a server; use its own tools, pg_dump and pg_restore")
    return Path(one.database)


def factory_reset(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete all messages, contacts and copies, the config and its secrets; the example config comes back.

    The service must not run. Quotas that are used up, pauses and refused PINs are forgotten too.
    """
    from gateway import lock
    from gateway.cli import resetting

    one = program.of(context)
    with lock.hold(one.config().gateway.state):
        doomed = resetting.doomed(one.config(), _file(one))
        for path in doomed:
            output.note(str(path))
        if not yes:
            typer.confirm("Delete these for ever?", abort=True, err=True)
        resetting.reset(one.config(), doomed)
    output.line("everything is as after the first installation; systemctl start sms-gateway begins anew")


@db.command()
def check(context: typer.Context) -> None:
    """Check the whole database."""
    one = program.of(context)
    one.require_database()
    faults = one.store.check()
    for fault in faults:
        output.note(f"{one.database}: {fault}")
    if faults:
        raise typer.Exit(1)
    output.line(f"{one.database}: good")
