"""The config: TOML in, typed values or every fault at once out."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.config import lines
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.config.model import Config, PoolConfig, PythonBackendConfig, RouteRule
from gateway.config.parse import Parser
from gateway.config.secrets import Secret, Secrets
from gateway.errors import ConfigFault, ConfigurationError

__all__ = [
    "Config",
    "ModemConfig",
    "PoolConfig",
    "PythonBackendConfig",
    "RouteRule",
    "Secret",
    "Secrets",
    "SmppConfig",
    "find",
    "from_mapping",
    "from_text",
    "load",
]

VARIABLE = "SMS_GATEWAY_CONFIG"
PLACES = (Path("gateway.toml"), Path("/etc/sms-gateway/gateway.toml"))


def find(explicit: Path | str | None = None) -> Path:
    """The config file: ``explicit``, else ``$SMS_GATEWAY_CONFIG``, else ``./gateway.toml``, else the system's.

    Raises ConfigurationError when none of the two places has one.
    """
    named = explicit or os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for place in PLACES:
        if place.exists():
            return place
    places = " and no ".join(map(str, PLACES))
    raise ConfigurationError(f"no config: there is no {places}; name one with -c FILE or ${VARIABLE}")


def load(path: Path | str | None = None, *, secrets: Secrets = Secrets.LATER) -> Config:
    """Read a config file (see ``find``). Raises ConfigurationError with every fault in ``faults``."""
    file = find(path)
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise ConfigurationError([ConfigFault(file, None, "", f"can't be read: {error.strerror}")]) from None
    try:
        text = octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([ConfigFault(file, line, "", "is not UTF-8 text; save it as UTF-8")]) from None
    return from_text(text, path=file, secrets=secrets)


def from_text(text: str, *, path: Path | None = None, secrets: Secrets = Secrets.LATER) -> Config:
    """The config in a TOML text; ``path`` says where it came from. Raises ConfigurationError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax(error, text, path)]) from None
    return Parser(raw, path, lines.index(text), secrets).config()


def from_mapping(mapping: Mapping[str, Any], *, secrets: Secrets = Secrets.LATER) -> Config:
    """The config in a mapping with the shape of the TOML. Raises ConfigurationError."""
    return Parser(mapping, None, {}, secrets).config()


def _syntax(error: tomllib.TOMLDecodeError, text: str, path: Path | None) -> ConfigFault:
    """The fault that tomllib found; it has the line inside its message only."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
    if match:
        return ConfigFault(path, int(match[2]), "", f"is not TOML at column {match[3]}: {_lower(match[1])}")
    message = re.sub(r" \(at end of document\)$", "", str(error))
    last = text.rstrip("\n").count("\n") + 1
    return ConfigFault(path, last, "", f"is not TOML, at its end: {_lower(message)}")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
