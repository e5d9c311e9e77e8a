"""``contacts``: the contact book as CSV."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program

if TYPE_CHECKING:
    from gateway.apps.contactfile import Report

contacts = typer.Typer(no_args_is_help=True, help="The contact book: import and export.")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(contacts, name="contacts")


@contacts.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns name,backend,identity[,language,contact]; or -.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look for faults.")] = False,
    as_json: output.Json = False,
) -> None:
    """Take people into the contact book.

    All rows or none: one that is wrong keeps all of them out. Prints what became of each row.
    """
    from gateway.apps import contactfile
    from gateway.config.values import shown

    one = program.of(context)
    config = one.config()
    found, faults = contactfile.read(
        io.StringIO(_text(file)), {*config.devices, *config.backend}, config.gateway.region
    )
    if faults:
        _report(faults, as_json, file)
        output.note(f"sms-gateway: nothing was imported; {len(faults)} of the rows in {shown(str(file))} are wrong")
        raise typer.Exit(1)
    if dry_run:
        output.note(f"all {len(found)} rows are good")
        return
    _ = one.api
    _report(contactfile.load(found), as_json, file)


@contacts.command()
def export(context: typer.Context) -> None:
    """Print the contact book as CSV, one row for each connection."""
    from gateway.apps import contactfile

    one = program.of(context)
    one.require_database()
    _ = one.api
    contactfile.write(sys.stdout)


def _text(file: Path) -> str:
    from gateway.errors import GatewayError

    try:
        octets = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return octets.decode("utf-8-sig")
    except OSError as error:
        raise GatewayError(f"{file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GatewayError(f"{file} is not UTF-8 text; save it as UTF-8") from None


def _report(reports: list[Report], as_json: bool, file: Path) -> None:
    for each in reports:
        if as_json:
            output.emit({"line": each.line, "outcome": each.outcome, "what": each.what})
        elif each.outcome == "fault":
            output.note(f"{file}:{each.line}: {each.what}" if each.line else f"{file}: {each.what}")
        else:
            output.line(f"{each.line}: {each.outcome} {each.what}")
