"""An SMS gateway: GSM modems and SMPP carriers behind one durable queue.

from gateway import receive, send, lookup_connections

connections = lookup_connections(backend="mtn", identities=["+254700000001"])
message = send("hello", connections)          # stored when this returns
message.transmissions[0].status               # "queued", later "sent", "delivered"
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.api import (
        alisten,
        asend,
        configure,
        forget_listener,
        get_message,
        get_router,
        listen,
        lookup_connections,
        messages,
        receive,
        send,
        set_router,
    )
    from gateway.apps.base import App
    from gateway.apps.contactbook import (
        add_contact,
        contact_connections,
        delete_contact,
        edit_contact,
        find_contacts,
        group_connections,
        set_contact,
    )
    from gateway.apps.handlers import BaseHandler, KeywordHandler, PatternHandler
    from gateway.backends import BackendBase
    from gateway.errors import ConfigurationError, GatewayError, HandlerError, MessageSendingError, StoreError
    from gateway.message import ErrorMessage, IncomingMessage, OutgoingMessage
    from gateway.router import BlockingRouter, QueuedRouter
    from gateway.router.changing import change_messages
    from gateway.standing import Device, devices
    from gateway.store.types import Backend, Connection, Contact
    from gateway.transmission import Transmission

__version__ = "0.1.0"

_HOMES = {
    "gateway.api": "alisten asend configure forget_listener get_message get_router listen lookup_connections messages "
    "receive send set_router",
    "gateway.apps.contactbook": "add_contact contact_connections delete_contact edit_contact find_contacts "
    "group_connections set_contact",
    "gateway.apps.base": "App",
    "gateway.apps.handlers": "BaseHandler KeywordHandler PatternHandler",
    "gateway.backends": "BackendBase",
    "gateway.standing": "Device devices",
    "gateway.errors": "ConfigurationError GatewayError HandlerError MessageSendingError StoreError",
    "gateway.message": "ErrorMessage IncomingMessage OutgoingMessage",
    "gateway.router": "BlockingRouter QueuedRouter",
    "gateway.router.changing": "change_messages",
    "gateway.store.types": "Backend Connection Contact",
    "gateway.transmission": "Transmission",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "App", "Backend", "BackendBase", "BaseHandler", "BlockingRouter", "ConfigurationError", "Connection", "Contact",
    "Device", "ErrorMessage", "GatewayError", "HandlerError", "IncomingMessage", "KeywordHandler",
    "MessageSendingError", "OutgoingMessage", "PatternHandler", "QueuedRouter", "StoreError", "Transmission",
    "add_contact", "alisten", "asend", "change_messages", "configure", "contact_connections", "delete_contact",
    "devices", "edit_contact", "find_contacts", "forget_listener", "get_message", "get_router", "group_connections",
    "listen", "lookup_connections", "messages", "receive", "send", "set_contact", "set_router",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import gateway` alone costs nothing (pytest loads our fixtures)."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
