"""What can go wrong, by what the caller must do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class GatewayError(Exception):
    """Root of the gateway's errors. Its text is one sentence for a person.

    >>> issubclass(StoreError, GatewayError), issubclass(MessageSendingError, GatewayError)
    (True, True)
    """


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One fault of a config: where it is and what is allowed there."""

    file: Path | None
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        where = [str(self.file)] if self.file else []
        where += [str(self.line)] if self.line else []
        return ": ".join(filter(None, [":".join(where), self.path, self.message]))


class ConfigurationError(GatewayError):
    """The config can't be used. ``faults`` has every fault, ``str()`` gives one a line.

    >>> raise ConfigurationError("gateway.toml:3: modem.mtn.rate: ten a minute is no rate")
    Traceback (most recent call last):
        ...
    gateway.errors.ConfigurationError: gateway.toml:3: modem.mtn.rate: ten a minute is no rate
    """

    def __init__(self, faults: Sequence[ConfigFault] | str) -> None:
        self.faults = (ConfigFault(None, None, "", faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class StoreError(GatewayError):
    """The database can't take or give rows now: disk full, lost, or locked for too long.

    >>> raise StoreError("the disk is full")
    Traceback (most recent call last):
        ...
    gateway.errors.StoreError: the disk is full
    """


class SchemaError(StoreError):
    """The database is corrupt or of a newer schema; it was left untouched."""


class MessageSendingError(GatewayError):
    """A backend could not send. ``failed_identities``: those that did not get it; empty means all.

    As a mapping it has the reason for each, which is then theirs alone. ``refused``: those of them for whom it would
    be the same another time, so that it isn't tried again.

    >>> error = MessageSendingError("two failed", {"+1": "no such number", "+2": "busy"}, refused=["+1"])
    >>> error.failed_identities, error.reasons["+2"], error.refused
    (['+1', '+2'], 'busy', ['+1'])
    """

    def __init__(
        self,
        message: str = "the message could not be sent",
        failed_identities: Iterable[str] | Mapping[str, str] = (),
        refused: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.failed_identities = list(failed_identities)
        self.reasons = dict(failed_identities) if isinstance(failed_identities, Mapping) else {}
        self.refused = list(refused)


class HandlerError(GatewayError):
    """A handler class lacks what it needs, a keyword or a pattern.

    >>> raise HandlerError("two handlers have the keyword join")
    Traceback (most recent call last):
        ...
    gateway.errors.HandlerError: two handlers have the keyword join
    """
