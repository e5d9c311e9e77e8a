"""Who may come in: from where, and with which secret."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Sequence
from http import HTTPStatus

from drivers.base import DriverError
from drivers.networks import Network, comes_from
from drivers.smpp.server.passwords import Verifier, hashed
from gateway import logs
from gateway.config.secrets import Secret
from gateway.web.request import Refusal, Request
from gateway.web.tries import Tries

log = logs.get(__name__)
CHALLENGE = ("www-authenticate", 'Basic realm="sms-gateway", charset="UTF-8"')


class Networks:
    """Where a peer may come from; nothing given is anywhere.

    >>> Networks(["192.168.1.0/24"]).has("192.168.1.7"), Networks(["127.0.0.0/8"]).has("::ffff:127.0.0.1")
    (True, True)
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[Network] = [ipaddress.ip_network(each) for each in networks]

    def has(self, peer: str) -> bool:
        """Whether an address is in one of them."""
        return comes_from(peer, self._networks)


class Door:
    """One client's way in: networks, and a token or a name with a password, where they are given."""

    def __init__(
        self,
        name: str,
        networks: Sequence[str] = (),
        token: Secret | None = None,
        user: str | None = None,
        password: Secret | None = None,
    ) -> None:
        self.name, self._networks = name, Networks(networks)
        self._token, self._user, self._password = token, user, password
        self._verifier, self._tries = Verifier(), Tries()

    def check(self, request: Request, token: str | None = None) -> None:
        """Let a request in. ``token``: one that came as a parameter. Raises Refusal, and ConfigurationError when the
        secret can't be read.
        """
        if not self._networks.has(request.peer):
            log.warning("a client is not in its networks", client=self.name, peer=request.peer)
            raise Refusal(HTTPStatus.FORBIDDEN, "this address may not come in here")
        if self._token is None and self._password is None:
            return
        if not (self._by_token(request, token) or self._by_password(request)):
            log.warning("a client was refused", client=self.name, peer=request.peer)
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the token, or name and password, is not right", CHALLENGE)

    def _by_token(self, request: Request, given: str | None) -> bool:
        given = bearer(request) or given
        return self._token is not None and given is not None and same(self._token.reveal(), given)

    def _by_password(self, request: Request) -> bool:
        if self._password is None:
            return False
        name, password = basic(request)
        if not name:
            return False
        self._tries.check(request.peer, self.name)
        if name == self._user and right(self._verifier, self.name, self._password.reveal(), password):
            return True
        self._tries.failed(request.peer, self.name)
        return False


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that doesn't tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))


def right(verifier: Verifier, name: str, stored: str, given: str) -> bool:
    """Whether a password is the one that ``stored`` stands for, in clear or as a hash."""
    if not hashed(stored):
        return same(stored, given)
    try:
        return verifier.check(name, stored, given.encode("utf-8", "replace"))
    except DriverError as error:
        log.warning("a password can't be checked", client=name, reason=str(error))
        return False


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer`` (RFC 6750 §2.1).

    >>> bearer(Request("GET", "/", headers={"authorization": "Bearer abc"}))
    'abc'
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def basic(request: Request) -> tuple[str, str]:
    """Name and password of ``Authorization: Basic`` (RFC 7617), empty where there are none.

    >>> basic(Request("GET", "/", headers={"authorization": "Basic bWU6cGFzcw=="}))
    ('me', 'pass')
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
