"""``python -m drivers.virtual modem``: one virtual modem as a process of its own."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from drivers.virtual.options import ModemOptions
from drivers.virtual.runner import Runner

_WORDS = ("name", "number", "imei", "imsi", "iccid", "maker", "smsc", "operator", "pin", "puk", "report_memory")
_NUMBERS = ("signal", "pin_tries", "puk_tries", "sm_size", "me_size", "sr_size", "reference")
_PATHS = ("log", "state", "control", "link")


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status: 2 for wrong options."""
    parser = _parser()
    try:
        options = _options(vars(parser.parse_args(arguments)))
        runner = Runner()
        plugged = runner.add(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"virtual modem: {error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: runner.stop())
    control = None if options.control is None else str(options.control)
    ready = {"port": str(plugged.port.name), "pty": str(plugged.port.path), "control": control, "imei": options.imei,
             "number": options.number}  # fmt: skip
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    runner.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drivers.virtual modem", description="A virtual GSM modem on a pty."
    )
    for name in _WORDS:
        parser.add_argument(_flag(name), metavar="TEXT")
    for name in _NUMBERS:
        parser.add_argument(_flag(name), type=int, metavar="N")
    for name in _PATHS:
        parser.add_argument(_flag(name), metavar="PATH")
    parser.add_argument("--send-time", type=float, metavar="S", help="seconds that the network takes for a message")
    parser.add_argument("--transit", type=float, metavar="S", help="seconds until it arrives at a virtual device")
    parser.add_argument("--text-mode", action="store_true", default=None, help="in text mode at start")
    parser.add_argument("--at-prompt", action="store_true", default=None, help="left at the > prompt")
    parser.add_argument("--ussd", action="append", metavar="CODE=ANSWER")
    parser.add_argument("--faults", action="append", metavar="NAME=VALUE", help="a TOML line, as silence='pdu'")
    parser.add_argument("--options", metavar="PATH", help="a TOML file with the same names; the command line wins")
    return parser


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _options(given: dict[str, Any]) -> ModemOptions:
    path = given.pop("options")
    values: dict[str, Any] = {} if path is None else tomllib.loads(Path(path).read_text(encoding="utf-8"))
    faults = tomllib.loads("\n".join(given.pop("faults") or ()))
    ussd = dict(line.split("=", 1) for line in given.pop("ussd") or ())
    names = {item.name for item in fields(ModemOptions)}
    values.update({name: value for name, value in given.items() if name in names and value is not None})
    values["faults"] = {**values.get("faults", {}), **faults}
    values["ussd"] = {**values.get("ussd", {}), **ussd}
    return ModemOptions.of(values)
