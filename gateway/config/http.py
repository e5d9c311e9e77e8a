"""Options of the backends that speak HTTP: what ``[backend.NAME]`` takes beside ``class`` and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from gateway.config import http_values, values
from gateway.config.fields import Flag, PathBeside, Section, Text
from gateway.config.parse import explain
from gateway.config.secrets import Secret

O = TypeVar("O", bound="CallOptions")  # noqa: E741 - the options
Url = Annotated[str, BeforeValidator(http_values.url), Field(repr=False)]
Texts = Annotated[dict[str, Secret], BeforeValidator(http_values.texts)]
Headers = Annotated[dict[str, Secret], BeforeValidator(http_values.headers)]
Names = Annotated[dict[str, str], http_values.names(http_values.PLACES)]
Coding = Annotated[Literal["auto", "gsm7", "ucs2"], values.choice("auto", "gsm7", "ucs2")]


class CallOptions(Section):
    """What calls to any web server have."""

    url: Url
    """Where to; may hold `{identity}`, `{text}`, `{id}` and the like. It is never shown."""
    extra: Texts = Field(default_factory=dict)
    """Parameters that are always the same; each a string or a secret."""
    headers: Headers = Field(default_factory=dict)
    """Headers that are always the same; each a string or a secret."""
    ca: PathBeside | None = None
    """Certificates to trust instead of the system's; a server's certificate is always verified."""
    timeout: Annotated[float, values.duration(0.1, 30)] = 10.0
    """How long the server may be silent."""
    strip_plus: Flag = False
    """Write numbers without their `+`."""
    expect: Annotated[str, BeforeValidator(http_values.pattern)] | None = None
    """A pattern that the answer's body must have; without it any 2xx is good."""


class LoginOptions(CallOptions):
    """How a server knows us by HTTP's own means."""

    user: Text | None = None
    """For HTTP basic."""
    password: Secret | None = None
    """The same."""
    token: Secret | None = None
    """Sent as `Authorization: Bearer`, instead of user and password."""


class HttpOptions(LoginOptions):
    """``gateway.backends.http:HttpBackend``."""

    format: Annotated[Literal["form", "json", "query"], values.choice("form", "json", "query")] = "form"
    """`form` and `json` are POSTs, `query` is a GET."""
    params: Names = Field(default_factory=lambda: {"identity": "identity", "text": "text", "id": "id"})
    """What is sent under which name, of identity, text, id, backend, source, in_response_to and external_id."""


class KannelOptions(CallOptions):
    """``gateway.backends.kannel:KannelBackend``."""

    url: Url = "http://127.0.0.1:13013/cgi-bin/sendsms"
    """The sendsms service of smsbox."""
    username: Text = "kannel"
    """The `sendsms-user`."""
    password: Secret
    """Its password."""
    source: Text | None = None
    """The sender, unless a message names its own in `fields["source"]`."""
    smsc: Text | None = None
    """The connection of Kannel that is to be used."""
    charset: Annotated[str, BeforeValidator(http_values.charset)] = "UTF-8"
    """How the text is written in the URL; what it lacks becomes `?`."""
    coding: Coding = "auto"
    """`auto`: GSM-7 where the text fits, else UCS-2."""
    dlr_url: Annotated[str, BeforeValidator(http_values.url)] | None = Field(default=None, repr=False)
    """Our own report page as Kannel reaches it, such as `"http://127.0.0.1:8080/in/kannel/report"`."""
    dlr_token: Secret | None = None
    """The token of that page."""
    dlr_mask: Annotated[int, values.whole(0, 31)] = 19
    """Which reports are asked for: 1 delivered, 2 failed, 4 buffered, 8 accepted, 16 rejected, added up."""


class VumiOptions(LoginOptions):
    """``gateway.backends.vumi:VumiBackend``."""

    source: Text | None = None
    """`from_addr`, unless a message names its own in `fields["source"]`."""


def read(model: type[O], options: Mapping[str, Any], base: Path | None) -> O:
    """Read the options of a backend. Raises ValueError with all that is wrong."""
    found = _read(model, options, base)
    if isinstance(found, list):
        raise ValueError("; ".join(f"{key}: {why}" for key, why in found))  # noqa: TRY004 - as a person sees it
    return found


def faults(model: type[O], options: Mapping[str, Any], base: Path | None) -> Iterator[tuple[str, str]]:
    """What is wrong with the options of a backend: a key and a sentence each, secrets that can't be read too."""
    found = _read(model, options, base)
    if isinstance(found, list):
        yield from found
        return
    for key in model.model_fields:
        value = getattr(found, key)
        for secret in value.values() if isinstance(value, dict) else (value,):
            if isinstance(secret, Secret):
                yield from ((key, why) for why in secret.missing())


def _read(model: type[O], options: Mapping[str, Any], base: Path | None) -> O | list[tuple[str, str]]:
    try:
        found = model.model_validate(options, context={"base": base})
    except ValidationError as error:
        return [(str(path[0]), message) for path, message in explain(error, model)]
    if isinstance(found, LoginOptions) and found.token and (found.user or found.password):
        return [("token", "has no use beside user and password; a request has one Authorization header")]
    return found
