"""The config as typed values. Attribute names are the keys of the TOML, defaults are the documented ones.

Durations are seconds. Everything is frozen; what refers to something else is checked in ``crossref``.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gateway.config import limit_values, values
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.config.fields import (
    Cost,
    DayHours,
    Days,
    Named,
    OneRate,
    PathBeside,
    Quotas,
    Range,
    Section,
    Table,
    Text,
    Words,
    Zone,
)
from gateway.config.servers import ServerSection
from gateway.errors import ConfigFault
from gateway.limits import Hours

DOTTED = r"[A-Za-z_]\w*([.:][A-Za-z_]\w*)+"
ROUTERS = ("queued", "blocking")


def _router(value: Any) -> str:
    if isinstance(value, str) and (value in ROUTERS or re.fullmatch(DOTTED, value, re.ASCII)):
        return value
    hint = values.nearest(value, ROUTERS) if isinstance(value, str) else ""
    raise ValueError(f'must be "queued", "blocking" or a dotted path, not {values.shown(value)}{hint}')


class GatewaySection(Section):
    """``[gateway]``."""

    state: PathBeside = Path("state")
    database: Annotated[str, values.word(), Field(repr=False)] = "sqlite:///gateway.db"
    """A full SQLAlchemy URL once loaded; may hold a password, so it is never shown."""
    node: Text = Field(default_factory=socket.gethostname)
    region: Annotated[str, BeforeValidator(values.region)] | None = None
    apps: Words = ()
    router: Annotated[str, BeforeValidator(_router)] = "queued"
    durability: Annotated[Literal["full", "fast"], values.choice("full", "fast")] = "full"
    retention: Annotated[float, values.duration(60)] = 90 * values.DAY
    ports: Words = ("/dev/ttyUSB*", "/dev/ttyACM*")
    lease: Annotated[float, values.duration(1, values.DAY)] = 30.0
    ageing: Annotated[float, values.duration(0.001, 365 * values.DAY)] = 30.0
    quiet: DayHours | None = None
    """When recipients are left in peace, in their own time; what is urgent goes all the same."""
    routes: Annotated[Literal["first", "cost"], values.choice("first", "cost")] = "first"
    """Which of the ``[[route]]`` rules that fit is taken: the first, or the cheapest that is usable."""


class PoolConfig(Named):
    """``[backend.NAME]`` with ``devices``: one name for several devices."""

    devices: Annotated[tuple[str, ...], values.words(least=1)]
    strategy: Annotated[
        Literal["failover", "balance", "sticky", "cost"], values.choice("failover", "balance", "sticky", "cost")
    ] = "failover"
    return_after: Annotated[float, values.duration()] = 30.0
    rate: OneRate | None = None
    quota: Quotas = ()
    quiet: DayHours | None = None


class PythonBackendConfig(Named):
    """``[backend.NAME]`` with ``class``: a backend in Python; ``options`` go to its ``configure()``."""

    class_: Annotated[str, values.word(DOTTED, 'a string: "package.module:Class"'), Field(alias="class")]
    batch: Annotated[int, values.whole(1, 100_000)] = 200
    retries: Annotated[int, values.whole(0, 1000)] = 3
    retry_delay: Annotated[float, values.duration()] = 180.0
    backoff: Annotated[int, values.whole(1, 10)] = 1
    """Each pause is so many times the one before, up to ``retry_most``."""
    retry_most: Annotated[float, values.duration()] = 7200.0
    rate: OneRate | None = None
    quota: Quotas = ()
    quiet: DayHours | None = None
    cost: Cost = 0.0
    options: Table = Field(default_factory=dict, repr=False)


class RouteRule(Section):
    """``[[route]]``: which backend ``auto`` means. What is empty fits everything."""

    prefix: Annotated[tuple[str, ...], values.words()] = ()
    sender: Words = ()
    parts: Range | None = None
    characters: Range | None = None
    hours: DayHours | None = None
    days: Days | None = None
    timezone: Zone | None = None
    cost: Cost | None = None
    """Of one part this way; None: that of the backend's device."""
    backend: Text

    @property
    def opening(self) -> Hours | None:
        """The hours and days at which it fits; None for all."""
        return limit_values.opening(self.hours, self.days)


class SourceConfig(Named):
    """``[source.ADDRESS]``: limits of a sender, whichever device its messages leave through."""

    rate: OneRate | None = None
    quota: Quotas = ()


class Config(Section):
    """The whole config, without faults."""

    path: Path | None = None
    lines: dict[str, int] = Field(default_factory=dict, repr=False, exclude=True)
    """The line of each table and key, by its dotted path; empty when there was no file."""
    warnings: tuple[ConfigFault, ...] = ()
    """What isn't wrong but worth a look, for ``check`` and the log."""
    gateway: GatewaySection
    modem: dict[str, ModemConfig] = Field(default_factory=dict)
    smpp: dict[str, SmppConfig] = Field(default_factory=dict)
    backend: dict[str, PoolConfig | PythonBackendConfig] = Field(default_factory=dict)
    route: tuple[RouteRule, ...] = ()
    source: dict[str, SourceConfig] = Field(default_factory=dict)
    app: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)
    server: ServerSection = ServerSection()

    def fault(self, path: str, message: str) -> ConfigFault:
        """A fault that was found later, with the line of ``path`` (``gateway.apps[0]``) or of what is around it."""
        around = path
        while around and around not in self.lines:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return ConfigFault(self.path, self.lines.get(around), path, message)

    @property
    def devices(self) -> dict[str, ModemConfig | SmppConfig]:
        """Every device by its name, modems first, in the order of the file."""
        return {**self.modem, **self.smpp}
