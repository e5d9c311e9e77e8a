"""``discover`` and ``doctor``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import output, program
from gateway.cli.finding import FAIL
from gateway.errors import ConfigurationError


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(discover)
    app.command()(doctor)


def discover(context: typer.Context, as_json: output.Json = False) -> None:
    """Find modems, and print each as ready TOML."""
    from drivers.gsm.discover import discover as look

    one = program.of(context)
    found = look(_globs(one))
    if as_json:
        output.emit(*map(asdict, found))
        return
    for each in found:
        if each.problem:
            output.note(f"{each.port}: {each.problem}")
        else:
            for text in each.toml.splitlines():
                output.line(text)
            output.line("")
    if all(each.problem for each in found):
        output.note(f"no modem answers on {' '.join(_globs(one))}; sms-gateway doctor looks for the cause")


def doctor(
    context: typer.Context,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write all that a helper needs to know into a new .tar.gz."),
    ] = None,
    as_json: output.Json = False,
) -> None:
    """Check the host.

    Ports and who holds them, groups, ModemManager, clock, disk, power, USB, carriers, PINs, database: each finding
    comes with its fix. A bundle holds no text, no whole number and no secret.
    """
    from gateway.cli import bundling, checkup

    findings = list(checkup.findings(program.of(context)))
    if bundle is not None:
        bundling.write(bundle, program.of(context), findings)
        output.note(f"wrote {bundle}")
    if as_json:
        output.emit(*map(asdict, findings))
    else:
        for each in findings:
            output.line(f"{each.level:4}  {each.check}: {each.finding}" + (f"; {each.fix}" if each.fix else ""))
    if any(each.level == FAIL for each in findings):
        raise typer.Exit(1)


def _globs(one: program.Program) -> tuple[str, ...]:
    """Where to look: what the config says, or the default where there is no good config yet."""
    from gateway.config.model import GatewaySection

    try:
        return one.config().gateway.ports
    except ConfigurationError:
        return GatewaySection().ports
