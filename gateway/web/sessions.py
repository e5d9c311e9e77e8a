"""Who is at the page: a cookie that means nothing but a place in this process's memory."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.web.access import same
from gateway.web.request import Request

COOKIE = "sms-gateway"
LASTS_S = 12 * 3600.0
MOST = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """One login. ``guard`` stands in each form, so that no other site's form is taken for ours."""

    user: str
    until: float
    name: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    guard: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


class Sessions:
    """All logins. They end with the process, and after half a day. Thread-safe."""

    def __init__(self) -> None:
        self._all: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, user: str) -> Session:
        """Log somebody in. The oldest login makes room when there are too many."""
        with self._lock:
            while len(self._all) >= MOST:
                del self._all[next(iter(self._all))]
            made = Session(user, time.monotonic() + LASTS_S)
            self._all[made.name] = made
        return made

    def of(self, request: Request) -> Session | None:
        """The login that a request belongs to."""
        name = _cookies(request).get(COOKIE, "")
        with self._lock:
            found = self._all.get(name)
            if found is not None and found.until < time.monotonic():
                del self._all[found.name]
                return None
        return found

    def end(self, session: Session) -> None:
        """Log out."""
        with self._lock:
            self._all.pop(session.name, None)


def _cookies(request: Request) -> dict[str, str]:
    """All cookies, whatever others on this host have put into theirs (RFC 6265 §4.2.1)."""
    pairs = (each.strip().partition("=") for each in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def cookie(session: Session | None, *, secure: bool) -> tuple[str, str]:
    """The header that gives a browser its session, or takes it away."""
    value = f"{COOKIE}={session.name if session else ''}; Path=/; HttpOnly; SameSite=Strict"
    ending = "" if session else "; Max-Age=0"
    return "set-cookie", value + ending + ("; Secure" if secure else "")


def ours(request: Request) -> bool:
    """Whether a form was sent from a page of this server, as far as the browser says where it comes from."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


def guarded(session: Session, guard: str) -> bool:
    """Whether a form has the session's guard."""
    return same(session.guard, guard)
