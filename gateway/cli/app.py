"""The commands by name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli import (
    accounts,
    carriers,
    changing,
    database,
    devices,
    explaining,
    hooks,
    host,
    people,
    program,
    reading,
    sending,
    service,
    trying,
)

app = typer.Typer(
    name="sms-gateway", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sms-gateway {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="FILE",
            help="The config; else $SMS_GATEWAY_CONFIG, ./gateway.toml, /etc/sms-gateway/gateway.toml.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an unexpected error came from.")] = False,
    _show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Send and receive SMS through GSM modems and SMPP carriers, behind one durable queue."""
    one = program.of(context)
    one.file, one.debug = config, debug
    if not debug:
        # What goes wrong ends as one sentence; only `run` logs, and sets up its own handlers.
        logging.getLogger("gateway").addHandler(logging.NullHandler())


for each in (
    service, sending, reading, explaining, changing, devices, carriers, host, database, accounts, people, hooks, trying,
):  # fmt: skip
    each.add(app)
