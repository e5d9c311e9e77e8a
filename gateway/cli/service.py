"""``run``, ``demo``, ``check`` and ``virtual``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program
from gateway.errors import ConfigFault, ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Config


KINDS = ("modem", "carrier")


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(demo)
    app.command()(check)
    as_they_are = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command(context_settings=as_they_are)(virtual)


def run(context: typer.Context) -> None:
    """Run the service in the foreground.

    SIGTERM or Ctrl-C ends it, SIGHUP reads the config again.
    """
    from gateway.config import Secrets
    from gateway.service import root

    config = program.of(context).config(Secrets.REQUIRED)
    for warning in config.warnings:
        output.note(f"{warning}")
    raise typer.Exit(root.run(config))


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C; on a terminal it does anyway.")] = False,
) -> None:
    """Run everything, without hardware.

    A virtual modem, a virtual carrier and the echo app, with the real service between them. Prints the path of the
    config that it wrote, so that a second terminal can use -c.
    """
    from gateway.service.demo import run as show

    raise typer.Exit(show(keep=keep))


def check(context: typer.Context) -> None:
    """Check the config.

    Every fault is printed as FILE:LINE: path: what is wrong, what is allowed.
    """
    from gateway.config import Secrets

    config = program.of(context).config(Secrets.CHECK)
    faults = list(_code_faults(config))
    if faults:
        raise ConfigurationError(sorted(faults, key=lambda fault: fault.line or 0))
    for warning in _news(program.of(context), config):
        output.note(f"{warning} (warning)")
    output.line(f"{config.path}: good")


def _news(one: program.Program, config: Config) -> Iterator[ConfigFault]:
    """The warnings, but for a pool's devices of other gateways that the shared queue has seen already."""
    from gateway.config.model import PoolConfig

    foreign = {
        f"backend.{name}.devices[{position}]": device
        for name, pool in config.backend.items()
        if isinstance(pool, PoolConfig)
        for position, device in enumerate(pool.devices)
        if device not in config.devices
    }
    seen = _seen(one) if foreign else set()
    yield from (warning for warning in config.warnings if foreign.get(warning.path) not in seen)


def _seen(one: program.Program) -> set[str]:
    from gateway.store import devices

    try:
        if not one.has_database:
            return set()
        with one.store.read() as c:
            return {row.name for row in devices.all(c) if row.node}
    except StoreError:
        return set()  # `doctor` is who says what is wrong with the database


def _code_faults(config: Config) -> Iterator[ConfigFault]:
    """Faults of the Python code that the config names."""
    from gateway import backends
    from gateway.apps import loading
    from gateway.config import beside
    from gateway.router import registry

    beside.find_code(config.path)
    for fault in loading.faults(config, config.gateway.apps):
        yield config.fault(fault.path, fault.message)
    try:
        registry.router_class(config.gateway.router)
    except ConfigurationError as error:
        yield from (config.fault("gateway.router", fault.message) for fault in error.faults)
    yield from backends.faults(config)


def virtual(context: typer.Context, kind: Annotated[str, typer.Argument(metavar="modem|carrier")]) -> None:
    """Run a virtual modem or carrier by itself.

    It is a program of its own, for rehearsals: its port or address goes into a config like that of a real one.
    --help behind the kind shows its options.
    """
    if kind in ("-h", "--help"):
        typer.echo(context.get_help())
        return
    from drivers.virtual.__main__ import main

    raise typer.Exit(main([output.one_of(kind, KINDS, "modem|carrier"), *context.args]))
