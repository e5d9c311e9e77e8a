"""One-time codes by SMS: ``issue`` sends one, ``check`` says whether it was typed in right.

A code lives in a small file of its own, hashed, for five minutes and three tries. The message has the same time: a
code that waits in the queue for longer is worth nothing, so it expires there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import App, IncomingMessage, OutgoingMessage, lookup_connections, send

LIFE_S = 300
TRIES = 3
TEXT = "{code} is your code. It is good for five minutes. We never ask for it."


def six_digits() -> str:
    """A code that nobody can guess from the one before."""
    return f"{secrets.randbelow(10**6):06}"


class Codes:
    """The open codes, one for each number. Times are seconds since 1970."""

    def __init__(self, path: Path | str, draw: Callable[[], str] = six_digits) -> None:
        self._path, self._draw = path, draw

    def new(self, number: str, now: float) -> str:
        """A new code for a number; the one before is void."""
        code = self._draw()
        with self._open() as db:
            row = (number, _hashed(number, code), now + LIFE_S, TRIES)
            db.execute("INSERT OR REPLACE INTO code VALUES (?, ?, ?, ?)", row)
        return code

    def check(self, number: str, code: str, now: float) -> bool:
        """Whether this is the code. It is void afterwards; a wrong one costs a try."""
        with self._open() as db:
            taken = db.execute(
                "UPDATE code SET tries = tries - 1 WHERE number = ? AND tries > 0 AND until > ? RETURNING hash",
                (number, now),
            ).fetchone()
            good = taken is not None and hmac.compare_digest(taken[0], _hashed(number, code.strip()))
            if good:
                db.execute("DELETE FROM code WHERE number = ?", (number,))
        return good

    def _open(self) -> closing[sqlite3.Connection]:
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("CREATE TABLE IF NOT EXISTS code (number TEXT PRIMARY KEY, hash TEXT, until REAL, tries INT)")
        return closing(db)


def issue(codes: Codes, backend: str, number: str, now: float | None = None) -> OutgoingMessage:
    """Send a new code: before all other messages, and never after its time."""
    (connection,) = lookup_connections(backend, number)
    code = codes.new(connection.identity, time.time() if now is None else now)
    return send(TEXT.format(code=code), connection, priority=100, expires=timedelta(seconds=LIFE_S))


class OtpApp(App):
    """``code`` by SMS asks for a code, too: for those who sit before the login page and got none."""

    def configure(self, *_: Any, file: str = "codes.db", draw: Callable[[], str] = six_digits) -> None:
        """``[app.otp] file``: where the codes are kept."""
        self.codes = Codes(file, draw)

    def handle(self, msg: IncomingMessage) -> bool:
        """Answer ``code``."""
        if msg.text.strip().casefold() != "code":
            return False
        code = self.codes.new(msg.connections[0].identity, time.time())
        msg.respond(TEXT.format(code=code), priority=100, expires=timedelta(seconds=LIFE_S))
        return True


def _hashed(number: str, code: str) -> str:
    return hashlib.sha256(f"{number} {code}".encode()).hexdigest()
