"""``run``, ``demo``, ``check`` and ``virtual``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program
from gateway.errors import ConfigFault, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config


class Kind(StrEnum):
    """The virtual devices."""

    MODEM = "modem"
    CARRIER = "carrier"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(demo)
    app.command()(check)
    as_they_are = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command(context_settings=as_they_are)(virtual)


def run(context: typer.Context) -> None:
    """Run the service in the foreground, until SIGTERM or Ctrl-C."""
    from gateway.config import Secrets
    from gateway.service import root

    config = program.of(context).config(Secrets.REQUIRED)
    for warning in config.warnings:
        output.note(f"{warning}")
    raise typer.Exit(root.run(config))


def demo() -> None:
    """Run everything without hardware: a virtual modem, a virtual carrier, the echo app."""
    from gateway.service.demo import run as show

    raise typer.Exit(show())


def check(context: typer.Context) -> None:
    """Check the config: every fault as FILE:LINE: path: what is wrong, what is allowed."""
    from gateway.config import Secrets

    config = program.of(context).config(Secrets.CHECK)
    faults = list(_code_faults(config))
    if faults:
        raise ConfigurationError(sorted(faults, key=lambda fault: fault.line or 0))
    for warning in config.warnings:
        output.note(f"{warning} (warning)")
    output.line(f"{config.path}: good")


def _code_faults(config: Config) -> Iterator[ConfigFault]:
    """Faults of the Python code that the config names."""
    from gateway.apps import loading
    from gateway.backends import BackendBase
    from gateway.config import PythonBackendConfig
    from gateway.router import registry

    for fault in loading.faults(config, config.gateway.apps):
        yield config.fault(fault.path, fault.message)
    try:
        registry.router_class(config.gateway.router)
    except ConfigurationError as error:
        yield from (config.fault("gateway.router", fault.message) for fault in error.faults)
    for name, backend in config.backend.items():
        if isinstance(backend, PythonBackendConfig):
            try:
                BackendBase.find(backend.class_)
            except ConfigurationError as error:
                yield from (config.fault(f"backend.{name}.class", fault.message) for fault in error.faults)


def virtual(context: typer.Context, kind: Annotated[Kind, typer.Argument(metavar="modem|carrier")]) -> None:
    """Run a virtual modem or carrier by itself, for rehearsals; --help behind the kind shows its options."""
    from drivers.virtual.__main__ import main

    raise typer.Exit(main([str(kind), *context.args]))
