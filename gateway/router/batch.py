"""How many stored incoming messages are taken together, and when what became of them reaches the disk.

Messages are claimed in a batch, in one commit that has reached the disk. From there on each message has a commit of
its own, which ends it, stores its answers and writes down that the next one has begun; only then an app sees that one.
Such a commit survives the death of this process at once, and a power cut with the next one that is waited for: the
last of the batch, or the first after ``SYNC_S``. So a process that dies leaves one message in doubt, which is given
out again as ``redelivered``; a power cut those whose end came in the last moments.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from gateway.errors import StoreError
from gateway.session import now_ms
from gateway.store import inbox
from gateway.store.engine import Conn, Store
from gateway.store.types import MessageRow

SYNC_S = 0.05
"""Longest time for which ends may wait for the disk, and so the work that a batch should hold."""
MOST = 100


class Batch:
    """What one drain has claimed. Apps that are slow are given one message at a time, so that others may help."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store, self._epoch = store, epoch
        self._waiting: list[MessageRow] = []
        self._claimed, self._size = 0, 1
        self._claimed_mono = self._synced_mono = time.monotonic()
        self.begun: MessageRow | None = None
        """The message whose turn it is; None when there is none."""

    def step(self, end: Callable[[Conn], object], *, more: bool) -> bool:
        """Write what ``end`` writes and, with ``more``, begin the next message, in one commit.

        Without ``more`` what was claimed and not begun is given back. Returns whether all of it is on the disk by
        now. Raises StoreError and what ``end`` raises; nothing is written then.
        """
        claims = more and not self._waiting
        waited = claims or not more or time.monotonic() - self._synced_mono >= SYNC_S
        taken = self._store.write(lambda c: self._take(c, end, more=more), durable=waited)
        if waited:
            self._synced_mono = time.monotonic()
        if claims:
            self._next_size(len(taken))
        self.begun, self._waiting = (taken[0], taken[1:]) if taken else (None, [])
        if more and not claims and not taken:  # all that was claimed is another process's by now
            return self.step(lambda _: None, more=True)
        return waited

    def _take(self, c: Conn, end: Callable[[Conn], object], *, more: bool) -> list[MessageRow]:
        """The message that has begun, and those that wait behind it."""
        end(c)
        if not more:
            inbox.release(c, self._epoch, self._waiting)
            return []
        rows = self._waiting or inbox.claim(c, self._epoch, self._size, now_ms())
        for place, row in enumerate(rows):
            if inbox.begin(c, self._epoch, row):
                return rows[place:]
        return []

    def _next_size(self, claimed: int) -> None:
        """As many messages as the last ones let expect in ``SYNC_S``, at most twice as many as the last time."""
        now = time.monotonic()
        if self._claimed:
            fitting = int(SYNC_S * self._claimed / max(now - self._claimed_mono, 1e-6))
            self._size = max(1, min(MOST, 2 * self._size, fitting))
        self._claimed, self._claimed_mono = claimed, now

    def give_back(self) -> None:
        """Give back what was claimed and not begun, after trouble; at the latest it comes back after the lease."""
        if self._waiting:
            with contextlib.suppress(StoreError):
                self._store.write(lambda c: inbox.release(c, self._epoch, self._waiting))
            self._waiting = []
