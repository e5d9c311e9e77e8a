"""Messages out over HTTP: one request for each recipient, to a URL and with the parameters of the config."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request

from gateway.backends import web
from gateway.backends.base import BackendBase
from gateway.config import http
from gateway.config.http import CallOptions, HttpOptions, LoginOptions
from gateway.errors import GatewayError, MessageSendingError


class WebBackend(BackendBase):
    """What backends over HTTP share. Subclasses build the request.

    An answer of 4xx that is about the message is final; any other failure is tried again later. What got no answer may
    have arrived all the same: its id is the same the next time, so that the server can tell.
    """

    defaults = {"batch": 10}  # noqa: RUF012 - read only; ten servers' silences must end before the router counts as stuck
    options_class: ClassVar[type[CallOptions]] = CallOptions
    options: Any

    def configure(self, *_: Any, **config: Any) -> None:
        """Take the options. Raises ValueError with all that is wrong."""
        path = self.router.config.path if self.router else None
        self.options = http.read(self.options_class, config, path.absolute().parent if path else None)
        self._opener = web.opener(self.options.ca)

    @classmethod
    def option_faults(cls, options: Mapping[str, Any], base: Path | None) -> Iterable[tuple[str, str]]:
        """Keys that aren't known, values that can't be used, secrets that can't be read."""
        return http.faults(cls.options_class, options, base)

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> None:
        """Call the server once for each recipient. Raises MessageSendingError that says of each why it failed.

        When the server doesn't answer, those that follow are not tried, so that a dead server costs one time-out.
        """
        failed: dict[str, str] = {}
        refused: list[str] = []
        trouble: web.Trouble | None = None
        for identity in identities:
            if trouble is None or not trouble.silent:
                trouble = self._call(id_, text, identity, context)
            if trouble is not None:
                failed[identity] = trouble.why
                refused += [identity] if trouble.final else []
        if failed:
            raise MessageSendingError("; ".join(dict.fromkeys(failed.values())), failed, refused)

    def _call(self, id_: str, text: str, identity: str, context: Mapping[str, Any]) -> web.Trouble | None:
        fields = context.get("fields", {})
        found = {
            "identity": identity.removeprefix("+") if self.options.strip_plus else identity, "text": text, "id": id_,
            "backend": self.name, "source": fields.get("source"), "in_response_to": context.get("in_response_to"),
            "external_id": context.get("external_id"),
        }  # fmt: skip
        values = {name: str(value) for name, value in found.items() if value is not None}
        try:
            request = self.request(values, identity)
            for name, value in self.options.headers.items():
                request.add_header(name, value.fresh())
        except MessageSendingError as error:
            return web.Trouble(str(error), final=True)
        except (GatewayError, ValueError) as error:
            return web.Trouble(str(error))
        return web.call(self._opener, request, self.options.timeout, self.options.expect)

    def request(self, values: Mapping[str, str], identity: str) -> Request:
        """Build the request for one recipient. ``identity``: as it is stored; in ``values`` as the server wants it.

        Raises MessageSendingError for what can't be sent at all, ConfigurationError for a secret that can't be read.
        """
        raise NotImplementedError(f"{type(self).__name__} has no request()")

    def url(self, values: Mapping[str, str], query: Mapping[str, Any] | None = None) -> str:
        """Give the URL of the config with its places filled, and ``query`` behind it."""

        def value(place: re.Match[str]) -> str:
            return urllib.parse.quote(values.get(place[1], ""), safe="")

        filled = re.sub(r"\{(\w+)\}", value, self.options.url)
        if not query:
            return filled
        return filled + ("&" if "?" in filled else "?") + urllib.parse.urlencode(query)

    @property
    def extra(self) -> dict[str, str]:
        """The parameters that are always the same. Raises ConfigurationError when a secret can't be read."""
        return {name: value.fresh() for name, value in self.options.extra.items()}


class HttpBackend(WebBackend):
    """Any web service that takes one message in one request.

    ``[backend.partner] class = "gateway.backends.http:HttpBackend"``, ``url`` and the other options of that table.

    >>> backend = HttpBackend(None, "partner", url="https://sms.example.com/to/{identity}", format="query",
    ...                       params={"text": "message"}, extra={"from": "12345"})
    >>> backend.request({"identity": "+254700000001", "text": "hi & bye"}, "+254700000001").full_url
    'https://sms.example.com/to/%2B254700000001?from=12345&message=hi+%26+bye'
    """

    options_class = HttpOptions
    options: HttpOptions

    def request(self, values: Mapping[str, str], identity: str) -> Request:  # noqa: ARG002 - as the base
        """Build a POST with a form or JSON, or a GET."""
        options = self.options
        given = {name: values[place] for place, name in options.params.items() if place in values}
        parameters = {**self.extra, **given}
        if options.format == "query":
            return Request(self.url(values, parameters), headers=authorization(options))  # noqa: S310 - a URL of the config
        if options.format == "form":
            return post(self.url(values), urllib.parse.urlencode(parameters), FORM, authorization(options))
        return post(self.url(values), json.dumps(parameters, ensure_ascii=False), JSON, authorization(options))


FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/json; charset=utf-8"


def post(url: str, body: str, kind: str, headers: Mapping[str, str]) -> Request:
    """Give a POST of a text."""
    return Request(url, body.encode(), {"content-type": kind, **headers}, method="POST")  # noqa: S310 - as above


def authorization(options: LoginOptions) -> dict[str, str]:
    """Give the headers that say who we are. Raises ConfigurationError when a secret can't be read."""
    found = {"user-agent": "sms-gateway"}
    if options.token is not None:
        found["authorization"] = f"Bearer {options.token.fresh()}"
    elif options.user is not None:
        password = options.password.fresh() if options.password else ""
        found["authorization"] = f"Basic {base64.b64encode(f'{options.user}:{password}'.encode()).decode()}"
    return found
