"""From the paths in the config to app classes, and from classes to apps."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from gateway.apps.base import App
from gateway.errors import ConfigFault, ConfigurationError
from gateway.given import said


class _Config(Protocol):
    """The part of the config that is needed here."""

    @property
    def app(self) -> Mapping[str, Mapping[str, Any]]: ...


def find(path: str) -> type[App]:
    """Give the app class that a path names.

    ``"package"`` is its module ``app``; ``"package.module"`` holds exactly one App; ``"package.module:Class"``
    is that class. Raises ConfigurationError with one sentence, chained to what the import raised.

    >>> find("gateway.apps.echo").name
    'echo'
    """
    module_name, _, class_name = path.partition(":")
    module = _module(module_name)
    if class_name:
        found = getattr(module, class_name, None)
        if not (inspect.isclass(found) and issubclass(found, App)):
            raise ConfigurationError(f"{path} can't be loaded: {class_name} is not an App in {module.__name__}")
        return found
    own = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, App) and each.__module__ == module.__name__
    ]
    if len(set(own)) != 1:
        names = ", ".join(sorted(each.__name__ for each in set(own))) or "none"
        raise ConfigurationError(
            f"{path} can't be loaded: a module must hold exactly one App, {module.__name__} holds {names}; "
            f"write {module.__name__}:Class to choose one"
        )
    return own[0]


def build(app: type[App], router: Any, options: Mapping[str, Any]) -> App:
    """Make an app with its options. Raises ConfigurationError when its constructor or ``configure`` raises."""
    try:
        made = app(router)
        made.options = dict(options)
        made.configure(**made.options)
    except Exception as error:
        raise ConfigurationError(f"the app {app.name} can't be made: {said(error)}") from error
    return made


def faults(config: _Config, apps: tuple[str, ...]) -> list[ConfigFault]:
    """Say which apps of a config can't be loaded, and which option tables belong to no app."""
    found: list[ConfigFault] = []
    names: set[str] = set()
    for index, path in enumerate(apps):
        try:
            app = find(path)
            names.add(app.name)
            made = build(app, None, config.app.get(app.name, {}))
            found += [ConfigFault(None, None, f"app.{app.name}", each) for each in made.faults(config)]
        except ConfigurationError as error:
            found.append(ConfigFault(None, None, f"gateway.apps[{index}]", str(error)))
    found += [
        ConfigFault(None, None, f"app.{name}", f"no app of gateway.apps is called {name}")
        for name in config.app
        if name not in names and len(names) == len(apps)
    ]
    return found


def _module(name: str) -> Any:
    try:
        module = importlib.import_module(name)
        if hasattr(module, "__path__") and importlib.util.find_spec(f"{name}.app"):
            return importlib.import_module(f"{name}.app")
    except Exception as error:
        raise ConfigurationError(f"{name} can't be loaded: {said(error)}") from error
    return module
