"""The config as typed values. Attribute names are the keys of the TOML, defaults are the documented ones.

Durations are seconds. Everything is frozen; what refers to something else is checked in ``crossref``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from gateway.config import limit_values, modem_values, smpp_values, values
from gateway.config.fields import (
    Cost,
    DayHours,
    Days,
    Flag,
    Listen,
    Named,
    Octet,
    OneRate,
    PathBeside,
    Positive,
    Quotas,
    Range,
    Section,
    Table,
    Text,
    TlsConfig,
    Words,
    Zone,
)
from gateway.config.secrets import Secret
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


def _opening(hours: Hours | None, days: frozenset[int] | None) -> Hours | None:
    if hours is None and days is None:
        return None
    hours = hours or Hours()
    return Hours(hours.start, hours.end, hours.days if days is None else days)


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
    hours: DayHours | None = None
    days: Days | None = None
    timezone: Zone | None = None
    """Of ``hours`` and ``days``; None is the host's."""
    spacing: Annotated[tuple[float, float], BeforeValidator(limit_values.spacing)] | None = None
    """The shortest and the longest pause between two parts, in seconds."""
    recipients: OneRate | None = None
    """How many different recipients in a time."""
    slow_start: Annotated[float, values.duration(0, values.DAY)] = 30.0
    cost: Cost = 0.0
    """Of one part, for the strategy ``cost``."""
    quiet: DayHours | None = None
    virtual: Table | None = Field(default=None, repr=False)
    """Options of the virtual twin, passed on as they are."""

    @property
    def opening(self) -> Hours | None:
        """Its hours on its days; None when it may always send."""
        return _opening(self.hours, self.days)

    @property
    def limited(self) -> bool:
        """Whether what leaves has to be written down."""
        return bool(self.rate or self.quota or self.spacing or self.recipients)


class BalanceConfig(Section):
    """``balance = { … }`` of a modem: what is left on a prepaid SIM."""

    code: Annotated[str, values.word(r"[\x20-\x21\x23-\x7e]{1,182}", 'a USSD code such as "*100#"')]
    """What is dialled."""
    every: Annotated[float, values.duration(60, 365 * values.DAY)] = values.DAY
    below: Annotated[float, BeforeValidator(modem_values.amount)] | None = None
    """Less than this is said in the log and in `status`."""
    pattern: Annotated[str, BeforeValidator(modem_values.pattern)] = modem_values.AMOUNT
    """Where the amount stands in the answer."""


def _balance(value: Any, info: ValidationInfo) -> BalanceConfig:
    """A table with `code`, `every`, `below` and `pattern`."""
    if isinstance(value, BalanceConfig):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table with code, every, below, pattern, not {values.shown(value)}")  # noqa: TRY004
    return BalanceConfig.model_validate(value, context=info.context)


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
    smsc: Annotated[str, values.word(r"\+?\d{1,20}", 'a number such as "+254722500029"')] | None = None
    """The service centre's number; without it the SIM's own."""
    transliterate: Flag = False
    """Write what GSM 7 bit lacks with what it has, rather than send UCS-2."""
    national: Annotated[tuple[int, int], BeforeValidator(modem_values.national)] | None = None
    """National alphabets that may be used where the default one doesn't do; old telephones may not know them."""
    wide_reference: Flag = False
    """Join the parts of a long text by 16 bits instead of 8."""
    validity: Annotated[float, values.duration(300, 63 * 7 * values.DAY)] | None = None
    """How long the network tries to deliver, unless the message expires earlier; without it as the network does."""
    reject_duplicates: Flag = False
    """Ask the service centre to refuse a message that it has of us already (TP-RD)."""
    replace: Annotated[int, values.whole(1, 7)] | None = None
    """Telephones replace an earlier message of this type by the new one."""
    flash: Flag = False
    """Send every message as class 0: shown at once, and not kept."""
    hangup: Flag = False
    """Hang up on those who call."""
    balance: Annotated[BalanceConfig, BeforeValidator(_balance)] | None = None
    """Read a prepaid SIM's balance now and then."""
    profile: Text | None = None
    """The name of a profile of quirks; without it the one that fits maker and model."""
    recover: Annotated[tuple[str, ...], BeforeValidator(modem_values.recover)] = ("reset",)
    """What may be done to a modem that fails, besides opening it again; `usb` and `hub` need rights over the device."""


def _tls(value: Any, info: ValidationInfo) -> bool | TlsConfig:
    if isinstance(value, bool):
        return value
    if not isinstance(value, Mapping):
        message = f"must be true, false or a table with ca, cert, key, server_name, not {values.shown(value)}"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueErrors
    return TlsConfig.model_validate(value, context=info.context)


class OutbindConfig(Section):
    """``outbind = { … }`` of an SMPP account."""

    listen: Listen
    system_id: Annotated[str, values.word(most=15)]
    password: Secret | None = None


def _outbind(value: Any, info: ValidationInfo) -> OutbindConfig:
    """A table with `listen`, `system_id` and `password`."""
    if isinstance(value, OutbindConfig):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table with listen, system_id, password, not {values.shown(value)}")  # noqa: TRY004
    return OutbindConfig.model_validate(value, context=info.context)


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
    outbind: Annotated[OutbindConfig, BeforeValidator(_outbind)] | None = None
    """Where the carrier may connect to us and ask for a bind as receiver (SMPP 3.4 §2.2.2)."""
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
    interface_version: Annotated[int, BeforeValidator(smpp_values.version)] = 0x34
    """What the bind says that we speak; ``"3.4"`` in the file."""
    address_range: Annotated[str, values.word(r"[\s\S]*", "a string", most=40)] = ""
    """The numbers whose messages this bind gets, as the carrier writes such ranges."""
    source_ton: Octet | None = None
    """Type of number of the sender; None: by its form (SMPP 3.4 §5.2.5)."""
    source_npi: Octet | None = None
    """Numbering plan of the sender; None: by its form (SMPP 3.4 §5.2.6)."""
    dest_ton: Octet | None = None
    dest_npi: Octet | None = None
    long: Annotated[Literal["udh", "sar", "payload"], values.choice("udh", "sar", "payload")] = "udh"
    """How a long text goes: user data headers, sar_* parameters, or whole in message_payload."""
    flash: Annotated[Literal["coding", "subunit"], values.choice("coding", "subunit")] = "coding"
    """How a flash message is marked: by its data_coding, or by dest_addr_subunit."""
    tlvs: Annotated[dict[str, str | int], BeforeValidator(smpp_values.tlvs)] = Field(default_factory=dict)
    """Optional parameters of every submit_sm, by their tag."""
    query: Annotated[float, values.duration(1, 3 * values.DAY)] | None = None
    """After so long without a receipt the carrier is asked what became of a message (query_sm); None: never."""
    statuses: Annotated[dict[str, str], BeforeValidator(smpp_values.statuses)] = Field(default_factory=dict)
    """Whose fault a command_status is at this carrier, where it isn't what the standard says."""


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
        return _opening(self.hours, self.days)


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
