"""The base of backends in Python."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.config.model import Config, PythonBackendConfig
from gateway.errors import ConfigFault, ConfigurationError

if TYPE_CHECKING:
    from gateway.router import BlockingRouter
    from gateway.store.types import Backend


class BackendBase:
    """A backend in Python: ``[backend.NAME] class = "package.module:Class"``. Override ``send``.

    >>> class Printing(BackendBase):
    ...     def send(self, id_, text, identities, context):
    ...         print(text, identities)
    >>> Printing(None, "print").send("id", "hello", ["+1"], {})
    hello ['+1']
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    """What ``batch``, ``retries``, ``retry_delay`` (``"10s"``), ``backoff``, ``retry_most`` are unless configured."""

    def __init__(self, router: BlockingRouter | None, name: str, **config: Any) -> None:
        self.router = router
        self.name = name
        self.configure(**{key.lower(): value for key, value in config.items()})

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<backend: {self.name}>"

    def configure(self, *_: Any, **config: Any) -> None:
        """Take the other keys of ``[backend.NAME]``, lower-cased. Raise TypeError or ValueError for a bad one."""

    @classmethod
    def option_faults(cls, options: Mapping[str, Any], base: Path | None) -> Iterable[tuple[str, str]]:  # noqa: ARG003
        """Give what is wrong with the other keys of ``[backend.NAME]``, each as a key and a sentence, for ``check``.

        ``base``: the folder of the config file, where relative paths begin. Nothing unless overridden.
        """
        return ()

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> Any:
        """Carry ``text`` to every identity.

        Try all of them; when some fail, raise ``MessageSendingError(failed_identities=[…])``. Those not listed
        count as sent; anything else that is raised means that nobody got it. Failed ones are tried again later, but
        for those that the error has in ``refused``.
        ``context`` has ``fields``, and ``in_response_to`` and ``external_id`` where there are any.
        """
        raise NotImplementedError(f"{type(self).__name__} has no send()")

    def close(self) -> None:
        """Called when the router is closed."""

    @property
    def model(self) -> Backend:
        """The stored row of this backend, made when there is none."""
        if self.router is None:
            raise RuntimeError("this backend belongs to no router")
        return self.router.backend_row(self.name)

    @classmethod
    def find(cls, path: str) -> type[BackendBase]:
        """Give the class that ``"package.module:Class"`` names. Raises ConfigurationError."""
        module_name, _, class_name = path.replace(":", ".").rpartition(".")
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except Exception as error:
            raise ConfigurationError(f"the backend {path} can't be loaded: {type(error).__name__}: {error}") from error
        if not (isinstance(found, type) and issubclass(found, BackendBase)):
            raise ConfigurationError(f"the backend {path} can't be loaded: {class_name} is not a BackendBase")
        return found


def faults(config: Config) -> list[ConfigFault]:
    """Give the faults of a config's backends in Python: classes that can't be loaded, and options they don't take."""
    found: list[ConfigFault] = []
    base = config.path.absolute().parent if config.path else None
    for name, each in config.backend.items():
        if not isinstance(each, PythonBackendConfig):
            continue
        try:
            wrong = BackendBase.find(each.class_).option_faults(each.options, base)
        except ConfigurationError as error:
            found.append(config.fault(f"backend.{name}.class", str(error)))
        else:
            found += [config.fault(f"backend.{name}.{key}" if key else f"backend.{name}", why) for key, why in wrong]
    return found
