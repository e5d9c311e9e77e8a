"""Secrets of the config: where they come from, and how they stay out of logs, dumps and error messages."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.errors import ConfigurationError

MASK = "********"
SOURCES = ("file", "env", "credential")
ALLOWED = 'a string, or one of { file = "…" }, { env = "…" }, { credential = "…" }'


class Secrets(enum.Enum):
    """When secrets are read, and what becomes of one that can't be."""

    LATER = enum.auto()
    """At ``reveal()``: for programs beside the service, which needn't be able to read them."""
    CHECK = enum.auto()
    """Now: one that isn't there is a fault, one that only the service may see is a warning."""
    REQUIRED = enum.auto()
    """Now, and kept: each that can't be read is a fault."""


class SecretMissingError(ConfigurationError):
    """The secret can't be had. ``hidden``: it may exist, but not for this process."""

    def __init__(self, message: str, *, hidden: bool) -> None:
        super().__init__(message)
        self.hidden = hidden


class Secret:
    """A password or PIN. Shows itself as asterisks everywhere; only ``reveal()`` gives it."""

    __slots__ = ("_name", "_source", "_value")

    def __init__(self, value: str | None = None, *, source: str = "string", name: str = "") -> None:
        self._value = value
        self._source = source
        self._name = name

    @property
    def inline(self) -> bool:
        """True when the secret stands in the config itself."""
        return self._source == "string"

    @property
    def file(self) -> Path | None:
        """The file that holds it, where it is one that the config names."""
        return Path(self._name) if self._source == "file" else None

    def reveal(self) -> str:
        """The secret in clear. Raises SecretMissingError when it can't be read."""
        return self._read() if self._value is None else self._value

    def fresh(self) -> str:
        """The secret as its file or variable has it now. Raises SecretMissingError when it can't be read."""
        return self._value if self.inline and self._value is not None else self._read()

    def missing(self) -> Iterator[str]:
        """Say why it can't be had now; nothing where it can, or where only the service may see it."""
        try:
            self.fresh()
        except SecretMissingError as error:
            if not error.hidden:
                yield str(error)

    @property
    def known(self) -> str | None:
        """The secret where it has been read already, else None."""
        return self._value

    def load(self) -> None:
        """Read it now and keep it. Raises SecretMissingError."""
        self._value = self.reveal()

    def _read(self) -> str:
        if self._source == "env":
            if self._name not in os.environ:
                raise SecretMissingError(f"the environment variable {self._name} is not set", hidden=False)
            return os.environ[self._name]
        path = self._path()
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            hidden = isinstance(error, PermissionError)
            what = "may not be read by this user" if hidden else f"can't be read ({error.strerror})"
            raise SecretMissingError(f"the secret file {path} {what}", hidden=hidden) from None
        except UnicodeDecodeError:
            raise SecretMissingError(f"the secret file {path} is not UTF-8 text", hidden=False) from None

    def _path(self) -> Path:
        if self._source == "file":
            return Path(self._name)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            message = f"the credential {self._name} is only there inside the systemd service ($CREDENTIALS_DIRECTORY)"
            raise SecretMissingError(message, hidden=True)
        # systemd puts this in front of the names of files that it found in a folder (LoadCredential= in the unit).
        from_folder = Path(folder) / f"secret_{self._name}"
        named = Path(folder) / self._name
        return from_folder if from_folder.exists() and not named.exists() else named

    def __repr__(self) -> str:
        return f"Secret({MASK})" if self.inline else f"Secret({self._source}={self._name})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._source, self._name, self._value) == (other._source, other._name, other._value)

    def __hash__(self) -> int:
        return hash((self._source, self._name))

    @classmethod
    def parse(cls, value: Any, base: Path | None = None) -> Secret:
        """Read a config value. Raises ValueError, which never quotes the value."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in SOURCES:
            raise ValueError(f"must be {ALLOWED}")
        ((source, name),) = value.items()
        if not isinstance(name, str) or not name:
            raise ValueError(f"{source} must be a string in quotes that isn't empty")
        if source == "file":
            name = str((base or Path()).absolute() / Path(name).expanduser())
        elif source == "credential" and "/" in name:
            raise ValueError("credential must be a name without a slash")
        return cls(source=source, name=name)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A pydantic field that is read by ``parse`` and dumped as asterisks."""

        def read(value: Any, info: core_schema.ValidationInfo) -> Secret:
            return cls.parse(value, (info.context or {}).get("base"))

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(lambda _secret: MASK)
        )
