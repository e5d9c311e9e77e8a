"""The apps and backends of one router."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gateway.apps import loading
from gateway.apps.base import App
from gateway.backends import BackendBase
from gateway.config.model import Config, PythonBackendConfig
from gateway.errors import ConfigFault, ConfigurationError
from gateway.given import said

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

log = logging.getLogger("gateway.router")
OWN_KEYS = ("batch", "retries", "retry_delay", "backoff", "retry_most")
SHIPPED = {"queued": "gateway.router:QueuedRouter", "blocking": "gateway.router:BlockingRouter"}


class Registry:
    """What a router has been given: apps in the order of their phases, Python backends by name."""

    def __init__(self, router: BlockingRouter, config: Config) -> None:
        self._router = router
        self._config = config
        self.apps: list[App] = []
        self.backends: dict[str, BackendBase] = {}
        self.settings: dict[str, PythonBackendConfig] = {}
        self.missing: dict[str, str] = {}
        """Apps that couldn't be loaded, with the reason."""
        self._by_path: dict[str, App] = {}

    def load_apps(self, apps: Iterable[str | type[App]]) -> None:
        """Add apps; one that can't be loaded is logged and left out."""
        for path in apps:
            try:
                self.add_app(path)
            except ConfigurationError as error:
                self.missing[str(path)] = str(error)
                log.exception("going on without the app %s", path)

    def add_app(self, path: str | type[App], options: Mapping[str, Any] | None = None) -> App:
        """Load and add one app. Raises ConfigurationError; TypeError for a class that isn't an App."""
        if isinstance(path, str):
            found = loading.find(path)
        elif _is_a(path, App):
            found = path
        else:
            raise TypeError(f"an app is a path or a subclass of App, not {path!r}")
        if options is None:
            options = self._config.app.get(found.name, {})
        app = loading.build(found, self._router, options)
        self.apps.append(app)
        if isinstance(path, str):
            self._by_path[path] = app
        return app

    def get_app(self, path: str | type[App]) -> App:
        """Give a loaded app by path, class or name. Raises KeyError."""
        if isinstance(path, str) and path in self._by_path:
            return self._by_path[path]
        for app in self.apps:
            if path in (app.name, type(app), f"{type(app).__module__}", f"{type(app).__module__}:{type(app).__name__}"):
                return app
        raise KeyError(f"the router has no app {path!r}")

    def load_backends(self, backends: Mapping[str, Any]) -> None:
        """Add backends: by name, a class, a path, or a table with ``class`` and options. Raises ConfigurationError."""
        for name, given in backends.items():
            if isinstance(given, PythonBackendConfig):
                self.settings[name] = given
                self.add_backend(name, given.class_, given.options)
            elif isinstance(given, Mapping):
                self._add_table(name, given)
            else:
                self.add_backend(name, given)

    def _add_table(self, name: str, given: Mapping[str, Any]) -> None:
        table = {str(key).lower(): value for key, value in given.items()}
        found = table.pop("class", None) or table.pop("engine", None)
        if found is None:
            raise ConfigurationError([ConfigFault(None, None, f"backend.{name}", "has no class")])
        own = {key: table.pop(key) for key in OWN_KEYS if key in table}
        self.settings[name] = PythonBackendConfig.model_validate(
            {"name": name, "class": found if isinstance(found, str) else "gateway.backends:BackendBase", **own}
        )
        self.add_backend(name, found, table)

    def add_backend(
        self, name: str, backend: str | type[BackendBase], config: Mapping[str, Any] | None = None
    ) -> BackendBase:
        """Make and add one backend; the keys of its config are lower-cased. Raises ConfigurationError."""
        found = BackendBase.find(backend) if isinstance(backend, str) else backend
        if not _is_a(found, BackendBase):
            raise ConfigurationError(f"the backend {name} is not a BackendBase: {backend!r}")
        try:
            made = found(self._router, name, **dict(config or {}))
        except Exception as error:
            message = f"can't be made: {said(error)}"
            raise ConfigurationError([ConfigFault(None, None, f"backend.{name}", message)]) from error
        self.backends[name] = made
        given = self.settings.get(name)
        own = {} if given is None else {key: getattr(given, key) for key in OWN_KEYS if key in given.model_fields_set}
        settings = {"name": name, "class": f"{found.__module__}:{found.__name__}", **found.defaults}
        self.settings[name] = PythonBackendConfig.model_validate(settings).model_copy(update=own)
        return made

    def close(self) -> None:
        """Tell apps and backends that it is over; one that raises is logged."""
        for end in [*(app.stop for app in self.apps), *(backend.close for backend in self.backends.values())]:
            try:
                end()
            except Exception:  # the others must still hear of it
                log.exception("%r raised", end)


def _is_a(given: object, base: type) -> bool:
    return isinstance(given, type) and issubclass(given, base)


def router_class(path: str) -> Any:
    """Give what ``[gateway] router`` names, a class or an object. Raises ConfigurationError."""
    dotted = SHIPPED.get(path, path)
    module_name, _, name = dotted.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except Exception as error:
        message = f"{path!r} can't be loaded: {said(error)}"
        raise ConfigurationError([ConfigFault(None, None, "gateway.router", message)]) from error
    if not all(callable(getattr(found, method, None)) for method in ("receive_incoming", "send_outgoing")):
        message = f"{path!r} is not a router: it has no receive_incoming() and send_outgoing()"
        raise ConfigurationError([ConfigFault(None, None, "gateway.router", message)])
    return found
