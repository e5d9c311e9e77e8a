"""What tables of a config say about each other, read from the raw tables: found even where values have faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.values import nearest, one_of

Path = tuple[str | int, ...]
Found = Iterator[tuple[Path, str]]
IDENTITIES = ("port", "imei", "usb", "iccid")
NAMED = ("modem", "smpp", "backend")


def tables(raw: Mapping[str, Any], *path: str) -> dict[str, Mapping[str, Any]]:
    """The tables under ``path`` that are tables."""
    here: Any = raw
    for name in path:
        here = here.get(name, {}) if isinstance(here, Mapping) else {}
    items = here.items() if isinstance(here, Mapping) else ()
    return {name: table for name, table in items if isinstance(table, Mapping)}


def faults(raw: Mapping[str, Any]) -> Found:
    """Faults that need more than one key to be seen."""
    yield from _names(raw)
    yield from _identities(raw)
    yield from _routes(raw)
    yield from _users(raw)
    yield from _inbound(raw)
    for name, table in tables(raw, "backend").items():
        if "class" not in table and "devices" not in table:
            typo = nearest("devices", table) or nearest("class", table)
            if not typo:
                yield ("backend", name), 'needs devices = ["…"] (a pool) or class = "package.module:Class" (Python)'
        elif "class" in table and "devices" in table:
            yield ("backend", name), "has both devices and class; a backend is either a pool or a class"
        yield from _pool(raw, name, table)


def warnings(raw: Mapping[str, Any]) -> Found:
    """What is legal and perhaps not meant."""
    known = {**tables(raw, "modem"), **tables(raw, "smpp")}
    for name, table in tables(raw, "backend").items():
        for position, device in enumerate(_strings(table.get("devices"))):
            if device not in known and device not in tables(raw, "backend"):
                hint = nearest(device, known)
                yield (
                    ("backend", name, "devices", position),
                    f"no device {device!r} in this file; right if it belongs to another node of the same queue{hint}",
                )
    http = tables(raw, "server").get("http", {})
    host = str(http.get("listen", "localhost")).rpartition(":")[0]
    if "tls" not in http and not re.fullmatch(r"(localhost|127\.[\d.]+|\[::1\])?", host, re.ASCII):
        yield ("server", "http", "listen"), "without tls the secrets cross the network in clear"
    for name, table in tables(raw, "server", "http", "in").items():
        backend = table.get("backend", name)
        names = [*known, *tables(raw, "backend")]
        if isinstance(backend, str) and backend not in names:
            hint = nearest(backend, names)
            message = f"there is no backend {backend!r}, so that nothing it receives can be answered{hint}"
            yield ("server", "http", "in", name), message
    if not known and not tables(raw, "backend"):
        yield (), "no device and no backend: nothing can be sent or received"


def _names(raw: Mapping[str, Any]) -> Found:
    first: dict[str, str] = {}
    for section in NAMED:
        for name in tables(raw, section):
            if name == "auto":
                yield (section, name), "the name 'auto' is reserved for the [[route]] rules"
            elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
                yield (section, name), "a name is 1 to 64 letters, digits, '-', '_', '.', the first a letter or digit"
            elif name in first:
                other = f"[{first[name]}.{name}]"
                yield (section, name), f"the name {name!r} is taken by {other}; devices and backends share their names"
            first.setdefault(name, section)


def _identities(raw: Mapping[str, Any]) -> Found:
    taken: dict[tuple[str, Any], str] = {}
    for name, table in tables(raw, "modem").items():
        given = [key for key in table if key in IDENTITIES]
        if len(given) > 1:
            both = " and ".join(given)
            yield ("modem", name, given[1]), f"a modem has exactly one of {', '.join(IDENTITIES)}, not {both}"
        elif not given:
            yield ("modem", name), f"needs exactly one of {', '.join(IDENTITIES)}"
        for key in given:
            value = table[key]
            if not isinstance(value, str) or value == "virtual":
                continue
            if (key, value) in taken:
                yield ("modem", name, key), f"is the modem of [modem.{taken[key, value]}] already"
            taken.setdefault((key, value), name)


def _pool(raw: Mapping[str, Any], name: str, table: Mapping[str, Any]) -> Found:
    seen: set[str] = set()
    for position, device in enumerate(_strings(table.get("devices"))):
        if device in tables(raw, "backend") or device == "auto":
            yield ("backend", name, "devices", position), f"{device!r} is a backend; a pool holds devices"
        elif device in seen:
            yield ("backend", name, "devices", position), f"{device!r} is in this pool already"
        seen.add(device)


def _routes(raw: Mapping[str, Any]) -> Found:
    routes = raw.get("route")
    for position, rule in enumerate(routes if isinstance(routes, list | tuple) else ()):
        if not isinstance(rule, Mapping):
            continue
        yield from _reference(raw, rule.get("backend"), ("route", position, "backend"))
        for at, prefix in enumerate(_strings(rule.get("prefix"))):
            if not re.fullmatch(r"\+?\d*", prefix, re.ASCII):
                message = f"{prefix!r} is not a prefix; write digits, with + for international numbers"
                yield ("route", position, "prefix", at), message


def _users(raw: Mapping[str, Any]) -> Found:
    for server in ("smpp", "http"):
        for name, user in tables(raw, "server", server, "user").items():
            for position, backend in enumerate(_strings(user.get("backends"))):
                yield from _reference(raw, backend, ("server", server, "user", name, "backends", position), auto=True)
            if server == "http" and not {"token", "password"} & user.keys():
                yield (
                    ("server", server, "user", name),
                    "needs a password for the page, or a token for software",
                )


def _inbound(raw: Mapping[str, Any]) -> Found:
    taken: dict[str, str] = {}
    for name, table in tables(raw, "server", "http", "in").items():
        here = ("server", "http", "in", name)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
            yield here, "a name is 1 to 64 letters, digits, '-', '_', '.', the first a letter or digit"
        if not {"token", "password", "networks"} & table.keys():
            yield here, "needs a token, user and password, or networks: else anybody could put messages in"
        if ("user" in table) != ("password" in table):
            yield here, "user and password belong together"
        path = str(table.get("path", f"/in/{name}"))
        if path in taken:
            yield (*here, "path"), f"is the path of [server.http.in.{taken[path]}] already"
        taken.setdefault(path, name)


def _reference(raw: Mapping[str, Any], name: Any, path: Path, *, auto: bool = False) -> Found:
    if not isinstance(name, str) or (auto and name == "auto"):
        return
    known = [name for section in NAMED for name in tables(raw, section)]
    if name not in known:
        hint = nearest(name, known) or (f"; write {one_of(known)}" if known else "")
        yield path, f"there is no backend {name!r}{hint}"


def _strings(value: Any) -> list[str]:
    items = [value] if isinstance(value, str) else value
    return [item for item in items if isinstance(item, str)] if isinstance(items, list | tuple) else []
