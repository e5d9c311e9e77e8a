"""One of the binds that an account keeps: when it is tried again, and why it is down."""

from __future__ import annotations

import selectors
from typing import Final

from drivers.smpp import names, statuses
from drivers.smpp.account import Account
from drivers.smpp.connection import Connection
from drivers.smpp.pace import Backoff

HELD_S: Final = 60.0
"""A bind that held this long makes the next pause short again."""
REFUSED_FIRST_S: Final = 600.0
REFUSED_LONGEST_S: Final = 3600.0
ALREADY_BOUND_S: Final = 60.0
"""Longer than carriers take to notice that a session is dead."""
_CREDENTIALS: Final = frozenset({names.RINVPASWD, names.RINVSYSID, names.RINVSYSTYP})


class Bind:
    """Keeps one connection up, with pauses between attempts."""

    def __init__(self, account: Account, command: int, selector: selectors.BaseSelector) -> None:
        self.connection: Connection | None = None
        self.retry_at = 0.0
        self.reason = "not tried yet"
        self.blocked = False
        """The carrier refuses the account itself: more attempts could get it locked."""
        self._account, self._command, self._selector = account, command, selector
        self._backoff = Backoff(account.reconnect)
        self._refusals = Backoff(REFUSED_LONGEST_S, REFUSED_FIRST_S)
        self._refused: int | None = None

    @property
    def can_submit(self) -> bool:
        """Whether this bind is of a kind that may send."""
        return self._command != names.BIND_RECEIVER

    @property
    def up(self) -> bool:
        """Whether the carrier has it bound."""
        return self.connection is not None and self.connection.bound

    def start(self, now: float) -> None:
        """Try to bind."""
        self._refused = None
        self.connection = Connection(self._account, self._command, self._selector, now)

    def bound(self, now: float) -> None:
        """The carrier accepted."""
        assert self.connection is not None
        self.connection.bound_at = now
        self.blocked, self.reason = False, ""
        self._refusals.reset()

    def refused(self, status: int) -> None:
        """The carrier refused the bind; ``ended`` follows."""
        self._refused = status

    def ended(self, reason: str, now: float) -> None:
        """The connection is over; plan the next one."""
        bound_at = self.connection.bound_at if self.connection else None
        self.connection = None
        self.reason = reason
        if bound_at is not None and now - bound_at >= HELD_S:
            self._backoff.reset()
        pause = self._backoff.next()
        if self._refused is not None:
            self.reason = f"the carrier refused the bind: {statuses.explain(self._refused)[0]}"
            if self._refused in _CREDENTIALS:
                self.blocked, pause = True, self._refusals.next()
            elif self._refused == names.RALYBND:
                pause = max(ALREADY_BOUND_S, 2 * self._account.enquire_link, pause)
        self.retry_at = now + pause

    def retry_now(self) -> None:
        """A person wants it tried at once."""
        self.retry_at, self.blocked = 0.0, False
        self._backoff.reset()
