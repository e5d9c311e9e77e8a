"""What a process has open: its config, its database and its epoch. One at a time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway import config as configs
from gateway import wake
from gateway.config import beside
from gateway.config.model import Config
from gateway.errors import StoreError
from gateway.store import nodes, upgrades
from gateway.store.engine import Conn, Store

_CLOSE_WAIT_S = 2.0


def now_ms() -> int:
    """Give the wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


_STARTED_MS = time.time_ns() // 1_000_000 - time.monotonic_ns() // 1_000_000


def unexpired_ms() -> int:
    """Give the wall clock, or what it would be without its steps forward: no step makes messages expire."""
    return min(now_ms(), _STARTED_MS + time.monotonic_ns() // 1_000_000)


class Session:
    """A config with its database, which is opened when it is first needed. Usable from any thread.

    ``store``: one that is open already; it is then not ours to close.
    """

    def __init__(self, config: Config, store: Store | None = None) -> None:
        self.config = config
        beside.find_code(config.path)
        self._store = store
        self._ours = store is None
        self._own: dict[str, int] = {}
        self._epochs: set[int] = set()
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._renewer: threading.Thread | None = None

    @property
    def store(self) -> Store:
        """The database. Raises StoreError when it can't be opened, or after ``close``."""
        if self._store is None:
            with self._lock:
                if self._closed.is_set():
                    raise StoreError("the gateway was configured anew; this router and its messages are closed")
                if self._store is None:
                    section = self.config.gateway
                    section.state.mkdir(parents=True, exist_ok=True)
                    self._store = Store.open(section.database, section.durability, upgrade=True, examine=upgrades.TINY)
        return self._store

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.config.gateway.state

    def poke(self) -> None:
        """Tell the service, and those of other hosts on this database, that there is something to do. Never raises."""
        wake.poke(self.state)
        with contextlib.suppress(StoreError):  # it saves waiting, and the work is stored
            self.store.announce()

    def epoch(self, work: str = "") -> int:
        """The name under which this process claims a kind of work. It is kept alive in the background from now on."""
        with self._lock:
            if self._own.get(work) not in self._epochs:
                self._own[work] = self.start_epoch("drain")
            return self._own[work]

    @contextlib.contextmanager
    def claiming(self, work: str = "") -> Iterator[int]:
        """Give the epoch for work that is claimed inside. When that breaks off, others get the work after the lease.

        Kinds of ``work`` that have threads of their own have epochs of their own: the end of one is not the others'.
        """
        epoch = self.epoch(work)
        try:
            yield epoch
        except BaseException:  # also an interrupt: whatever was claimed is in nobody's hands now
            with self._lock:
                self._epochs.discard(epoch)
            raise

    def start_epoch(self, role: str) -> int:
        """Take an epoch and keep its lease until ``end_epoch``. ``role``: ``"drain"`` or ``"listen"``."""
        section = self.config.gateway
        lease_ms = int(section.lease * 1000)
        with self._lock:
            epoch = self.store.write(lambda c: nodes.start(c, section.node, role, lease_ms, now_ms()))
            self._epochs.add(epoch)
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew, name="gateway-lease", daemon=True)
                self._renewer.start()
        return epoch

    def end_epoch(self, epoch: int) -> None:
        """Give back an epoch; what it had claimed is anybody's."""
        with self._lock:
            if epoch in self._epochs and self._store is not None:
                self._epochs.discard(epoch)
                self._store.write(lambda c: nodes.end(c, epoch, now_ms()))

    def _renew(self) -> None:
        """Keep the leases while the process lives; a lost one is replaced when work is next claimed."""
        while not self._closed.wait(self.config.gateway.lease / 4):
            with self._lock, contextlib.suppress(StoreError):
                epochs = sorted(self._epochs)
                lost = self.store.write(lambda c: [each for each in epochs if not nodes.renew(c, each, now_ms())])  # noqa: B023
                self._epochs.difference_update(lost)

    def forget_claims(self) -> None:
        """Start anew after a fork: the epochs and the thread that keeps them are the parent's."""
        self._lock = threading.RLock()
        self._epochs, self._renewer = set(), None

    def close(self) -> None:
        """Give back the epoch and close the database. Safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._renewer is not None and self._renewer is not threading.current_thread():
            self._renewer.join(_CLOSE_WAIT_S)
        with self._lock:
            store, epochs, self._store = self._store, sorted(self._epochs), None
            self._epochs.clear()
        if store is None:
            return
        with contextlib.suppress(StoreError):
            if epochs:
                store.write(lambda c: _end_all(c, epochs))
        if self._ours:
            store.close()


def _end_all(c: Conn, epochs: Iterable[int]) -> None:
    for epoch in epochs:
        nodes.end(c, epoch, now_ms())


_lock = threading.RLock()
_current: Session | None = None


def _forked() -> None:
    """A child of ``fork`` must not work under its parent's epochs, nor rely on threads that it doesn't have."""
    global _lock  # noqa: PLW0603 - one per process is the point
    _lock = threading.RLock()
    if _current is not None:
        _current.forget_claims()


os.register_at_fork(after_in_child=_forked)


def current() -> Session:
    """Give the session of this process; made from the config that is found when there is none yet.

    Raises ConfigurationError when there is no config, or one with faults.
    """
    global _current  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _current is None:
            _current = Session(configs.load())
        return _current


def known() -> Session | None:
    """Give the session of this process if there is one."""
    return _current


def use(session: Session | None) -> None:
    """Make this the session of the process, and close the one before."""
    global _current
    with _lock:
        before, _current = _current, session
    if before is not None and before is not session:
        before.close()
