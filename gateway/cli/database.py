"""``db upgrade``, ``db backup`` and ``db check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output, program

db = typer.Typer(no_args_is_help=True, help="Upgrade, copy or check the database.")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(db, name="db")


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
