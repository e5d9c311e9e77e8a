"""``tester`` and ``handlers``: what the apps of a config do, tried and listed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.apps.base import App
    from gateway.config import Config


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tester")(play)
    app.command()(handlers)


def play(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Who you are.")] = "+15550000001",
    apart: Annotated[bool, typer.Option("--apart", help="In a database that is thrown away; nothing is sent.")] = False,
) -> None:
    """Play a phone.

    Each line that you type is a message of NUMBER to the apps of the config, at the backend "tester"; what is sent
    to it is shown. /number NUMBER makes you somebody else, Ctrl-D ends it. The messages are in the database like any
    others, and what an app sends to other backends is really sent, unless --apart is given.
    """
    from gateway.cli import phone

    with phone.place(program.of(context), apart):
        mine = phone.Phone(program.of(context), number)
        if sys.stdin.isatty():
            output.note(f"You are {number}. Write a message; Ctrl-D ends it.")
        with mine.looking():
            for line in sys.stdin:
                mine.say(line.rstrip("\n"))


def handlers(context: typer.Context, as_json: output.Json = False) -> None:
    """List the keywords of the apps, and those that clash.

    In the order in which the apps are asked: of two handlers that want one word, the first gets it.
    """
    from gateway.apps.handlers import HandlersApp, KeywordHandler, PatternHandler, clashes

    config = program.of(context).config()
    found = [(app, each) for app in _apps(config) if isinstance(app, HandlersApp) for each in app.handlers]
    rows = []
    for app, each in found:
        kind, word = "own", ""
        if issubclass(each, KeywordHandler):
            kind, word = "keyword", each.keyword
        elif issubclass(each, PatternHandler):
            kind, word = "pattern", each.pattern
        rows.append({"app": app.name, "kind": kind, "word": word, "handler": f"{each.__module__}.{each.__qualname__}"})
    both = [
        {"clash": word, "taken_by": f"{a.__module__}.{a.__qualname__}", "missed_by": f"{b.__module__}.{b.__qualname__}"}
        for word, a, b in clashes([each for _, each in found])
    ]
    if as_json:
        output.emit(*rows, *both)
        return
    if rows:
        output.table(["APP", "KIND", "WORD", "HANDLER"], [list(row.values()) for row in rows])
    for each_clash in both:
        output.line(f"clash: {each_clash['clash']!r} goes to {each_clash['taken_by']}, not {each_clash['missed_by']}")


def _apps(config: Config) -> Iterator[App]:
    """The apps of a config, made without a router. Raises ConfigurationError with every one that can't be."""
    from gateway.apps import loading
    from gateway.config import beside

    beside.find_code(config.path)
    faults = [config.fault(each.path, each.message) for each in loading.faults(config, config.gateway.apps)]
    if faults:
        raise ConfigurationError(faults)
    for path in config.gateway.apps:
        app = loading.find(path)
        yield loading.build(app, None, config.app.get(app.name, {}))
