"""Writes ``config.md`` from the models of ``gateway.config``, and ``cli.md`` from the commands.

Types, limits and defaults come from the code. What a key means is said in ``words.toml``, one sentence each; where that
has none, the docstring below the field says it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import pkgutil
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

import gateway.apps
from gateway.apps import loading
from gateway.cli.app import app
from gateway.config import devices, fields, http, model, servers, smpp_values, values
from gateway.config.secrets import ALLOWED, Secret
from gateway.errors import ConfigurationError

HERE = Path(__file__).parent
SECTIONS: dict[str, tuple[type[fields.Section], str]] = {
    "gateway": (model.GatewaySection, "[gateway]"),
    "device": (devices.DeviceConfig, "Every device"),
    "modem": (devices.ModemConfig, "[modem.NAME]"),
    "smpp": (devices.SmppConfig, "[smpp.NAME]"),
    "balance": (devices.BalanceConfig, "balance = { … }"),
    "outbind": (devices.OutbindConfig, "outbind = { … }"),
    "tls": (fields.TlsConfig, "tls = { … }"),
    "pool": (model.PoolConfig, "[backend.NAME], a pool"),
    "python": (model.PythonBackendConfig, "[backend.NAME], a class"),
    "calls": (http.CallOptions, "[backend.NAME], every class that speaks HTTP"),
    "http": (http.HttpOptions, "[backend.NAME], HttpBackend"),
    "kannel": (http.KannelOptions, "[backend.NAME], KannelBackend"),
    "vumi": (http.VumiOptions, "[backend.NAME], VumiBackend"),
    "route": (model.RouteRule, "[[route]]"),
    "source": (model.SourceConfig, "[source.ADDRESS]"),
    "server": (servers.SmppServerConfig, "[server.smpp]"),
    "user": (servers.UserConfig, "[server.smpp.user.NAME]"),
    "web": (servers.HttpServerConfig, "[server.http]"),
    "inbound": (servers.InboundConfig, "[server.http.in.NAME]"),
    "webuser": (servers.HttpUserConfig, "[server.http.user.NAME]"),
}
SHARED: dict[str, type[fields.Section]] = {
    **dict.fromkeys(("modem", "smpp"), devices.DeviceConfig),
    **dict.fromkeys(("http", "kannel", "vumi"), http.CallOptions),
}
"""Tables whose keys are in part those of another section."""
OWN = {"name", "options"}
"""Fields that are no keys: the name is the table's, ``options`` are the other keys."""
INNER = {"server": {"user"}, "web": {"in", "user"}}
"""Tables inside of a table, which have a section of their own."""
HELPERS = {"gateway.apps.base", "gateway.apps.outlet"}
"""Modules that hold an App that is none."""
WIDTH = 88
KINDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "duration": lambda bound: f"a duration, {values.span(bound['low'])} to {values.span(bound['high'])}",
    "whole": lambda bound: f"a whole number, {bound['low']} to {bound['high']}",
    "choice": lambda bound: values.one_of(bound["names"]),
    "word": lambda bound: bound["allowed"] + (f", at most {bound['most']} octets" if bound["most"] < 1000 else ""),
    "words": lambda bound: "a list of strings" + (", at least one" if bound["least"] else ""),
    "flag": lambda _: "true or false",
    "rate": lambda _: 'a rate: "10/minute"',
    "quotas": lambda _: 'a list of rates: ["200/day"]',
    "table": lambda _: "a table",
    "beside": lambda _: "a path; a relative one is beside the config file",
    "region": lambda _: 'two letters: "KE"',
    "_router": lambda _: '"queued", "blocking" or a dotted path',
    "_server_tls": lambda _: "a table",
    "version": lambda _: values.one_of(smpp_values.VERSIONS),
    "tlvs": lambda _: "a table",
    "statuses": lambda _: "a table",
    "names": lambda _: "a table",
    "_tls": lambda _: "true, false or a table",
}
"""What readers take, in words, from what they are bound to. Of the others the first line of their docstring says it."""
NONE = "\N{EN DASH}"
UNSAID = "*not said yet*"
MADE = "<!-- Written by docs/generate.py; edit words.toml or the code, then run it. -->\n\n"


def main() -> None:
    """Write both files."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The generated files by name."""
    return {"config.md": "".join(_config()), "cli.md": "".join(_commands())}


