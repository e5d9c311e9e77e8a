"""Messages as apps see them. Plain objects; what is stored of them is read again with ``refresh()``."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

from gateway import given
from gateway.older import OlderReads
from gateway.store.types import Connection, MessageRow, Status
from gateway.transmission import OPEN, Transmission, moment, roll_up

_POLL_S = 0.05


class Desk(Protocol):
    """What a message needs of the gateway that stored it; ``gateway.router`` provides it."""

    def load(self, message_id: str) -> Message | None:
        """Read a message from the store."""

    def row(self, message_id: str) -> MessageRow | None:
        """Read a message's row, with its transmissions."""

    def change(self, verb: str, message_id: str) -> int:
        """Cancel, hold, release or resend; gives how many transmissions changed."""

    def send_outgoing(self, message: OutgoingMessage) -> Any:
        """Send an outgoing message that was built by hand."""


class Message(OlderReads):
    """What incoming and outgoing messages have in common.

    ``raw_text`` is the text as it was at construction, whatever apps do to ``text``. ``fields`` is free
    metadata of plain JSON values; it is stored and reaches backends. ``processed``: the outgoing phase is
    over; ``handled``: an app has answered.
    """

    def __init__(
        self,
        text: str,
        connections: Connection | Iterable[Connection] = (),
        *,
        id_: str | None = None,
        in_response_to: Message | str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise TypeError(f"the text of a message must be a str, not {type(text).__name__}")
        if not isinstance(in_response_to, Message | str | None):
            raise TypeError(f"in_response_to must be a message or its id, not {in_response_to!r}")
        self.id = str(id_) if id_ else uuid.uuid4().hex
        self.connections = given.connections(connections)
        self.text = text
        self.raw_text = text
        self.fields: dict[str, Any] = dict(fields or {})
        self.processed = False
        self.handled = False
        self.transmissions: tuple[Transmission, ...] = ()
        self.created_at = datetime.now(UTC)
        self._in_response_to = in_response_to
        self._error: str | None = None
        self._context: Mapping[str, Any] = {}
        self._desk: Desk | None = None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.text}>"

    @property
    def in_response_to(self) -> Message | None:
        """The message that this one answers, read from the store when only its id is known."""
        if isinstance(self._in_response_to, str):
            found = self._desk.load(self._in_response_to) if self._desk else None
            if found is None:
                return None
            self._in_response_to = found
        return self._in_response_to

    @in_response_to.setter
    def in_response_to(self, value: Message | str | None) -> None:
        self._in_response_to = value

    @property
    def in_response_to_id(self) -> str | None:
        """Id of the message that this one answers."""
        answered = self._in_response_to
        return answered if isinstance(answered, str) or answered is None else answered.id

    @property
    def status(self) -> Status | None:
        """Roll-up of the transmissions as last read; None when nothing is stored."""
        return roll_up(each.status for each in self.transmissions)

    @property
    def errors(self) -> list[str]:
        """What went wrong, one sentence for each transmission that has something to say."""
        found = [each.error for each in self.transmissions if each.error]
        return found or ([self._error] if self._error else [])

    @property
    def sent_at(self) -> datetime | None:
        """When the last transmission was sent; None as long as one isn't."""
        times = [each.sent_at for each in self.transmissions if each.status != Status.CANCELLED]
        known = [each for each in times if each is not None]
        return max(known) if known and len(known) == len(times) else None

    def refresh(self) -> Self:
        """Read status and transmissions again. Raises StoreError; a message that isn't stored stays as it is."""
        row = self._desk.row(self.id) if self._desk else None
        if row is not None:
            self._take(row)
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until nothing is queued, held, sending or unknown, or until ``timeout`` seconds are over."""
        limit = None if timeout is None else time.monotonic() + timeout
        while any(each.status in OPEN for each in self.refresh().transmissions):
            left = _POLL_S if limit is None else min(_POLL_S, limit - time.monotonic())
            if left <= 0:
                break
            time.sleep(left)
        return self

    def bind(self, desk: Desk, row: MessageRow | None = None, context: Mapping[str, Any] | None = None) -> Self:
        """Tie the message to the gateway that stores it. For routers; ``context`` is what a backend is told, too."""
        self._desk = desk
        self._context = context or {}
        if row is not None:
            self._take(row)
        return self

    def _take(self, row: MessageRow) -> None:
        self.transmissions = tuple(map(Transmission.of, row.transmissions))
        self.created_at = moment(row.created_ms) or self.created_at
        self._error = row.error


class IncomingMessage(Message):
    """A message that a device received, or that ``receive()`` put in.

    ``received_at``: when, aware, in UTC. ``to``: the number or SIM it came to, where known. ``device``: the
    device that got it. ``complete``: False when parts of a long message never came. ``redelivered``: a
    process died while it ran the apps on this message, so they may have seen it before.

    >>> message = IncomingMessage("join", to="22141")
    >>> message.to, message.complete, message.handled
    ('22141', True, False)
    """

    def __init__(
        self,
        text: str,
        connections: Connection | Iterable[Connection] = (),
        *,
        id_: str | None = None,
        in_response_to: Message | str | None = None,
        fields: Mapping[str, Any] | None = None,
        received_at: datetime | None = None,
        to: str | None = None,
        device: str | None = None,
        complete: bool = True,
        redelivered: bool = False,
    ) -> None:
        super().__init__(text, connections, id_=id_, in_response_to=in_response_to, fields=fields)
        self.received_at: datetime = given.aware("received_at", received_at) or self.created_at
        self.to = to
        self.device = device
        self.complete = complete
        self.redelivered = redelivered
        self.filtered = False
        self.responses: list[dict[str, Any]] = []

    def respond(self, text: str, **kwargs: Any) -> dict[str, Any]:
        """Answer. The answer is sent after all phases; later apps may edit or remove it in ``responses``.

        ``kwargs`` are those of ``send``, plus ``connections`` to answer elsewhere and ``class_``. Returns
        the entry that was added to ``responses``. Raises TypeError when ``text`` is not a str.

        >>> message = IncomingMessage("hi")
        >>> message.respond("hello", priority=5)["text"]
        'hello'
        """
        if not isinstance(text, str):
            raise TypeError(f"the text of a response must be a str, not {type(text).__name__}")
        response = {"text": text, "connections": self.connections, "in_response_to": self, **kwargs}
        self.responses.append(response)
        return response

    def error(self, text: str, **kwargs: Any) -> dict[str, Any]:
        """Answer with an ``ErrorMessage``; the rest is as in ``respond``."""
        return self.respond(text, **{"class_": ErrorMessage, **kwargs})

    def _take(self, row: MessageRow) -> None:
        super()._take(row)
        self.received_at = moment(row.received_ms) or self.received_at


class OutgoingMessage(Message):
    """A message to one or more connections.

    ``at``, ``expires``: aware datetime, or timedelta from now. ``priority``: -100 to 100, larger first.
    ``key``: the same key again gives the first message. ``flash``: shown at once, not kept by the phone.
    ``encoding``: ``"gsm7"`` or ``"ucs2"``, None is automatic. ``dedupe``: one transmission per backend
    and identity. ``on_unknown``: ``"resend"`` or ``"hold"``, None is the device's.

    >>> message = OutgoingMessage("hello", expires=timedelta(hours=6), priority=10)
    >>> message.expires > message.created_at, message.status
    (True, None)
    """

    kind = "message"

    def __init__(
        self,
        text: str,
        connections: Connection | Iterable[Connection] = (),
        *,
        id_: str | None = None,
        in_response_to: Message | str | None = None,
        fields: Mapping[str, Any] | None = None,
        at: datetime | timedelta | None = None,
        expires: datetime | timedelta | None = None,
        priority: int = 0,
        key: str | None = None,
        flash: bool = False,
        encoding: str | None = None,
        dedupe: bool = True,
        on_unknown: str | None = None,
    ) -> None:
        super().__init__(text, connections, id_=id_, in_response_to=in_response_to, fields=fields)
        self.at = given.aware("at", at, self.created_at)
        self.expires = given.aware("expires", expires, self.created_at)
        self.priority = priority
        self.key = key
        self.flash = flash
        self.encoding = encoding
        self.dedupe = dedupe
        self.on_unknown = on_unknown
        self.refused: dict[int, str] = {}

    def refuse(self, connection: Connection, reason: str) -> None:
        """Keep the message from one recipient: it is stored as cancelled, with the reason. For ``outgoing``."""
        self.refused[connection.id] = reason

    def extra_backend_context(self) -> dict[str, Any]:
        """What a backend in Python is told besides text and identities; subclasses add to it.

        ``fields``, and where the message answers another one, ``in_response_to`` (its id) and the
        ``external_id`` of its fields.
        """
        context: dict[str, Any] = {"fields": dict(self.fields)}
        if self.in_response_to_id is not None:
            context["in_response_to"] = self.in_response_to_id
            original = self.in_response_to
            if original is not None and "external_id" in original.fields:
                context["external_id"] = original.fields["external_id"]
        return {**context, **self._context}

    def send(self) -> Self:
        """Send this message itself, with its class, fields and id. Raises what ``gateway.send`` raises."""
        if self._desk is None:
            raise RuntimeError("this message belongs to no router; build it with get_router().new_outgoing_message()")
        self._desk.send_outgoing(self)
        return self

    def cancel(self) -> int:
        """Cancel what has not left. Gives how many transmissions changed; GatewayError when none may."""
        return self._change("cancel")

    def hold(self) -> int:
        """Keep what is queued until ``release``. Gives how many transmissions changed."""
        return self._change("hold")

    def release(self) -> int:
        """Queue what is held. Gives how many transmissions changed."""
        return self._change("release")

    def resend(self) -> int:
        """Queue again what failed, expired, was cancelled or is unknown. Gives how many changed."""
        return self._change("resend")

    def _change(self, verb: str) -> int:
        changed = self._desk.change(verb, self.id) if self._desk else 0
        self.refresh()
        return changed


class ErrorMessage(OutgoingMessage):
    """An answer that tells of a mistake; otherwise a message like any other.

    >>> IncomingMessage("jion").error("no such word")["class_"] is ErrorMessage
    True
    """

    kind = "error"


__all__ = ["Desk", "ErrorMessage", "IncomingMessage", "Message", "OutgoingMessage", "Transmission", "roll_up"]
