"""Which queue an outgoing message waits in, and whether it was sent before."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

from gateway.backends import AUTO, Choice, Wish, choose
from gateway.message import OutgoingMessage
from gateway.router import outgoing
from gateway.session import now_ms
from gateway.store import devices, queries, router_rows
from gateway.store.types import Connection, Direction

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

_GOLDEN = 0.6180339887498949
"""Successive multiples of the golden ratio, modulo 1, are the most evenly spread (Weyl sequence)."""
_REMEMBERED = 20
"""How many of a number's last messages are looked at for a sticky pool."""


class Lanes:
    """Asks ``backends.choose``, with what it needs to know of the store."""

    def __init__(self, router: BlockingRouter) -> None:
        self._router = router
        self._turns = itertools.count(random.randrange(1 << 20))  # noqa: S311 - only spreads work

    def of(self, msg: OutgoingMessage, connection: Connection, parts: int = 1) -> Choice:
        """Give the lane of one recipient. Raises NoRouteError."""
        due_s = 0.0 if msg.at is None else msg.at.timestamp()
        return choose(
            self._router.config,
            connection.backend.name,
            connection.identity,
            python=self._router.backends,
            wish=Wish(str(msg.fields.get("source", "")), parts, len(msg.text), max(now_ms() / 1000, due_s)),
            turn=next(self._turns) * _GOLDEN,
            last_heard=self._last_heard,
            up=self._up() if connection.backend.name == AUTO else None,
        )

    def _up(self) -> set[str] | None:
        """The devices that are up, where routes are chosen by cost."""
        if self._router.config.gateway.routes != "cost":
            return None
        with self._router.session.store.read() as c:
            return devices.up(c)

    def _last_heard(self, identity: str) -> str | None:
        which = queries.MessageFilter(direction=Direction.IN, identity=identity, limit=_REMEMBERED)
        with self._router.session.store.read() as c:
            found = queries.messages(c, which)
        devices = self._router.config.devices
        return next((each.device for each, _ in reversed(found) if each.device in devices), None)


def first_with_key(router: BlockingRouter, msg: OutgoingMessage) -> OutgoingMessage | None:
    """Give the message that has this key already, if it is the same; apps need not see it again."""
    if not msg.key:
        return None
    with router.session.store.read() as c:
        row = router_rows.by_key(c, msg.key)
    if row is None or row.text != msg.raw_text:
        return None
    stored = [(each.connection.backend.name, each.connection.identity) for each in row.transmissions]
    wanted = [(each.backend.name, each.identity) for each in outgoing.recipients(msg)]
    return outgoing.message(router, row) if stored == wanted else None
