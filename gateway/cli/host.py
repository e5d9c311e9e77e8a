"""``discover`` and ``doctor``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from gateway.cli import output, program
from gateway.errors import ConfigurationError


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(discover)
    app.command()(doctor)


def discover(context: typer.Context, as_json: output.Json = False) -> None:
    """Find modems, and print each as ready TOML."""
    from gateway.cli import discovery

    one = program.of(context)
    found = discovery.modems(_globs(one))
    if as_json:
        output.emit(*map(asdict, found))
        return
    for position, each in enumerate(found, 1):
        if each.trouble:
            output.note(f"{each.port}: {each.trouble}")
        else:
            for text in discovery.toml(each, f"modem{position}").splitlines():
                output.line(text)
            output.line("")
    if not any(not each.trouble for each in found):
        output.note(f"no modem answers on {' '.join(_globs(one))}; sms-gateway doctor looks for the cause")


def doctor(context: typer.Context, as_json: output.Json = False) -> None:
    """Check the host.

    Ports and who holds them, groups, ModemManager, clock, disk, power, database: each finding comes with its fix.
    """
    from gateway.cli import checkup

    findings = list(checkup.findings(program.of(context)))
    if as_json:
        output.emit(*map(asdict, findings))
    else:
        for each in findings:
            output.line(f"{each.level:4}  {each.check}: {each.finding}" + (f"; {each.fix}" if each.fix else ""))
    if any(each.level == checkup.FAIL for each in findings):
        raise typer.Exit(1)


def _globs(one: program.Program) -> tuple[str, ...]:
    """Where to look: what the config says, or the default where there is no good config yet."""
    from gateway.config.model import GatewaySection

    try:
        return one.config().gateway.ports
    except ConfigurationError:
        return GatewaySection().ports
