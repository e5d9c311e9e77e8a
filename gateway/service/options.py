"""From a device's config to the plain options that its process is given."""

from __future__ import annotations

from typing import Any

from gateway.config.devices import ModemConfig, OutbindConfig, SmppConfig
from gateway.config.fields import TlsConfig
from gateway.config.model import Config
from gateway.config.servers import SmppServerConfig, UserConfig

VIRTUAL = "virtual"
MODEM = (
    "poll", "answer_timeout", "smsc", "hangup", "profile", "flash", "replace", "reject_duplicates", "validity",
)  # fmt: skip


def of(config: Config, name: str) -> tuple[str, dict[str, Any]]:
    """Kind and options of a device. Secrets are in clear: they go into a pipe, never onto a command line.

    Raises ConfigurationError when a secret can't be read.
    """
    device = config.devices[name]
    options = _modem(config, device) if isinstance(device, ModemConfig) else _smpp(device)
    if VIRTUAL in (options.get("port"), options.get("host")):
        options["virtual"] = dict(device.virtual or {})
    return device.kind, {"name": name, "driver": device.driver, "receipts": device.receipts, **options}


def _modem(config: Config, device: ModemConfig) -> dict[str, Any]:
    identity = {key: getattr(device, key) for key in ("port", "imei", "usb", "iccid") if getattr(device, key)}
    return {
        **identity,
        "ports": list(config.gateway.ports),
        **{key: getattr(device, key) for key in MODEM},
        "recover": list(device.recover),
    }


def _smpp(device: SmppConfig) -> dict[str, Any]:
    plain = (
        "host", "port", "system_id", "bind", "binds", "window", "source", "alphabet", "enquire_link",
        "response_timeout", "reconnect", "system_type", "interface_version", "service_type", "address_range",
        "source_ton", "source_npi", "dest_ton", "dest_npi", "long", "flash", "tlvs", "statuses",
    )  # fmt: skip
    tls: bool | dict[str, str] = _tls(device.tls) if isinstance(device.tls, TlsConfig) else device.tls
    secret = {"password": device.password.reveal(), "outbind": _outbind(device.outbind)}
    return {key: getattr(device, key) for key in plain} | secret | {"tls": tls}


def _outbind(outbind: OutbindConfig | None) -> dict[str, Any] | None:
    if outbind is None:
        return None
    host, _, port = outbind.listen.rpartition(":")
    password = outbind.password.reveal() if outbind.password else ""
    who = {"system_id": outbind.system_id, "password": password, "networks": outbind.networks}
    return {"host": host.strip("[]"), "port": int(port), **who}


def _tls(tls: TlsConfig) -> dict[str, str]:
    return {key: str(value) for key, value in tls.model_dump().items() if value is not None}


def of_server(server: SmppServerConfig) -> tuple[str, dict[str, Any]]:
    """Kind and options of the SMPP server's process, secrets in clear. Raises ConfigurationError as ``of``."""
    host, _, port = server.listen.rpartition(":")
    return "server", {
        "name": "server.smpp", "driver": "smpp", "host": host.strip("[]"), "port": int(port),
        "system_id": server.system_id, "tls": _tls(server.tls) if server.tls else None,
        "enquire_link": server.enquire_link, "response_timeout": server.response_timeout,
        "users": {name: _user(user) for name, user in server.user.items()},
    }  # fmt: skip


def _user(user: UserConfig) -> dict[str, Any]:
    rate = (user.rate.count, user.rate.period) if user.rate else None
    plain = {"networks": user.networks, "binds": user.binds, "window": user.window, "rate": rate}
    return {"password": user.password.reveal(), **plain}