def keys(section: str) -> dict[str, FieldInfo]:
    """The keys of a table; those that it shares with others have a section of their own."""
    of = SECTIONS[section][0]
    around = SHARED.get(section)
    shared = around.model_fields.keys() - of.__annotations__.keys() if around else ()
    return {
        field.alias or name: field
        for name, field in of.model_fields.items()
        if (field.alias or name) not in OWN | INNER.get(section, set()) and name not in shared
    }


def words() -> dict[str, Any]:
    """What ``words.toml`` says, and below it the docstrings of the fields."""
    said = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    for section, (model_, _) in SECTIONS.items():
        below = {key: said_ for each in reversed(model_.__mro__) for key, said_ in _docstrings(each).items()}
        known = {key: below[key] for key in keys(section) if key in below}
        said[section]["keys"] = {**known, **said[section].get("keys", {})}
    return said


def _docstrings(model_: type) -> dict[str, str]:
    """The strings that stand below fields."""
    if not issubclass(model_, fields.Section):
        return {}
    (body,) = (node.body for node in ast.parse(inspect.getsource(model_)).body if isinstance(node, ast.ClassDef))
    found = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            said = str(ast.literal_eval(below.value)).replace("``", "`").rstrip(".")
            found[field.target.id] = " ".join((said[:1].lower() + said[1:]).split())
    return found


def _config() -> Iterator[str]:
    said = words()
    yield MADE + "# Configuration\n\n" + said["introduction"].strip() + "\n"
    for section, (_, title) in SECTIONS.items():
        heading = title if title == "Every device" else f"`{title}`"
        yield f"\n## {heading}\n\n{said[section]['about'].strip()}\n\n"
        yield "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
        for key, field in keys(section).items():
            default = said[section].get("defaults", {}).get(key) or _default(field)
            cells = (f"`{key}`", _allowed(field), default, said[section]["keys"].get(key, UNSAID))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    yield "\n" + said["apps"].strip() + "\n"
    yield from _apps()


def _apps() -> Iterator[str]:
    """The apps that come with the gateway, in the words of their modules and classes."""
    for found in pkgutil.iter_modules(gateway.apps.__path__, "gateway.apps."):
        try:
            each = loading.find(found.name)
        except ConfigurationError:
            continue  # a module that helps apps
        if found.name not in HELPERS:
            first = _doc(importlib.import_module(each.__module__)).partition("\n\n")[0]
            yield f"\n### `{found.name}`\n\n{first}\n\n{_doc(each)}\n"


def _doc(of: object) -> str:
    """A docstring as Markdown."""
    return str(inspect.getdoc(of)).replace("``", "`")


def _allowed(field: FieldInfo) -> str:
    """What may be written, from the type and the reader of a field."""
    if field.annotation in (Secret, Secret | None):
        return f"a secret: {ALLOWED}"
    reader = _reader(field)
    kind = reader.__qualname__.partition(".")[0]
    if kind in KINDS:
        return KINDS[kind](inspect.getclosurevars(reader).nonlocals)
    said = str(inspect.getdoc(reader)).splitlines()[0].replace("``", "`").rstrip(".")
    return said[:1].lower() + said[1:]


def _reader(field: FieldInfo) -> Any:
    for each in (*field.metadata, *_metadata(field.annotation)):
        if function := getattr(each, "func", None):
            return function
    raise KeyError(f"a field without a reader: {field}")


def _metadata(annotation: Any) -> Iterator[Any]:
    """What ``Annotated`` holds inside of ``X | None``."""
    yield from getattr(annotation, "__metadata__", ())
    for each in typing.get_args(annotation):
        yield from getattr(each, "__metadata__", ())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=False)
    if field.default_factory or value is None or value == ():
        return NONE
    if _reader(field).__qualname__.startswith("duration"):
        return f"`{values.span(value)}`"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _commands() -> Iterator[str]:
    said = words()
    root = typer.main.get_command(app)
    yield MADE + "# Command line\n\n" + said["command_line"].strip() + "\n\n"
    yield from _command(root, "sms-gateway", None)


def _command(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=WIDTH, **{
        key: value for key, value in command.context_settings.items() if key == "help_option_names"
    })  # fmt: skip
    path = context.command_path
    if path != "sms-gateway":
        yield f"## `{path.removeprefix('sms-gateway ')}`\n\n"
    yield f"```text\n{_trimmed(command.get_help(context))}\n```\n\n"
    subcommands: Mapping[str, Any] = getattr(command, "commands", {})
    for each, sub in subcommands.items():
        yield from _command(sub, each, context)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    main()
