"""Users of ``[server.http.user.NAME]``: who asks, and how much they may send."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus

from drivers.smpp.server.passwords import Verifier
from gateway import logs
from gateway.config.servers import HttpUserConfig
from gateway.limits import Window
from gateway.web.access import CHALLENGE, Networks, basic, bearer, right, same
from gateway.web.request import Refusal, Request
from gateway.web.tries import Tries

log = logs.get(__name__)


class Users:
    """The users of the config. Thread-safe."""

    def __init__(self, users: Mapping[str, HttpUserConfig]) -> None:
        self._users = users
        self._networks = {name: Networks(user.networks) for name, user in users.items()}
        self._windows = {name: Window(user.rate) for name, user in users.items() if user.rate}
        self._verifier, self._tries = Verifier(), Tries()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._users)

    def get(self, name: str) -> HttpUserConfig | None:
        """A user by name."""
        return self._users.get(name)

    def of(self, request: Request) -> HttpUserConfig:
        """The user who asks, by bearer token or HTTP basic. Raises Refusal."""
        token = bearer(request)
        if token is None:
            return self.login(request, *basic(request))
        for user in self._users.values():
            if user.token is not None and same(user.token.reveal(), token):
                return self._here(user, request)
        log.warning("a token was refused", peer=request.peer)
        raise Refusal(HTTPStatus.UNAUTHORIZED, "the token is not right", CHALLENGE)

    def login(self, request: Request, name: str, password: str) -> HttpUserConfig:
        """The user with this name and password. Raises Refusal; for a while, after too many wrong ones."""
        self._tries.check(request.peer, name)
        user = self._users.get(name)
        known = user is not None and user.password is not None
        # For a name that isn't there another's password is looked at, so that the time doesn't tell which names are.
        stored = next((each.password for each in (user, *self._users.values()) if each and each.password), None)
        good = stored is not None and right(self._verifier, name if known else "", stored.reveal(), password)
        if user is None or not (known and good):
            if name:
                self._tries.failed(request.peer, name)
                log.warning("a password was refused", peer=request.peer, user=name[:64])
            raise Refusal(HTTPStatus.UNAUTHORIZED, "name and password are not right", CHALLENGE)
        return self._here(user, request)

    def _here(self, user: HttpUserConfig, request: Request) -> HttpUserConfig:
        if not self._networks[user.name].has(request.peer):
            log.warning("a user is not in its networks", user=user.name, peer=request.peer)
            raise Refusal(HTTPStatus.FORBIDDEN, "this address may not come in here")
        return user

    def take(self, user: HttpUserConfig, recipients: int) -> None:
        """Count what a user sends. Raises Refusal when that is too fast.

        A message to more than the rate ever allows passes when nothing else has used any of it.
        """
        window = self._windows.get(user.name)
        if window is None:
            return
        with self._lock:
            now = time.monotonic()
            free = window.free_at(now, max(0, window.rate.count - recipients))
            if free > now:
                wait = ("retry-after", str(math.ceil(free - now)))
                raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, f"not more than {window.rate}", wait)
            window.add(now, recipients)
