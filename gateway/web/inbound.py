"""Messages that other gateways hand in, and their reports. Each is stored when it is answered with 200."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateway import api
from gateway.config.servers import InboundConfig
from gateway.given import identity as printable
from gateway.given import storable_text
from gateway.web.access import Door
from gateway.web.request import Refusal, Request, Response

PARAMS: Mapping[str, Mapping[str, str]] = {
    "http": {"identity": "identity", "text": "text", "id": "id", "to": "to"},
    "kannel": {"identity": "id", "text": "text", "id": "smsid", "to": "to"},
}
"""What parameters are called unless the config says otherwise; Kannel's are those of RapidSMS's get-url."""
KANNEL_STATUSES = {"1": "delivered", "2": "failed", "4": None, "8": "sent", "16": "failed"}
"""Delivered, failed, buffered, taken by the SMSC, refused by it."""
REPORTED = ("sent", "delivered", "failed")
MOST_ID = 1000
VUMI_NEEDS = ("message_id", "to_addr", "from_addr", "transport_name", "transport_type")
VUMI_MAY = ("in_reply_to", "session_event", "group")


class Inbound:
    """One ``[server.http.in.NAME]``: its page for messages and its page for reports."""

    def __init__(self, settings: InboundConfig) -> None:
        self._settings = settings
        self.path = settings.path or f"/in/{settings.name}"
        self._door = Door(settings.name, settings.networks, settings.token, settings.user, settings.password)
        self._backend = settings.backend or settings.name
        self._params = {**PARAMS.get(settings.kind, {}), **settings.params}

    def message(self, request: Request) -> Response:
        """Take one message. Raises Refusal, and StoreError when it can't be stored now."""
        if self._settings.kind == "vumi":
            return self._vumi(request)
        given = self._given(request)
        self._door.check(request, given.get("token"))
        identity, text = (_needed(given, self._params[name]) for name in ("identity", "text"))
        id_ = given.get(self._params["id"])
        fields = {"external_id": id_} if id_ else {}
        self._put(identity, text, fields, given.get(self._params["to"]) or None)
        return Response("" if self._settings.kind == "kannel" else "OK")  # Kannel would send a body as the answer

    def report(self, request: Request) -> Response:
        """Take what has become of a message. Raises Refusal, and StoreError when it can't be stored now."""
        if self._settings.kind == "vumi":
            raise Refusal(HTTPStatus.NOT_FOUND, "there are no reports here")
        given = self._given(request)
        self._door.check(request, given.get("token"))
        id_, identity, said = (_needed(given, name) for name in ("id", "identity", "status"))
        if self._settings.kind == "kannel":
            if said not in KANNEL_STATUSES:
                raise Refusal(HTTPStatus.BAD_REQUEST, f"the status must be one of {', '.join(KANNEL_STATUSES)}")
            status, why = KANNEL_STATUSES[said], given.get("answer")
        else:
            status, why = said, given.get("error")
        if status is None:
            return Response()
        if status not in REPORTED:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"the status must be one of {', '.join(REPORTED)}")
        self._report(id_, identity, status, storable_text(why)[:MOST_ID] if why and status == "failed" else None)
        return Response("" if self._settings.kind == "kannel" else "OK")

    def _given(self, request: Request) -> dict[str, str]:
        """The parameters. Kannel writes the text, and only that, in the character set that it names."""
        given, name = request.parameters(), self._params.get("text", "")
        charset = given.get("charset")
        if self._settings.kind != "kannel" or not charset or name not in given:
            return given
        octets = request.parameters("latin-1")[name].encode("latin-1")
        try:
            return {**given, name: octets.decode(charset, "replace")}
        except (LookupError, ValueError):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"there is no character set {charset[:40]!r}") from None

    def _vumi(self, request: Request) -> Response:
        self._door.check(request, request.parameters().get("token"))
        if request.method != "POST":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "messages are posted here", ("allow", "POST"))
        given = request.json()
        for name in VUMI_NEEDS:
            if not isinstance(given.get(name), str) or not given[name]:
                raise Refusal(HTTPStatus.BAD_REQUEST, f"{name!r} must be a string that isn't empty")
        content = given.get("content")
        if not isinstance(content, str | None):
            raise Refusal(HTTPStatus.BAD_REQUEST, "'content' must be a string or null")
        kept = {name: given[name] for name in (*VUMI_NEEDS, *VUMI_MAY) if isinstance(given.get(name), str)}
        fields = {"external_id": given["message_id"], **kept}
        self._put(given["from_addr"], content or "", fields, given["to_addr"])
        return Response()

    def _put(self, identity: str, text: str, fields: Mapping[str, str], to: str | None) -> None:
        if self._settings.plus and identity.isascii() and identity.isdigit():
            identity = f"+{identity}"
        try:
            identity = printable(identity.strip())
            to = None if to is None else printable(to.strip())
        except ValueError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from None
        kept = {name: storable_text(value)[:MOST_ID] for name, value in fields.items()}
        put(self._backend, identity, text, kept, to)

    def _report(self, id_: str, identity: str, status: str, error: str | None) -> None:
        router = api.get_router()
        row = router.row(storable_text(id_))
        to = [each.connection for each in row.transmissions] if row else []
        if not any((each.backend.name, each.identity) == (self._backend, identity) for each in to):
            raise Refusal(HTTPStatus.BAD_REQUEST, "no such message went to that identity through this backend")
        router.report(id_, identity, status, error)


def put(backend: str, identity: str, text: str, fields: Mapping[str, Any], to: str | None = None) -> str:
    """Store a message as received; gives its id. Raises StoreError.

    With an ``external_id`` among the fields, the same message again is the one that is stored already.
    """
    router = api.get_router()
    (connection,) = api.lookup_connections(backend, [identity])
    external = fields.get("external_id")
    own = _name(backend, connection.identity, text, str(external)) if external else None
    if own is not None and router.row(own) is not None:
        return own
    message = router.new_incoming_message(text, [connection], fields=dict(fields), to=to, id_=own)
    try:
        router.receive_incoming(message)
    except Exception:
        # An app of a blocking router, which fails the message; or the same message came in at the same moment.
        if router.row(message.id) is None:
            raise
    return message.id


def _name(*parts: str) -> str:
    """The id of a message that is known by its octets: the same for a repetition, another for another text."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _needed(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the parameter {name!r} is missing")
    return given[name]
