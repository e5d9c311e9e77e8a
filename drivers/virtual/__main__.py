"""``python -m drivers.virtual modem|carrier``: a virtual device as a process of its own."""

from __future__ import annotations

import importlib
import sys

_MAINS = {"modem": "drivers.virtual.modem_main", "carrier": "drivers.virtual.carrier_main"}


def main(arguments: list[str]) -> int:
    """Run the named kind of device with the arguments behind its name. Returns the exit status."""
    if not arguments or arguments[0] not in _MAINS:
        sys.stderr.write("usage: python -m drivers.virtual {modem|carrier} [options]\n")
        return 2
    status: int = importlib.import_module(_MAINS[arguments[0]]).main(arguments[1:])
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
