"""Passwords of the server's users: in clear, or as the hash of argon2 or scrypt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

from drivers.base import DriverError

MEMORY = 128 * 1024 * 1024
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)", re.ASCII)


def hashed(stored: str) -> bool:
    """Whether a stored password is a hash, and no secret by itself."""
    return stored.startswith(("$argon2", "$scrypt$"))


def check(stored: str, given: bytes) -> bool:
    """Whether ``given`` is the password that ``stored`` stands for. Raises ``DriverError`` for a damaged hash."""
    if stored.startswith("$argon2"):
        return _argon2(stored, given)
    if stored.startswith("$scrypt$"):
        return _scrypt(stored, given)
    return hmac.compare_digest(stored.encode("latin-1", "replace"), given)


def _argon2(stored: str, given: bytes) -> bool:
    import argon2  # only where a hash of it is in use

    try:
        return argon2.PasswordHasher().verify(stored, given)
    except argon2.exceptions.VerifyMismatchError:
        return False
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        raise DriverError("an argon2 hash of a password is damaged") from None


def _scrypt(stored: str, given: bytes) -> bool:
    found = _SCRYPT.fullmatch(stored)
    if found is None:
        raise DriverError("a scrypt hash of a password is damaged; it is $scrypt$ln=…,r=…,p=…$salt$hash")
    cost, blocks, lanes = map(int, found.group(1, 2, 3))
    salt, wanted = (base64.b64decode(each + "=" * (-len(each) % 4)) for each in found.group(4, 5))
    try:
        made = hashlib.scrypt(given, salt=salt, n=1 << cost, r=blocks, p=lanes, maxmem=MEMORY, dklen=len(wanted))
    except ValueError as error:
        raise DriverError(f"a scrypt hash of a password can't be used: {error}") from None
    return hmac.compare_digest(made, wanted)


class Verifier:
    """Checks passwords, and remembers right ones, so that a client that binds often costs one slow hash only."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._right: dict[str, bytes] = {}

    def check(self, user: str, stored: str, given: bytes) -> bool:
        """As ``check`` of this module."""
        mark = hmac.digest(self._key, stored.encode() + b"\0" + given, "sha256")
        if hmac.compare_digest(self._right.get(user, b""), mark):
            return True
        if not check(stored, given):
            return False
        self._right[user] = mark
        return True
