"""Routers, backends and apps that remember what went through them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from gateway import api, session
from gateway.apps.base import App
from gateway.backends import BackendBase
from gateway.errors import MessageSendingError
from gateway.message import IncomingMessage, OutgoingMessage
from gateway.router import BlockingRouter
from gateway.store.types import NewMessage

BACKEND = "mockbackend"


class MockBackend(BackendBase):
    """Keeps what it is given in ``sent_messages``: dicts with ``id_``, ``text``, ``identities``, ``context``.

    >>> _ = send("hello", lookup_connections("mockbackend", "+1"))
    >>> [sent["text"] for sent in get_router().backends["mockbackend"].sent_messages]
    ['hello']
    """

    def configure(self, *_: Any, **config: Any) -> None:
        """Keep the options for tests to look at."""
        self.sent_messages: list[dict[str, Any]] = []
        self.config = config

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> bool:
        """Remember a message."""
        self.sent_messages.append({"id_": id_, "text": text, "identities": identities, "context": context})
        return True

    def clear_sent_messages(self) -> None:
        """Forget what was sent."""
        self.sent_messages.clear()


class RaisesBackend(BackendBase):
    """Always raises.

    >>> RaisesBackend(None, "raises").send("id", "hello", ["+1"], {})
    Traceback (most recent call last):
        ...
    RuntimeError: this backend always raises
    """

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Raise."""
        raise RuntimeError("this backend always raises")


class FailedIdentitiesBackend(MockBackend):
    """Fails the identities that contain a 1.

    >>> FailedIdentitiesBackend(None, "some").send("id", "hello", ["+1"], {})
    Traceback (most recent call last):
        ...
    gateway.errors.MessageSendingError: these have a 1
    """

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> bool:
        """Remember a message; raise MessageSendingError for those with a 1."""
        super().send(id_, text, identities, context)
        failed = [each for each in identities if "1" in each]
        if failed:
            raise MessageSendingError("these have a 1", failed_identities=failed)
        return True


class MockApp(App):
    """Records (phase, message) in ``calls``, and returns what ``return_values`` says for a phase.

    >>> app = get_router().add_app(MockApp)
    >>> app.configure(handle=True)
    >>> receive("hi", lookup_connections("mockbackend", "+1")[0]).handled
    True
    """

    def configure(self, *_: Any, **return_values: Any) -> None:
        """Take what each phase returns."""
        self.calls: list[tuple[str, IncomingMessage | OutgoingMessage]] = []
        self.return_values: dict[str, Any] = dict(return_values)

    def _called(self, phase: str, msg: IncomingMessage | OutgoingMessage) -> Any:
        self.calls.append((phase, msg))
        return self.return_values.get(phase)

    def filter(self, msg: IncomingMessage) -> Any:
        """Record the call."""
        return self._called("filter", msg)

    def parse(self, msg: IncomingMessage) -> Any:
        """Record the call."""
        return self._called("parse", msg)

    def handle(self, msg: IncomingMessage) -> Any:
        """Record the call."""
        return self._called("handle", msg)

    def default(self, msg: IncomingMessage) -> Any:
        """Record the call."""
        return self._called("default", msg)

    def cleanup(self, msg: IncomingMessage) -> Any:
        """Record the call."""
        return self._called("cleanup", msg)

    def outgoing(self, msg: OutgoingMessage) -> Any:
        """Record the call."""
        return self._called("outgoing", msg)


class TestRouter(BlockingRouter):
    """A blocking router that keeps every message in ``inbound`` or ``outbound``, before any phase.

    It always has a ``MockBackend`` called ``mockbackend``. With ``disable_phases`` it only keeps them: no phase, no
    backend, nothing stored. Where nothing was configured it uses a database of its own, which is then removed.

    >>> _ = receive("hi", lookup_connections("mockbackend", "+1")[0])
    >>> [message.text for message in get_router().inbound][-1:]
    ['hi']
    """

    __test__ = False

    def __init__(
        self,
        apps: Iterable[str | type[App]] | None = None,
        backends: Mapping[str, Any] | None = None,
        *,
        disable_phases: bool = False,
    ) -> None:
        configured()
        super().__init__(apps, backends)
        if BACKEND not in self.backends:
            self.add_backend(BACKEND, MockBackend)
        self.disable_phases = disable_phases
        self.inbound: list[IncomingMessage] = []
        self.outbound: list[OutgoingMessage] = []

    def receive_incoming(self, msg: IncomingMessage) -> None:
        """Keep a message and run its phases."""
        self.inbound.append(msg)
        if not self.disable_phases:
            super().receive_incoming(msg)

    def send_outgoing(self, msg: OutgoingMessage, *, raise_on_error: bool = False) -> OutgoingMessage:
        """Keep a message and send it."""
        if self.disable_phases:
            self.outbound.append(msg)
            return msg
        return super().send_outgoing(msg, raise_on_error=raise_on_error)

    def prepare(self, msg: OutgoingMessage) -> NewMessage:
        """Keep a message that is about to run its outgoing phase; responses come this way, too."""
        self.outbound.append(msg)
        return super().prepare(msg)


def configured() -> None:
    """Make sure that there is a config: where none was given, one with a database in a temporary folder.

    A config that is only lying around (``./gateway.toml``) is not used: tests must not write to a real queue.
    """
    if session.known() is None:
        folder = tempfile.mkdtemp(prefix="sms-gateway-test-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        atexit.register(api.adopt, None)
        api.configure({"gateway": {"state": folder, "durability": "fast", "router": "blocking"}})
