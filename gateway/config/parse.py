"""From the raw tables of a config to ``Config``, or to every fault at once."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.config import crossref, lines, values
from gateway.config.devices import BalanceConfig, ModemConfig, OutbindConfig, SmppConfig
from gateway.config.fields import Named, Section, TlsConfig
from gateway.config.model import Config, GatewaySection, PoolConfig, PythonBackendConfig, RouteRule, SourceConfig
from gateway.config.secrets import Secret, SecretMissingError, Secrets
from gateway.config.servers import (
    HttpServerConfig,
    HttpUserConfig,
    InboundConfig,
    ServerSection,
    SmppServerConfig,
    UserConfig,
)
from gateway.errors import ConfigFault, ConfigurationError

S = TypeVar("S", bound=Section)
N = TypeVar("N", bound=Named)
TOP = ("gateway", "modem", "smpp", "backend", "route", "source", "app", "server")
MOST_PASSWORD = 8
INSIDE: dict[str, type[Section]] = {"tls": TlsConfig, "balance": BalanceConfig, "outbind": OutbindConfig}
"""Keys that hold a table of their own."""
SERVERS: dict[str, tuple[type[Section], dict[str, type[Named]]]] = {
    "smpp": (SmppServerConfig, {"user": UserConfig}),
    "http": (HttpServerConfig, {"in": InboundConfig, "user": HttpUserConfig}),
}
"""Servers, and the tables inside of their tables."""
OWN_KEYS = ("class", "batch", "retries", "retry_delay", "backoff", "retry_most", "rate", "quota", "quiet", "cost")
URLS = '"sqlite:///FILE" or "postgresql+psycopg://…"'


class Parser:
    """One pass over the raw tables; collects faults and warnings on its way."""

    def __init__(
        self, raw: Mapping[str, Any], path: Path | None, where: Mapping[lines.Path, int], secrets: Secrets
    ) -> None:
        self.raw = raw
        self.path = path
        self.where = where
        self.secrets = secrets
        self.base = path.absolute().parent if path else Path.cwd()
        self.faults: list[ConfigFault] = []
        self.warnings: list[ConfigFault] = []

    def config(self) -> Config:
        """The config. Raises ConfigurationError with every fault, in the order of the lines."""
        self._top()
        parsed: dict[str, Any] = {
            "gateway": self._gateway(),
            "modem": self._named(ModemConfig, "modem"),
            "smpp": self._named(SmppConfig, "smpp", defaults=_virtual_account),
            "backend": self._backends(),
            "route": self._routes(),
            "source": self._named(SourceConfig, "source"),
            "app": crossref.tables(self.raw, "app"),
            "server": self._server(),
        }
        for path, message in crossref.faults(self.raw):
            self._fault(path, message)
        for path, message in crossref.warnings(self.raw):
            self._warn(path, message)
        self._secrets(parsed)
        if self.faults:
            raise ConfigurationError(sorted(self.faults, key=lambda fault: fault.line or 0))
        where = {lines.dotted(path): line for path, line in self.where.items()}
        return Config(path=self.path, lines=where, warnings=tuple(self.warnings), **parsed)

    def _top(self) -> None:
        for name, value in self.raw.items():
            if name not in TOP:
                hint = values.nearest(name, TOP) or f"; the tables are {', '.join(TOP)}"
                what = "table" if isinstance(value, Mapping | list) else "key outside of a table"
                self._fault((name,), f"unknown {what}{hint}")
            elif name == "route":
                if not isinstance(value, list | tuple):
                    self._fault((name,), "must be written as [[route]], in double brackets")
            elif not isinstance(value, Mapping):
                self._fault((name,), f"must be a table, not {values.kind(value)}")

    def _gateway(self) -> GatewaySection | None:
        given = self.raw.get("gateway", {})
        section = self._read(GatewaySection, given, ("gateway",)) if isinstance(given, Mapping) else None
        if section is None:
            return None
        folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0] or "state"
        state = section.state if "state" in section.model_fields_set else Path(folder).absolute()
        try:
            return section.model_copy(update={"state": state, "database": database_url(section.database, state)})
        except ValueError as error:
            self._fault(("gateway", "database"), str(error))
            return None

    def _named(self, model: type[N], *path: str, defaults: Any = None) -> dict[str, N]:
        found = {}
        for name, table in self._tables(path):
            extra = defaults(name, table) if defaults else {}
            section = self._read(model, {**extra, **table}, (*path, name), name=name)
            if section is not None:
                found[name] = section
        return found

    def _tables(self, path: lines.Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
        here: Any = self.raw
        for part in path:
            here = here.get(part, {}) if isinstance(here, Mapping) else {}
        if not isinstance(here, Mapping) and len(path) > 1:
            self._fault(path, f"must hold tables, not {values.kind(here)}")
        for name, table in here.items() if isinstance(here, Mapping) else ():
            if isinstance(table, Mapping):
                yield name, table
            else:
                header = f"[{lines.dotted(path)}.NAME]"
                self._fault((*path, name), f"must be a table {header}, not {values.kind(table)}")

    def _backends(self) -> dict[str, PoolConfig | PythonBackendConfig]:
        found: dict[str, PoolConfig | PythonBackendConfig] = {}
        for name, table in self._tables(("backend",)):
            section: PoolConfig | PythonBackendConfig | None
            if "class" in table:
                own = {key: value for key, value in table.items() if key in OWN_KEYS}
                options = {key.lower(): value for key, value in table.items() if key not in own}
                section = self._read(PythonBackendConfig, {**own, "options": options}, ("backend", name), name=name)
            elif "devices" in table or values.nearest("devices", table):
                section = self._read(PoolConfig, table, ("backend", name), name=name)
            else:
                continue  # crossref says what it needs
            if section is not None:
                found[name] = section
        return found

    def _routes(self) -> tuple[RouteRule, ...]:
        given = self.raw.get("route", ())
        rules = []
        for position, table in enumerate(given if isinstance(given, list | tuple) else ()):
            rule = self._read(RouteRule, table, ("route", position)) if isinstance(table, Mapping) else None
            if rule is not None:
                rules.append(rule)
            elif not isinstance(table, Mapping):
                self._fault(("route", position), f"must be a table [[route]], not {values.kind(table)}")
        return tuple(rules)

    def _server(self) -> ServerSection:
        found: dict[str, Any] = {}
        for name, table in self._tables(("server",)):
            if name not in SERVERS:
                hint = values.nearest(name, SERVERS) or f"; the servers are {', '.join(SERVERS)}"
                self._fault(("server", name), f"unknown table{hint}")
                continue
            model, inner = SERVERS[name]
            tables = {key: self._named(of, "server", name, key) for key, of in inner.items()}
            own = {key: value for key, value in table.items() if key not in inner}
            section = self._read(model, own, ("server", name))
            names = {field.alias or each: each for each, field in model.model_fields.items()}
            found[name] = section and section.model_copy(update={names[key]: each for key, each in tables.items()})
        return ServerSection(**found)

    def _read(self, model: type[S], table: Mapping[str, Any], path: lines.Path, name: str | None = None) -> S | None:
        """One table as its model; None when it has faults, which are noted."""
        if name is not None and "name" in table:
            self._fault((*path, "name"), "is not a key; the name of the table is the name")
            table = {key: value for key, value in table.items() if key != "name"}
        own = {} if name is None else {"name": name}
        try:
            return model.model_validate({**table, **own}, context={"base": self.base})
        except ValidationError as error:
            for found, message in explain(error, model):
                self._fault((*path, *found), message)
            return None

    def _secrets(self, parsed: Mapping[str, Any]) -> None:
        server: ServerSection = parsed["server"]
        users = server.smpp.user if server.smpp else {}
        web: Mapping[str, Mapping[str, Any]] = (
            {"in": server.http.inbound, "user": server.http.user} if server.http else {}
        )
        places: list[tuple[lines.Path, str, Mapping[str, Any]]] = [
            (("modem",), "pin", parsed["modem"]),
            (("smpp",), "password", parsed["smpp"]),
            (("server", "smpp", "user"), "password", users),
            *((("server", "http", name), key, web[name]) for name in web for key in ("token", "password")),
        ]
        inline: list[lines.Path] = []
        for section, key, good in places:
            for name, table in crossref.tables(self.raw, *map(str, section)).items():
                # A table that has a fault elsewhere was not kept, but its secret may have one too.
                secret = getattr(good[name], key) if name in good else _lone(table.get(key), self.base)
                if secret is not None:
                    self._secret((*section, name, key), secret)
                    inline += [(*section, name, key)] if key in table and secret.inline else []
        for name, account in parsed["smpp"].items():
            if account.outbind and account.outbind.password:
                place = ("smpp", name, "outbind", "password")
                self._secret(place, account.outbind.password)
                inline += [place] if account.outbind.password.inline else []
        if re.search(r"://[^/@]*:[^/@]+@", str(crossref.tables(self.raw).get("gateway", {}).get("database"))):
            inline.append(("gateway", "database"))
        if inline and self.path and readable_by_all(self.path):
            self._warn(inline[0], f"every user can read this file and the secret in it; chmod 640 {self.path}")

    def _secret(self, path: lines.Path, secret: Secret) -> None:
        if self.secrets is not Secrets.LATER:
            try:
                secret.load()
            except SecretMissingError as error:
                note = self._warn if error.hidden and self.secrets is Secrets.CHECK else self._fault
                note(path, str(error))
            if secret.file and readable_by_all(secret.file):
                self._warn(path, f"every user can read the secret file; chmod 640 {secret.file}")
        if path[0] == "smpp" and len((secret.known or "").encode()) > MOST_PASSWORD:
            self._warn(path, f"is longer than the {MOST_PASSWORD} octets that SMPP has room for (SMPP 3.4 §5.2.2)")
        if path[-1] == "pin" and not re.fullmatch(r"\d{4,8}", secret.known or "0000", re.ASCII):
            self._fault(path, "a PIN has 4 to 8 digits (3GPP TS 31.101 §9.5); a wrong one costs a try")

    def _fault(self, path: lines.Path, message: str) -> None:
        self.faults.append(self._at(path, message))

    def _warn(self, path: lines.Path, message: str) -> None:
        self.warnings.append(self._at(path, message))

    def _at(self, path: lines.Path, message: str) -> ConfigFault:
        return ConfigFault(self.path, lines.nearest_line(self.where, path), lines.dotted(path), message)


def explain(error: ValidationError, model: type[Section]) -> Iterator[tuple[lines.Path, str]]:
    """What pydantic found, in our words, and never with the value of a key that we don't know."""
    for found in error.errors(include_url=False, include_input=False):
        path: lines.Path = found["loc"]
        cause = found.get("ctx", {}).get("error")
        fields = (model if len(path) == 1 else INSIDE.get(str(path[0]), TlsConfig)).model_fields
        keys = sorted({field.alias or name for name, field in fields.items()} - {"name", "options"})
        if found["type"] == "extra_forbidden":
            hint = values.nearest(str(path[-1]), keys) or f"; the keys here are {', '.join(keys)}"
            yield path, f"unknown key{hint}"
        elif found["type"] == "missing":
            yield path, "is missing; this key has no default"
        else:
            yield path, str(cause or found["msg"])


def database_url(text: str, state: Path) -> str:
    """The full SQLAlchemy URL. Raises ValueError for a database that can't serve, without showing the URL."""
    scheme, mark, rest = text.partition("://")
    if mark and scheme == "postgresql+psycopg":
        return text
    if not mark or scheme != "sqlite":
        hint = "; PostgreSQL is postgresql+psycopg://" if scheme.startswith("postgres") else ""
        raise ValueError(f"must be {URLS}{hint}")
    if not rest.startswith("/") or rest.partition("?")[0] in ("/", "/:memory:"):
        raise ValueError(f"must be {URLS}; a database in memory would lose every message")
    return f"sqlite:///{state / rest[1:]}"


def readable_by_all(path: Path) -> bool:
    """True when a file's mode lets every user of the host read it."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _lone(value: Any, base: Path) -> Secret | None:
    """The secret of a table that has faults; None where there is none, or one that is a fault itself."""
    try:
        return None if value is None else Secret.parse(value, base)
    except ValueError:
        return None


def _virtual_account(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """What an account at the virtual carrier needn't say."""
    return {"system_id": name[:15], "password": ""} if table.get("host") == "virtual" else {}
