"""Orders by SMS from those who look after the gateway: each carries a one-time code, and is obeyed once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway import logs
from gateway.apps.base import App
from gateway.apps.orders import obey
from gateway.apps.outlet import send_once
from gateway.config.secrets import Secret
from gateway.errors import GatewayError
from gateway.message import IncomingMessage
from gateway.numbers import normalise
from gateway.session import now_ms
from gateway.store import control
from gateway.store.control import Verdict

log = logs.get(__name__)
DIGITS = 6
AHEAD = 20
"""So many codes may have been shown and not sent, or be lost on the way."""


@dataclass(frozen=True, slots=True)
class Admin:
    """One who may give orders: from one number, with codes of one secret."""

    name: str
    number: str
    secret: Secret


def hotp(key: bytes, counter: int, digits: int = DIGITS) -> str:
    """The one-time code of a counter (RFC 4226 §5.3).

    >>> hotp(b"12345678901234567890", 0), hotp(b"12345678901234567890", 9)
    ('755224', '520489')
    """
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[-1] & 15
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


class ControlApp(App):
    """``[app.control.admin.NAME]``: ``number`` and ``secret`` of each who may give orders; ``[app.control]``:
    ``keyword``, ``"gw"`` unless given. Without an admin nobody may.

    An order is ``KEYWORD CODE ORDER``: ``gw 755224 status``. The code is the next one of a counter-based one-time
    password (HOTP, RFC 4226, six digits), which authenticator apps show; the secret is in base32. A code is used up
    before its order is obeyed. Five wrong codes in a row lock an admin out for an hour; wrong ones are logged and not
    answered. Other apps do not see orders.
    """

    def configure(self, *_: Any, keyword: object = "gw", admin: object = ()) -> None:
        """Take keyword and admins. Raises TypeError or ValueError for what can't be used."""
        if not isinstance(keyword, str) or not re.fullmatch(r"\S+", keyword):
            raise ValueError(f"keyword must be one word, not {keyword!r}")
        self._order = re.compile(rf"\s*{re.escape(keyword)}\s+(\d{{{DIGITS}}})\s+(\S.*?)\s*", re.IGNORECASE | re.DOTALL)
        if admin and not isinstance(admin, Mapping):
            raise TypeError("an admin is a table [app.control.admin.NAME] with number and secret")
        tables = admin if isinstance(admin, Mapping) else {}
        path = self.router.config.path if self.router else None
        region = self.router.config.gateway.region if self.router else None
        base = path.absolute().parent if path else None
        self._admins = [_admin(name, table, base, region) for name, table in tables.items()]

    def faults(self, config: Any) -> Iterable[str]:
        """Secrets that can't be read, or are no base32."""
        base = config.path.absolute().parent if config.path else None
        tables: Mapping[str, Any] = self.options.get("admin", {})
        for name, table in tables.items():
            secret = _admin(name, table, base, config.gateway.region).secret
            missing = list(secret.missing())
            yield from (f"admin.{name}.secret: {why}" for why in missing)
            if not missing:
                try:
                    _key(secret)
                except GatewayError as error:
                    yield f"admin.{name}.secret: {error}"

    def filter(self, msg: IncomingMessage) -> bool:
        """Take an order out of the way of other apps, and obey it if its code is good."""
        found = self._order.fullmatch(msg.text)
        sender = msg.connections[0].identity
        admin = next((each for each in self._admins if each.number == sender), None)
        if found is None or admin is None:
            return False
        assert self.router is not None
        key = _key(admin.secret)
        code, order = found.groups()

        def find(next_: int) -> int | None:
            ahead = range(next_, next_ + AHEAD)
            return next((each for each in ahead if hmac.compare_digest(hotp(key, each), code)), None)

        verdict = self.router.session.store.write(lambda c: control.redeem(c, admin.name, find, now_ms()))
        if verdict is not Verdict.GOOD:
            level = log.error if verdict is Verdict.LOCKED else log.warning
            level("an order by SMS was refused", admin=admin.name, code=str(verdict))
            return True
        log.warning("an order came by SMS", admin=admin.name, order=order.split()[0].lower())
        answer = self.router.new_outgoing_message(
            obey(self.router, order), list(msg.connections), key=f"control/{msg.id}", in_response_to=msg, priority=50
        )
        send_once(self.router, answer)
        return True


def _admin(name: str, table: Any, base: Any, region: str | None) -> Admin:
    if not isinstance(table, Mapping) or set(table) != {"number", "secret"}:
        raise ValueError(f"admin.{name} is a table with number and secret, and nothing else")
    if not isinstance(table["number"], str):
        raise TypeError(f'admin.{name}.number must be a string such as "+254700000001"')
    return Admin(name, normalise(table["number"], region), Secret.parse(table["secret"], base))


def _key(secret: Secret) -> bytes:
    """The octets of a base32 secret. Raises GatewayError."""
    text = re.sub(r"[\s-]", "", secret.fresh()).upper()
    try:
        key = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise GatewayError("the secret is not base32 (letters and the digits 2 to 7)") from None
    if len(key) < 16:
        raise GatewayError("the secret is too short; base32 of 20 random octets is usual (RFC 4226 §4)")
    return key
