"""Which driver serves which device. Each library is imported only by the process that needs it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from drivers.base import Driver, DriverError

DRIVERS = {
    ("modem", "gammu"): "drivers.gsm.gammu_driver:GammuDriver",
    ("modem", "at"): "drivers.gsm.at_driver:AtDriver",
    ("smpp", "smpp"): "drivers.smpp.driver:SmppDriver",
    ("server", "smpp"): "drivers.smpp.server.driver:ServerDriver",
}


def load(kind: str, options: Mapping[str, Any]) -> Driver:
    """The driver of a device, made from its options.

    Args:
        kind: ``modem``, ``smpp`` or ``server``.
        options: ``name``, ``driver`` (where the kind has several; ``package.module:Class`` names one of
            your own) and what the driver itself documents.

    Raises:
        DriverError: there is no such driver, or its library is missing.
    """
    name = str(options.get("driver", kind))
    try:
        path = name if ":" in name else DRIVERS[kind, name]
        module, _, attribute = path.partition(":")
        return cast("Driver", getattr(importlib.import_module(module), attribute)(options))
    except KeyError:
        known = ", ".join(driver for of, driver in DRIVERS if of == kind)
        raise DriverError(f"no driver {name!r} for a {kind}; there are: {known or 'none'}") from None
    except (ImportError, AttributeError) as error:
        raise DriverError(f"the driver {name!r} can't be loaded: {error}") from error
