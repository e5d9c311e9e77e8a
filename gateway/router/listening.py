"""``listen()``: the messages that the router has run, for any process, at least once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.message import IncomingMessage
from gateway.router import incoming
from gateway.session import now_ms
from gateway.store import listeners
from gateway.store.engine import Conn
from gateway.store.types import MessageRow

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

POLL_S = 0.1
_STARTS = ("oldest", "newest")


class Reader:
    """One reader of a listener's name. What it was given last is acknowledged by its next step."""

    def __init__(self, router: BlockingRouter, name: str, start: str = "oldest", backend: str | None = None) -> None:
        if not name:
            raise ValueError("a listener's name can't be empty")
        if start not in _STARTS:
            raise ValueError(f"start must be 'oldest' or 'newest', not {start!r}")
        self._router = router
        self._name, self._start, self._backend = name, start, backend
        self._epoch: int | None = None
        self._ticket: int | None = None

    def step(self) -> IncomingMessage | None:
        """Acknowledge the last message and give the next; None when there is none now. Raises StoreError."""
        epoch = self._epoch = self._epoch or self._router.session.start_epoch("listen")

        def turn(c: Conn) -> tuple[int, MessageRow] | None:
            if self._ticket is not None:
                listeners.acknowledge(c, self._name, self._ticket, epoch)
            return listeners.next(c, self._name, epoch, now_ms(), self._start, self._backend)

        found = self._router.session.store.write(turn)
        self._ticket = found[0] if found else None
        return incoming.message(self._router, found[1]) if found else None

    def close(self) -> None:
        """Stop reading. What was not acknowledged is given to the next reader of the name."""
        if self._epoch is not None:
            self._router.session.end_epoch(self._epoch)
            self._epoch = None


def listen(
    router: BlockingRouter, name: str, start: str, timeout: float | None, backend: str | None
) -> Iterator[IncomingMessage]:
    """Check the arguments and give the iterator. See ``gateway.listen``."""
    return _messages(Reader(router, name, start, backend), timeout)


def _messages(reader: Reader, timeout: float | None) -> Iterator[IncomingMessage]:
    try:
        limit = _limit(timeout)
        while True:
            message = reader.step()
            if message is not None:
                yield message
                limit = _limit(timeout)
                continue
            left = min(POLL_S, limit - time.monotonic())
            if left <= 0:
                return
            time.sleep(left)
    finally:
        reader.close()


def _limit(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout
