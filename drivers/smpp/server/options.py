"""The server's options, checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivers.base import DriverError
from drivers.networks import Network, comes_from
from drivers.smpp.account import Tls


@dataclass(frozen=True, slots=True)
class User:
    """Who may bind. ``rate``: submits and the seconds that they may take; None is no limit."""

    name: str
    password: str = field(repr=False)
    networks: tuple[Network, ...] = ()
    binds: int = 2
    window: int = 20
    rate: tuple[int, float] | None = None

    def welcome(self, address: str) -> bool:
        """Whether the user may come from this address; without networks from anywhere."""
        return comes_from(address, self.networks)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a server listens on and whom it serves. Times in seconds."""

    host: str
    port: int
    users: Mapping[str, User]
    system_id: str = "sms-gateway"
    tls: Tls | None = None
    enquire_link: float = 30.0
    response_timeout: float = 30.0


def options(values: Mapping[str, Any]) -> ServerOptions:
    """Options of the owner as ``ServerOptions``; unknown ones are left to others. Raises ``DriverError``."""
    known = {name: values[name] for name in ServerOptions.__slots__ if values.get(name) is not None}
    tls = values.get("tls")
    users = {name: _user(name, table) for name, table in (values.get("users") or {}).items()}
    try:
        return ServerOptions(**{**known, "users": users, "tls": Tls(**tls) if tls else None})
    except TypeError as error:
        raise DriverError(f"the SMPP server's options are incomplete: {error}") from None


def _user(name: str, table: Mapping[str, Any]) -> User:
    try:
        networks = tuple(ipaddress.ip_network(each) for each in table.get("networks") or ())
        rate = table.get("rate")
        return User(
            name, str(table["password"]), networks, int(table.get("binds", 2)), int(table.get("window", 20)),
            (int(rate[0]), float(rate[1])) if rate else None,
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise DriverError(f"the user {name!r} of the SMPP server: {error}") from None
