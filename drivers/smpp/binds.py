"""All binds of an account: those that it keeps up, and those that its carrier asked for."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator
from typing import Final

from drivers.smpp.account import Account
from drivers.smpp.bind import Bind
from drivers.smpp.connection import Connection
from drivers.smpp.events import OutbindAsked, SessionEvent
from drivers.smpp.outbind import Outbinds

NEVER: Final = float("inf")
Happened = Iterator[tuple[Connection, list[SessionEvent]]]
"""What happened at which connection; to be dealt with before the next is asked for."""


class Binds:
    """``own`` are kept up; ``notice`` is told what a person may want to know."""

    def __init__(self, account: Account, selector: selectors.BaseSelector, notice: Callable[[str], None]) -> None:
        self.own = [Bind(account, command, selector) for command in account.commands]
        self._outbinds = Outbinds(account, selector, notice)

    @property
    def all(self) -> list[Bind]:
        """Those that the carrier asked for too."""
        return [*self.own, *self._outbinds.binds]

    @property
    def senders(self) -> list[Bind]:
        """Those that are of a kind which may send."""
        return [bind for bind in self.own if bind.can_submit]

    @property
    def connections(self) -> list[Connection]:
        """Those that are open, or on the way to it."""
        return [bind.connection for bind in self.all if bind.connection is not None]

    @property
    def in_flight(self) -> int:
        """Submits without an answer."""
        return sum(connection.session.outstanding for connection in self.connections)

    def of(self, connection: Connection) -> Bind | None:
        """The bind that a connection belongs to."""
        return next((bind for bind in self.all if bind.connection is connection), None)

    def ready(self, what: object, now: float) -> None:
        """The selector says that this can be used, and it is no connection."""
        self._outbinds.ready(what, now)

    def called(self, connection: Connection, asked: OutbindAsked, now: float) -> list[SessionEvent]:
        """The carrier asks for a bind over its own connection."""
        if self._outbinds.welcome(connection, asked, now):
            return connection.answer_outbind(now)
        return connection.refuse("the outbind was refused", now)

    def tick(self, now: float, *, stopping: bool) -> Happened:
        """Do what is due. ``stopping``: nothing new is opened."""
        self._outbinds.tick(now, stopping=stopping)
        for bind in self.all:
            if bind.connection is not None:
                yield bind.connection, bind.connection.tick(now)
            elif not stopping and bind in self.own and now >= max(bind.retry_at, self._blocked_until()):
                bind.start(now)

    def flush(self, now: float) -> Happened:
        """Write what the sessions have to say."""
        for connection in self.connections:
            yield connection, connection.flush(now)

    def let_go(self, now: float) -> Happened:
        """Unbind what is bound, and close the rest."""
        for bind in self.all:
            if bind.up and bind.connection is not None:
                bind.connection.session.unbind(now)
            elif bind.connection is not None:
                yield bind.connection, bind.connection.session.connection_lost("closed", now)

    def retry_now(self) -> None:
        """A person wants them tried at once."""
        for bind in self.own:
            bind.retry_now()

    def due(self, *, stopping: bool) -> float:
        """When ``tick`` has something to do."""
        due = [connection.next_deadline() for connection in self.connections]
        if not stopping:
            blocked = self._blocked_until()
            due += [max(bind.retry_at, blocked) for bind in self.own if bind.connection is None]
            due.append(self._outbinds.deadline)
        return min(due, default=NEVER)

    def close(self) -> None:
        """Let go of everything at once."""
        self._outbinds.close()
        for connection in self.connections:
            connection.close()

    def _blocked_until(self) -> float:
        """One refused password stops all binds: the next wrong one might lock the account."""
        return max((bind.retry_at for bind in self.own if bind.blocked), default=0.0)
