"""What commands share: the config and the database, each opened when a command first needs it.

Everything heavy is imported inside functions: ``sms-gateway count`` must not wait for a database library.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import StoreError

if TYPE_CHECKING:
    from types import ModuleType

    from gateway.config import Config, Secrets
    from gateway.session import Session
    from gateway.store.engine import Store


class Program:
    """One run of the command. ``file`` is what ``-c`` names; ``debug`` shows traces."""

    def __init__(self) -> None:
        self.file: Path | None = None
        self.debug = False
        self._config: Config | None = None
        self._session: Session | None = None
        self._adopted = False

    def config(self, secrets: Secrets | None = None) -> Config:
        """The config. Raises ConfigurationError."""
        if self._config is None:
            from gateway.config import Secrets, load

            self._config = load(self.file, secrets=secrets or Secrets.LATER)
        return self._config

    def use(self, config: Config) -> None:
        """Work on this config from now on. Before anything was opened."""
        self._config = config

    @property
    def store(self) -> Store:
        """The database, made when there is none. Raises StoreError."""
        if self._session is None:
            from gateway import session

            self._session = session.Session(self.config())
        return self._session.store

    @property
    def api(self) -> ModuleType:
        """``gateway.api``, at work on this config and database. Raises ConfigurationError, StoreError."""
        from gateway import api

        if not self._adopted:
            _ = self.store
            api.adopt(self._session)
            self._adopted = True
        return api

    @property
    def database(self) -> str:
        """The database as a person may see it: a file, or a host and a name, without the password."""
        url = self.config().gateway.database.partition("?")[0]
        return url.removeprefix("sqlite:///") if url.startswith("sqlite:") else url.rpartition("@")[2]

    @property
    def has_database(self) -> bool:
        """Whether there is a database to look into; a look must not make one."""
        return not self.config().gateway.database.startswith("sqlite:") or Path(self.database).exists()

    def require_database(self) -> None:
        """Raise StoreError when there is no database."""
        if not self.has_database:
            raise StoreError(f"there is no database at {self.database}; `sms-gateway db upgrade` makes one")

    @property
    def service_runs(self) -> bool:
        """Whether the service runs on this state directory."""
        from gateway import lock

        return lock.is_held(self.config().gateway.state)

    def poke(self) -> None:
        """Tell the service that there is something to do, after something was stored."""
        if self._session is not None:
            self._session.poke()

    def close(self) -> None:
        """Close what was opened."""
        if self._adopted:
            from gateway import api

            api.adopt(None)
        if self._session is not None:
            self._session.close()


def of(context: Any) -> Program:
    """The program of a command's context."""
    program = context.obj
    assert isinstance(program, Program)
    return program
