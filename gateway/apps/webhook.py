"""Web hooks: what comes in, and what becomes of what goes out, is posted to web servers.

Bodies and signatures follow Standard Webhooks (standardwebhooks.com, version 1): the headers ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, and a body ``{"type", "timestamp", "data"}``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from gateway.apps.outlet import OutletApp, strings
from gateway.backends import BackendBase, web
from gateway.config.secrets import Secret
from gateway.config.values import nearest, parse_duration
from gateway.errors import GatewayError, MessageSendingError
from gateway.message import IncomingMessage
from gateway.transmission import Transmission

EVENTS = ("received", "status")
KEYS = ("url", "secret", "events", "backends", "timeout", "headers")
PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class Hook:
    """``[app.webhook.NAME]``: one web server that is told."""

    name: str
    url: str = field(repr=False)
    """May hold a token, so it is never shown."""
    secret: Secret | None = None
    events: tuple[str, ...] = ("received",)
    backends: tuple[str, ...] = ()
    """Only messages of these; empty is all."""
    timeout_s: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def wants(self, event: str, backend: str) -> bool:
        """Whether it is told of an event at a backend."""
        return event in self.events and (not self.backends or backend in self.backends)

    @classmethod
    def read(cls, name: str, table: Any, base: Any = None) -> Hook:
        """Read a table of the config; ``base``: where relative paths begin. Raises TypeError or ValueError."""
        if not isinstance(table, Mapping):
            raise TypeError(f'a hook is a table such as [app.webhook.crm] with url = "https://…"; {name} is not')
        for key in table:
            if key not in KEYS:
                raise ValueError(f"{name}.{key} is unknown{nearest(key, KEYS) or '; the keys are ' + ', '.join(KEYS)}")
        if not name[:1].isalpha():
            raise ValueError(f"the name of a hook begins with a letter; {name!r} doesn't")
        url, headers = table.get("url"), table.get("headers", {})
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"{name}.url must be an http or https URL")
        if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
            raise TypeError(f"{name}.headers must be a table of strings")
        events = strings(f"{name}.events", table.get("events", "received"))
        if unknown := [each for each in events if each not in EVENTS]:
            raise ValueError(f"{name}.events has {unknown[0]!r}; write {' or '.join(EVENTS)}")
        secret = Secret.parse(table["secret"], base) if "secret" in table else None
        timeout_s = parse_duration(table.get("timeout", "10s")) or 10.0
        backends = strings(f"{name}.backends", table.get("backends", ()))
        return cls(name, url, secret, events, backends, timeout_s, headers)


class WebhookBackend(BackendBase):
    """Posts to hooks; the identity is the hook's name. Tries again for most of a day, each time later."""

    defaults = {"retries": 14, "retry_delay": "10s", "backoff": 3, "retry_most": "2h"}  # noqa: RUF012 - read only

    def configure(self, *_: Any, hooks: Mapping[str, Hook] | None = None) -> None:
        """Take the hooks by name."""
        self.hooks = dict(hooks or {})
        self._opener = web.opener()

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> None:
        """Post to each hook. Raises MessageSendingError that names those that didn't answer with 2xx, and why."""
        event = context.get("fields", {}).get("event") or {"type": "message", "data": {"text": text}}
        body = json.dumps({"timestamp": _iso(datetime.now(UTC)), **event}, ensure_ascii=False).encode()
        failed: dict[str, str] = {}
        for identity in identities:
            hook = self.hooks.get(identity)
            why = "no hook of this name is configured" if hook is None else self._post(hook, id_, body)
            if why:
                failed[identity] = f"{identity}: {why}"
        if failed:
            raise MessageSendingError("; ".join(failed.values()), failed)

    def _post(self, hook: Hook, id_: str, body: bytes) -> str | None:
        """Post once; None when it went well, else why not."""
        try:
            request = urllib.request.Request(  # noqa: S310 - the config takes http and https only
                hook.url, body, {**hook.headers, **headers(hook.secret, id_, int(time.time()), body)}, method="POST"
            )
        except (GatewayError, ValueError) as error:
            return f"{type(error).__name__}: {error}".replace(hook.url, "the URL")
        trouble = web.call(self._opener, request, hook.timeout_s)
        return trouble.why if trouble else None


