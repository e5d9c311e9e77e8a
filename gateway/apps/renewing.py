"""Reading the code of apps again, so that a reload of the service takes what was edited."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from types import ModuleType

from gateway.config.model import Config, PythonBackendConfig
from gateway.errors import ConfigFault, ConfigurationError

OURS = ("gateway", "drivers")


def forget_code(config: Config) -> dict[str, ModuleType]:
    """Forget the modules of the user's apps, handlers and backends: the next import reads their files again.

    A whole package goes at once, so that its modules fit together. Returns what was forgotten, for ``restore``.
    """
    packages = {path.partition(":")[0].partition(".")[0] for path in _paths(config)} - {*OURS}
    found = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in packages}
    for name in found:
        del sys.modules[name]
    importlib.invalidate_caches()
    return found


def restore(forgotten: dict[str, ModuleType]) -> None:
    """Take the code of before: what has taken its place can't be used."""
    packages = {name.partition(".")[0] for name in forgotten}
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
    sys.modules.update(forgotten)


def check(config: Config) -> None:
    """Import what was forgotten. Raises ConfigurationError with every fault of the apps and backends."""
    from gateway import backends
    from gateway.apps import loading

    faults: list[ConfigFault] = []
    for place, path in enumerate(config.gateway.apps):
        try:
            loading.find(path)
        except ConfigurationError as error:
            faults.append(config.fault(f"gateway.apps[{place}]", str(error)))
    faults += backends.faults(config)
    if faults:
        raise ConfigurationError(faults)


def _paths(config: Config) -> Iterable[str]:
    yield from config.gateway.apps
    yield from (each.class_ for each in config.backend.values() if isinstance(each, PythonBackendConfig))
    for options in config.app.values():
        handlers = options.get("handlers", ())
        yield from (each for each in handlers if isinstance(each, str)) if isinstance(handlers, list | tuple) else ()
