"""Wrong passwords, counted, so that nobody can try them for long."""

from __future__ import annotations

import threading
import time
from collections import deque
from http import HTTPStatus

from gateway.web.request import Refusal

MOST, WITHIN_S = 5, 60.0
"""So many wrong passwords for one name from one address in a time; then the right one isn't taken either."""
MOST_KNOWN = 10_000


class Tries:
    """Those of the last minute. Thread-safe.

    >>> tries = Tries()
    >>> for _ in range(5):
    ...     tries.failed("192.0.2.1", "amina")
    >>> tries.check("192.0.2.2", "amina")
    >>> tries.check("192.0.2.1", "amina")
    Traceback (most recent call last):
        ...
    gateway.web.request.Refusal: too many wrong passwords; wait a minute
    """

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, peer: str, name: str) -> None:
        """Raises Refusal when there were too many."""
        now = time.monotonic()
        with self._lock:
            lately = [at for at in self._of.get((peer, name), ()) if at > now - WITHIN_S]
        if len(lately) >= MOST:
            wait = ("retry-after", str(round(WITHIN_S)))
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong passwords; wait a minute", wait)

    def failed(self, peer: str, name: str) -> None:
        """Count one."""
        who, now = (peer, name), time.monotonic()
        with self._lock:
            if len(self._of) >= MOST_KNOWN:
                self._of = {each: at for each, at in self._of.items() if at[-1] > now - WITHIN_S}
            if who in self._of or len(self._of) < MOST_KNOWN:
                self._of.setdefault(who, deque(maxlen=MOST)).append(now)