def headers(secret: Secret | None, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give the headers of one post. Raises GatewayError when the secret can't be read.

    >>> made = headers(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_1", 1614265330, b'{"test": 2432232314}')
    >>> made["webhook-id"], made["webhook-timestamp"], made["webhook-signature"][:3]
    ('msg_1', '1614265330', 'v1,')
    """
    found = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "sms-gateway",
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        signed = b".".join([id_.encode(), str(timestamp).encode(), body])
        mac = hmac.new(_octets(secret.reveal()), signed, hashlib.sha256).digest()
        found["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return found


def _octets(secret: str) -> bytes:
    """The key: base64 behind ``whsec_``, else the text itself."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise GatewayError(f"the secret begins with {PREFIX} and is not base64 behind it") from None


class WebhookApp(OutletApp):
    """Tells web servers. One table for each: ``[app.webhook.crm] url = "https://…"``, ``secret``, ``events``.

    ``events``: ``"received"``, each message that comes in, whatever other apps do with it unless they filter it
    (default), and ``"status"``, each change of what goes out.
    """

    backend_class = WebhookBackend

    def configure(self, *_: Any, **tables: Any) -> None:
        """Take the hooks. Raises TypeError or ValueError for one that can't be used."""
        path = self.router.config.path if self.router else None
        base = path.absolute().parent if path else None
        self.hooks = {name: Hook.read(name, table, base) for name, table in tables.items()}
        self.attach(hooks=self.hooks)

    def faults(self, config: Any) -> Iterable[str]:
        """Secrets that can't be read."""
        for name, table in self.options.items():
            secret = Hook.read(name, table, config.path.absolute().parent if config.path else None).secret
            yield from (f"{name}.secret: {why}" for why in (secret.missing() if secret else ()))

    @property
    def wants_status(self) -> bool:
        """Only where a hook does."""
        return any("status" in hook.events for hook in self.hooks.values())

    def cleanup(self, msg: IncomingMessage) -> None:
        """Tell of a message."""
        connection = msg.connections[0]
        data = {
            "id": msg.id, "backend": connection.backend.name, "identity": connection.identity, "text": msg.raw_text,
            "to": msg.to, "device": msg.device, "complete": msg.complete, "received_at": _iso(msg.received_at),
            "contact": str(connection.contact) if connection.contact else None,
            "fields": {key: value for key, value in msg.fields.items() if isinstance(value, str | int | float | bool)},
        }  # fmt: skip
        event = {"type": "message.received", "timestamp": _iso(msg.received_at), "data": data}
        for hook in self.hooks.values():
            if hook.wants("received", connection.backend.name):
                self.carry(hook.name, msg.raw_text, msg.id, {"event": event}, msg)

    def status(self, transmission: Transmission) -> None:
        """Tell of a change; those of our own posts are nobody's business."""
        connection = transmission.connection
        if connection.backend.name == self.name:
            return
        data = {
            "id": transmission.message_id, "transmission": transmission.id, "backend": connection.backend.name,
            "identity": connection.identity, "status": str(transmission.status), "error": transmission.error,
            "device": transmission.device, "parts": transmission.parts, "sent_at": _iso(transmission.sent_at),
            "delivered_at": _iso(transmission.delivered_at), "possible_duplicate": transmission.possible_duplicate,
        }  # fmt: skip
        event = {"type": "message.status", "timestamp": _iso(datetime.now(UTC)), "data": data}
        key = f"{transmission.id}/{transmission.status}/{transmission.attempts}"
        for hook in self.hooks.values():
            if hook.wants("status", connection.backend.name):
                self.carry(hook.name, str(transmission.status), key, {"event": event})


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
