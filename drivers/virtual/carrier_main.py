"""``python -m drivers.virtual carrier``: one virtual carrier as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

from drivers.virtual.carrier import Carrier, CarrierAccount, CarrierOptions, event_loop
from drivers.virtual.carrier_control import serve_control
from drivers.virtual.carrier_messages import ID_FORMS

_PATHS = ("log", "control", "cert", "key", "client_ca")


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; the first line says where. Returns the exit status: 2 for wrong options."""
    try:
        options = _options(_parser().parse_args(arguments))
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(_serve(options))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"virtual carrier: {error}\n")
        return 2
    return 0


async def _serve(options: CarrierOptions) -> None:
    carrier = Carrier(options)
    host, port = await carrier.start()
    if options.control:
        await serve_control(carrier, options.control)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(json.dumps({"host": host, "port": port, "control": options.control}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    carrier.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drivers.virtual carrier", description="A virtual SMPP carrier.")
    parser.add_argument("--account", action="append", metavar="ID:PASSWORD[:NUMBER,…[:BINDS]]", help="who may bind")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--system-id", default="virtual", metavar="TEXT")
    parser.add_argument("--id-form", default="hex", choices=ID_FORMS)
    parser.add_argument("--receipt-delay", type=float, default=0.5, metavar="S")
    parser.add_argument("--retry", type=float, default=1.0, metavar="S")
    for name in _PATHS:
        parser.add_argument("--" + name.replace("_", "-"), metavar="PATH")
    parser.add_argument("--faults", action="append", metavar="NAME=VALUE", help="a TOML line, as latency=0.02")
    return parser


def _options(given: argparse.Namespace) -> CarrierOptions:
    values: dict[str, Any] = vars(given)
    values["faults"] = tomllib.loads("\n".join(values["faults"] or ()))
    values["accounts"] = tuple(_account(text) for text in values.pop("account") or ("demo:demo:+4479460000",))
    return CarrierOptions(**values)


def _account(text: str) -> CarrierAccount:
    system_id, _, rest = text.partition(":")
    password, _, rest = rest.partition(":")
    numbers, _, binds = rest.partition(":")
    return CarrierAccount(system_id, password, tuple(filter(None, numbers.split(","))), int(binds or 100))
