"""Calls to web servers as backends need them: once, without redirects, and with a sentence when they fail."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.given import storable_text

READ = 2000
"""So many octets of an answer are looked at."""
_SAID = 200
OF_THE_MOMENT = frozenset({401, 403, 404, 407, 408, 421, 425, 429})
"""4xx that are about the account, the place or the moment; all others are about the message, and stay what they are."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a call failed."""

    why: str
    final: bool = False
    """It would fail another time, too."""
    silent: bool = False
    """The server did not answer at all, and need not be asked again right now."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, at a place that nobody has configured."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def opener(ca: Path | None = None) -> urllib.request.OpenerDirector:
    """Give what opens requests. ``ca``: a file of certificates to trust instead of the system's. Raises OSError."""
    verified = ssl.create_default_context(cafile=None if ca is None else str(ca))
    return urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=verified))


def call(
    by: urllib.request.OpenerDirector, request: urllib.request.Request, timeout_s: float, expect: str | None = None
) -> Trouble | None:
    """Make one call; None when it was answered with 2xx, and with what ``expect`` matches."""
    try:
        with by.open(request, timeout=timeout_s) as answer:
            body = answer.read1(READ) if expect is not None else b""
    except urllib.error.HTTPError as error:
        with error:
            final = 400 <= error.code < 500 and error.code not in OF_THE_MOMENT
            return Trouble(f"the server answered {error.code} {error.reason}".strip() + _said(error), final)
    except (OSError, http.client.HTTPException, ValueError, GatewayError) as error:
        return Trouble(_reason(error), silent=isinstance(error, OSError | http.client.HTTPException))
    if expect is not None and not re.search(expect, body.decode(errors="replace")):
        return Trouble(f"the server's answer is not what is expected: {_line(body)}")
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.InvalidURL):
        return "InvalidURL"  # its text has the URL, and that may hold a token
    return f"{type(error).__name__}: {getattr(error, 'reason', None) or error}"[:_SAID]


def _said(error: urllib.error.HTTPError) -> str:
    """The first line of what the server said besides, where that is text."""
    try:
        line = _line(error.read(READ))
    except (OSError, http.client.HTTPException):
        return ""
    return f": {line}" if line and not line.startswith("<") else ""


def _line(body: bytes) -> str:
    text = storable_text(body.decode(errors="replace")).strip().partition("\n")[0]
    return "".join(each for each in text if each.isprintable())[:_SAID]
