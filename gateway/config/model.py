"""The config as typed values. Attribute names are the keys of the TOML, defaults are the documented ones.

Durations are seconds. Everything is frozen; what refers to something else is checked in ``crossref``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from gateway.config import values
from gateway.config.secrets import Secret
from gateway.errors import ConfigFault
from gateway.limits import Rate

Flag = Annotated[bool, BeforeValidator(values.flag)]
Text = Annotated[str, values.word()]
Words = Annotated[tuple[str, ...], values.words()]
Table = Annotated[dict[str, Any], BeforeValidator(values.table)]
OneRate = Annotated[Rate, BeforeValidator(values.rate)]
Quotas = Annotated[tuple[Rate, ...], BeforeValidator(values.quotas)]
PathBeside = Annotated[Path, BeforeValidator(values.beside)]
Positive = Annotated[float, values.duration(0.001)]
DOTTED = r"[A-Za-z_]\w*([.:][A-Za-z_]\w*)+"
ROUTERS = ("queued", "blocking")


def _router(value: Any) -> str:
    if isinstance(value, str) and (value in ROUTERS or re.fullmatch(DOTTED, value, re.ASCII)):
        return value
    hint = values.nearest(value, ROUTERS) if isinstance(value, str) else ""
    raise ValueError(f'must be "queued", "blocking" or a dotted path, not {values.shown(value)}{hint}')


class Section(BaseModel):
    """A table of the config: frozen, and a key that it doesn't know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


class Named(Section):
    """A table whose key is a name."""

    name: str


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


class DeviceConfig(Named):
    """What every device has."""

    kind: ClassVar[str]
    enabled: Flag = True
    receipts: Flag = True
    on_unknown: Annotated[Literal["resend", "hold"], values.choice("resend", "hold")] = "resend"
    settle: Annotated[float, values.duration()] = 60.0
    attempts: Annotated[int, values.whole(1, 1000)] = 5
    retry: Positive = 30.0
    parts_timeout: Positive = 600.0
    rate: OneRate | None = None
    quota: Quotas = ()
    virtual: Table | None = Field(default=None, repr=False)
    """Options of the virtual twin, passed on as they are."""


class ModemConfig(DeviceConfig):
    """``[modem.NAME]``: a GSM modem, by exactly one of port, imei, usb and iccid."""

    kind: ClassVar[str] = "modem"
    port: Annotated[str, values.word(r"/.+|virtual", 'a path such as "/dev/ttyUSB0", or "virtual"')] | None = None
    imei: Annotated[str, values.word(r"\d{14,16}", "a string of 15 digits")] | None = None
    usb: Annotated[str, values.word(r"\d+-\d+(\.\d+)*", 'a USB path such as "1-1.2"')] | None = None
    iccid: Annotated[str, values.word(r"\d{10,22}F?", "a string of 18 to 22 digits")] | None = None
    driver: Annotated[Literal["gammu", "at"], values.choice("gammu", "at")] = "gammu"
    pin: Secret | None = None
    poll: Annotated[float, values.duration(0.05, values.DAY)] = 5.0
    answer_timeout: Annotated[float, values.duration(0.05, 3600)] = 60.0


class TlsConfig(Section):
    """``tls = { … }`` of an SMPP account."""

    ca: PathBeside | None = None
    cert: PathBeside | None = None
    key: PathBeside | None = None
    server_name: Text | None = None


def _tls(value: Any, info: ValidationInfo) -> bool | TlsConfig:
    if isinstance(value, bool):
        return value
    if not isinstance(value, Mapping):
        message = f"must be true, false or a table with ca, cert, key, server_name, not {values.shown(value)}"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueErrors
    return TlsConfig.model_validate(value, context=info.context)


class SmppConfig(DeviceConfig):
    """``[smpp.NAME]``: an account at a carrier. Lengths are those of SMPP 3.4 §5.2."""

    kind: ClassVar[str] = "smpp"
    driver: Annotated[Literal["smpp"], values.choice("smpp")] = "smpp"
    host: Text
    port: Annotated[int, values.whole(1, 65535)] = 2775
    system_id: Annotated[str, values.word(most=15)]
    password: Secret
    bind: Annotated[
        Literal["transceiver", "transmitter", "receiver", "pair"],
        values.choice("transceiver", "transmitter", "receiver", "pair"),
    ] = "transceiver"
    binds: Annotated[int, values.whole(1, 100)] = 1
    window: Annotated[int, values.whole(1, 1000)] = 20
    tls: Annotated[bool | TlsConfig, BeforeValidator(_tls)] = False
    source: Annotated[str, values.word(most=20)] | None = None
    alphabet: Annotated[
        Literal["gsm7", "gsm7-packed", "latin1", "ascii", "utf8"],
        values.choice("gsm7", "gsm7-packed", "latin1", "ascii", "utf8"),
    ] = "gsm7"
    enquire_link: Annotated[float, values.duration(0.05, values.DAY)] = 30.0
    response_timeout: Annotated[float, values.duration(0.05, 3600)] = 30.0
    reconnect: Annotated[float, values.duration(0.05, values.DAY)] = 60.0
    system_type: Annotated[str, values.word(r"[\s\S]*", "a string", most=12)] = ""
    service_type: Annotated[str, values.word(r"[\s\S]*", "a string", most=5)] = ""
    interface_version: Annotated[int, values.whole(0, 0xFF)] = 0x34


class PoolConfig(Named):
    """``[backend.NAME]`` with ``devices``: one name for several devices."""

    devices: Annotated[tuple[str, ...], values.words(least=1)]
    strategy: Annotated[Literal["failover", "balance", "sticky"], values.choice("failover", "balance", "sticky")] = (
        "failover"
    )
    return_after: Annotated[float, values.duration()] = 30.0


class PythonBackendConfig(Named):
    """``[backend.NAME]`` with ``class``: a backend in Python; ``options`` go to its ``configure()``."""

    class_: Annotated[str, values.word(DOTTED, 'a string: "package.module:Class"'), Field(alias="class")]
    batch: Annotated[int, values.whole(1, 100_000)] = 200
    retries: Annotated[int, values.whole(0, 1000)] = 3
    retry_delay: Annotated[float, values.duration()] = 180.0
    options: Table = Field(default_factory=dict, repr=False)


class RouteRule(Section):
    """``[[route]]``: which backend ``auto`` means. What is empty fits everything."""

    prefix: Annotated[tuple[str, ...], values.words()] = ()
    sender: Words = ()
    backend: Text


class UserConfig(Named):
    """``[server.smpp.user.NAME]``: software that uses the gateway as its carrier."""

    password: Secret
    networks: Annotated[tuple[str, ...], values.words(values.network)] = ()
    backends: Words = ()
    rate: OneRate | None = None
    binds: Annotated[int, values.whole(1, 100)] = 2
    window: Annotated[int, values.whole(1, 1000)] = 20


class SmppServerConfig(Section):
    """``[server.smpp]``."""

    listen: Annotated[str, values.word(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}", 'such as "127.0.0.1:2776"')]
    user: dict[str, UserConfig] = Field(default_factory=dict)


class ServerSection(Section):
    """``[server]``."""

    smpp: SmppServerConfig | None = None


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
