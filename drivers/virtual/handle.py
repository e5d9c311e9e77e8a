"""A virtual modem inside the process of its user, for ``port = "virtual"``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.virtual.options import ModemOptions
from drivers.virtual.runner import Runner


@dataclass(frozen=True, slots=True)
class VirtualPort:
    """Where a virtual modem is found."""

    path: Path
    """What a driver opens."""
    imei: str
    number: str
    control: Path | None
    """The socket for ``drivers.virtual.control.Control``, when one was asked for."""


@contextmanager
def virtual_modem(options: Mapping[str, Any], name: str = "virtual") -> Iterator[VirtualPort]:
    """Serve a virtual modem on a thread of its own while the context is open.

    ``options`` are those of ``drivers.virtual.options.ModemOptions``; what is missing follows from ``name``, so that
    a device keeps its IMEI, number and SIM over restarts. Raises ValueError for wrong options, OSError when the port
    can't be made.
    """
    runner = Runner()
    modem_options = ModemOptions.of({"name": name, **options})
    plugged = runner.add(modem_options)
    path = plugged.port.name
    assert path is not None
    thread = threading.Thread(target=runner.run, name=f"virtual modem {name}", daemon=True)
    thread.start()
    try:
        yield VirtualPort(path, modem_options.imei, modem_options.number, modem_options.control)
    finally:
        runner.stop()
        thread.join()
