"""``[server]``: what other software may connect to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from gateway.config import http_values, values
from gateway.config.fields import Flag, Listen, Named, Networks, OneRate, Section, Text, TlsConfig, Words
from gateway.config.secrets import Secret


def _server_tls(value: Any, info: ValidationInfo) -> TlsConfig | None:
    if not isinstance(value, Mapping) or not {"cert", "key"} <= set(value) or "server_name" in value:
        message = "must be a table with cert and key, and ca where clients must show a certificate of it"
        raise ValueError(message)
    return TlsConfig.model_validate(value, context=info.context)


class UserConfig(Named):
    """``[server.smpp.user.NAME]``: software that uses the gateway as its carrier."""

    password: Secret
    networks: Networks = ()
    backends: Words = ()
    rate: OneRate | None = None
    binds: Annotated[int, values.whole(1, 100)] = 2
    window: Annotated[int, values.whole(1, 1000)] = 20


class SmppServerConfig(Section):
    """``[server.smpp]``."""

    listen: Listen
    system_id: Annotated[str, values.word(most=15)] = "sms-gateway"
    tls: Annotated[TlsConfig | None, BeforeValidator(_server_tls)] = None
    """``cert`` and ``key`` are the server's own; with ``ca``, clients must show a certificate of it."""
    enquire_link: Annotated[float, values.duration(0.05, values.DAY)] = 30.0
    response_timeout: Annotated[float, values.duration(0.05, 3600)] = 30.0
    user: dict[str, UserConfig] = Field(default_factory=dict)


class InboundConfig(Named):
    """``[server.http.in.NAME]``: another gateway, whose messages come in here."""

    kind: Annotated[Literal["http", "kannel", "vumi"], values.choice("http", "kannel", "vumi")] = "http"
    """Who is there, as above."""
    backend: Text | None = None
    """The backend that the messages belong to, and that carries the answers; without it NAME."""
    path: Annotated[str, BeforeValidator(http_values.path)] | None = None
    """Where messages come in; without it `/in/NAME`. Reports come in at `/report` below."""
    params: Annotated[dict[str, str], http_values.names(("identity", "text", "id", "to"))] = Field(default_factory=dict)
    """The names that the other side has for identity, text, id and to; only for `http` and `kannel`."""
    token: Secret | None = None
    """A shared secret: the parameter `token`, or `Authorization: Bearer`."""
    user: Text | None = None
    """For HTTP basic, instead of a token."""
    password: Secret | None = None
    """In clear, or a hash that begins with `$argon2` or `$scrypt$`."""
    networks: Networks = ()
    """Where it may come from; without it: from anywhere."""
    plus: Flag = False
    """Numbers come in international form without their `+`."""


class HttpUserConfig(Named):
    """``[server.http.user.NAME]``: a person at the page, or software that sends by HTTP."""

    password: Secret | None = None
    """For the page, and for HTTP basic: in clear, or a hash that begins with `$argon2` or `$scrypt$`."""
    token: Secret | None = None
    """For software: `Authorization: Bearer`."""
    networks: Networks = ()
    """Where it may come from; without it: from anywhere."""
    backends: Words = ()
    """What it may send through, the first one unless it says; without it: `auto`, and all."""
    rate: OneRate | None = None
    """How many recipients it may send to; beyond that it is told to come later."""


class HttpServerConfig(Section):
    """``[server.http]``."""

    listen: Listen = "127.0.0.1:8080"
    """Host and port; `[::]:8080` is every address."""
    tls: Annotated[TlsConfig | None, BeforeValidator(_server_tls)] = None
    """`{ cert = "…", key = "…" }`; with `ca`, clients must show a certificate of it."""
    timeout: Annotated[float, values.duration(0.1, 600)] = 10.0
    """How long a whole request may take to arrive."""
    most: Annotated[int, values.whole(1024, 16 << 20)] = 65536
    """The most octets of a request's body."""
    inbound: dict[str, InboundConfig] = Field(default_factory=dict, alias="in")
    user: dict[str, HttpUserConfig] = Field(default_factory=dict)


class ServerSection(Section):
    """``[server]``."""

    smpp: SmppServerConfig | None = None
    http: HttpServerConfig | None = None
