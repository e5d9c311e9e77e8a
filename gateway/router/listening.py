"""``listen()``: the messages that the router has run, or changes of status, for any process, at least once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.message import IncomingMessage
from gateway.router import incoming
from gateway.session import now_ms
from gateway.store import changes, listeners
from gateway.store.engine import Conn
from gateway.store.types import MessageRow, TransmissionRow
from gateway.transmission import Transmission

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

POLL_S = 0.1
_STARTS = ("oldest", "newest")
Row = TypeVar("Row")
Given = TypeVar("Given")


class _Reader(Generic[Row, Given]):
    """One reader of a listener's name. What it was given last is acknowledged by its next step."""

    def __init__(self, router: BlockingRouter, name: str, backend: str | None) -> None:
        if not name:
            raise ValueError("a listener's name can't be empty")
        self._router, self._name, self._backend = router, name, backend
        self._epoch: int | None = None
        self._ticket: int | None = None

    def step(self) -> Given | None:
        """Acknowledge the last one and give the next; None when there is none now. Raises StoreError."""
        epoch = self._epoch = self._epoch or self._router.session.start_epoch("listen")
        found = self._router.session.store.write(lambda c: self._turn(c, epoch))
        self._ticket = found[0] if found else None
        return self._given(found[1]) if found else None

    def close(self) -> None:
        """Stop reading. What was not acknowledged is given to the next reader of the name."""
        if self._epoch is not None:
            self._router.session.end_epoch(self._epoch)
            self._epoch = None

    def _turn(self, c: Conn, epoch: int) -> tuple[int, Row] | None:
        """Acknowledge ``_ticket`` and take the next, in one commit. It may be run twice, so it changes nothing here."""
        raise NotImplementedError

    def _given(self, row: Row) -> Given:
        raise NotImplementedError


class Reader(_Reader[MessageRow, IncomingMessage]):
    """Reads the messages that the router has run."""

    def __init__(self, router: BlockingRouter, name: str, start: str = "oldest", backend: str | None = None) -> None:
        super().__init__(router, name, backend)
        if start not in _STARTS:
            raise ValueError(f"start must be 'oldest' or 'newest', not {start!r}")
        self._start = start

    def _turn(self, c: Conn, epoch: int) -> tuple[int, MessageRow] | None:
        if self._ticket is not None:
            listeners.acknowledge(c, self._name, self._ticket, epoch)
        return listeners.next(c, self._name, epoch, now_ms(), self._start, self._backend)

    def _given(self, row: MessageRow) -> IncomingMessage:
        return incoming.message(self._router, row)


class StatusReader(_Reader[TransmissionRow, Transmission]):
    """Reads changes of status, as the transmissions were after each; a new name is told of those from now on."""

    def __init__(self, router: BlockingRouter, name: str, backend: str | None = None) -> None:
        super().__init__(router, name, backend)
        if not router.session.store.write(lambda c: changes.ask(c, name)):
            raise ValueError(f"the name {name!r} listens to messages already; use another one for statuses")

    def _turn(self, c: Conn, epoch: int) -> tuple[int, TransmissionRow] | None:
        if self._ticket is not None:
            changes.acknowledge(c, [self._ticket], epoch)
        while taken := changes.take(c, self._name, epoch, 1, now_ms()):
            ((ticket, row),) = taken
            if self._backend in (None, row.connection.backend.name):
                return ticket, row
            changes.acknowledge(c, [ticket], epoch)
        return None

    def _given(self, row: TransmissionRow) -> Transmission:
        return Transmission.of(row)


def each(reader: _Reader[Any, Given], timeout: float | None) -> Iterator[Given]:
    """Give what a reader reads, until ``timeout`` seconds bring nothing. See ``gateway.listen``."""
    try:
        limit = _limit(timeout)
        while True:
            found = reader.step()
            if found is not None:
                yield found
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
