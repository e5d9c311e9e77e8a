"""``[modem.NAME]`` and ``[smpp.NAME]`` as typed values. Durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping
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
    Networks,
    Octet,
    OneRate,
    Positive,
    Quotas,
    Section,
    Table,
    Text,
    TlsConfig,
    Zone,
)
from gateway.config.secrets import Secret
from gateway.limits import Hours


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
        return limit_values.opening(self.hours, self.days)

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
    networks: Networks = ()


def _outbind(value: Any, info: ValidationInfo) -> OutbindConfig:
    """A table with `listen`, `system_id`, `password` and `networks`."""
    if isinstance(value, OutbindConfig):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table with listen, system_id, password, networks, not {values.shown(value)}")  # noqa: TRY004
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
