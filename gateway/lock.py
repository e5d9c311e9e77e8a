"""One service on one state directory: a lock on ``service.lock`` that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

NAME = "service.lock"


class LockedError(GatewayError):
    """Another service has this state directory."""


@contextlib.contextmanager
def hold(state: Path) -> Iterator[None]:
    """Own ``state`` (made when missing) until the block ends. Raises LockedError when another process does."""
    state.mkdir(parents=True, exist_ok=True, mode=0o750)
    fd = os.open(state / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if not _taken(fd, tries=20):
            owner = os.pread(fd, 20, 0).decode(errors="replace").strip()
            raise LockedError(f"another service (process {owner or 'unknown'}) already runs on {state}")
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def is_held(state: Path) -> bool:
    """Whether a service runs on ``state`` now. Needs read access to the lock file only."""
    try:
        fd = os.open(state / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _taken(fd: int, tries: int) -> bool:
    # Someone who asks is_held() has the lock for a moment, so one refusal proves nothing.
    for left in range(tries, 0, -1):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if left > 1:
                time.sleep(0.025)
        else:
            return True
    return False
