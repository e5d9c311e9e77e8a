"""What users send: checked, stored, and shown again to those whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from gateway import api, plain
from gateway.backends import AUTO, heard_by
from gateway.config.model import Config
from gateway.config.servers import HttpUserConfig
from gateway.config.values import nearest
from gateway.errors import GatewayError, StoreError
from gateway.given import storable_text
from gateway.store.types import Direction, MessageRow
from gateway.transmission import roll_up
from gateway.web.request import Refusal
from gateway.web.users import Users

KEYS = ("backend", "to", "text", "at", "expires", "priority", "key", "flash", "encoding", "on_unknown", "fields")
MOST_KEY = 200


def submit(users: Users, user: HttpUserConfig, wanted: Mapping[str, Any]) -> MessageRow:
    """Store a message; it is sent by the service. Raises Refusal with a sentence, and StoreError."""
    for name in wanted:
        if name not in KEYS:
            hint = nearest(name, KEYS) or f"; the keys are {', '.join(KEYS)}"
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{name[:64]!r} is unknown{hint}")
    to = [wanted["to"]] if isinstance(wanted.get("to"), str | int) else wanted.get("to")
    if not isinstance(to, list) or not to:
        raise Refusal(HTTPStatus.BAD_REQUEST, "'to' must be a number, or a list of numbers that isn't empty")
    if not isinstance(wanted.get("text"), str):
        raise Refusal(HTTPStatus.BAD_REQUEST, "'text' must be a string")
    router = api.get_router()
    backend = backend_for(router.config, user, wanted.get("backend"))
    try:
        extra = _extra(user, wanted)
        connections = api.lookup_connections(backend, to)
        users.take(user, len(connections))
        message = api.send(storable_text(wanted["text"]), connections, **extra)
    except StoreError:
        raise
    except (TypeError, ValueError) as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from None
    except GatewayError as error:
        raise Refusal(HTTPStatus.CONFLICT, str(error)) from None
    row = router.row(message.id)
    assert row is not None
    return row


def backends_of(config: Config, user: HttpUserConfig) -> list[str]:
    """What a user may send through, the usual one first."""
    if user.backends:
        return list(user.backends)
    known = [*config.devices, *config.backend]
    return known if len(known) == 1 else [AUTO, *known] if config.route else known


def backend_for(config: Config, user: HttpUserConfig, asked: object) -> str:
    """The backend that a user's message goes to. Raises Refusal."""
    allowed = backends_of(config, user)
    if asked is None:
        if not user.backends and len(allowed) > 1 and allowed[0] != AUTO:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"'backend' must be one of {', '.join(allowed)}")
        return allowed[0] if allowed else AUTO
    if asked not in allowed:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"'backend' must be one of {', '.join(allowed)}, not {str(asked)[:64]!r}")
    return str(asked)


def _extra(user: HttpUserConfig, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``send``. Raises TypeError and ValueError."""
    fields = {} if wanted.get("fields") is None else wanted["fields"]
    if not isinstance(fields, dict):
        raise TypeError("'fields' must be an object")
    now = datetime.now(UTC)
    extra: dict[str, Any] = {"fields": {**fields, "user": user.name}}
    for name in ("at", "expires"):
        if wanted.get(name) is not None:
            extra[name] = plain.parse_moment(_string(name, wanted[name]), now)
    if wanted.get("key") is not None:
        # A key of another user is none of this one's business.
        extra["key"] = f"http/{user.name}/{_string('key', wanted['key'])[:MOST_KEY]}"
    extra |= {name: wanted[name] for name in ("priority", "encoding", "on_unknown") if wanted.get(name) is not None}
    if not isinstance(wanted.get("flash", False), bool):
        raise TypeError("'flash' must be true or false")
    return extra | {"flash": wanted.get("flash", False)}


def _string(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{name!r} must be a string of printable characters that isn't empty")
    return value


def seen(user: HttpUserConfig, row: MessageRow | None) -> MessageRow:
    """A message, if the user may see it: its own, and what came in where it may send; without ``backends`` all.

    Raises Refusal, the same for one that isn't there.
    """
    config = api.get_router().config
    heard = heard_by(config, user.backends)
    if row is not None:
        own = row.fields.get("user") == user.name
        came = row.direction == Direction.IN and all(
            heard is None or each.connection.backend.name in heard for each in row.transmissions
        )
        if not user.backends or own or came:
            return row
    raise Refusal(HTTPStatus.NOT_FOUND, "there is no such message")


def shown(row: MessageRow) -> dict[str, Any]:
    """A message as JSON: what it has itself, and its transmissions with their documented keys."""
    return {
        "id": row.id,
        "direction": str(row.direction),
        "text": row.text,
        "status": str(roll_up(each.status for each in row.transmissions) or ""),
        "transmissions": [plain.transmission(each, row) for each in row.transmissions],
    }
