"""``POST /send`` and ``GET /messages/ID``, for software."""

from __future__ import annotations

import json
from http import HTTPStatus

from gateway import api
from gateway.given import storable_text
from gateway.web import submit
from gateway.web.request import JSON, Refusal, Request, Response
from gateway.web.users import Users

MESSAGES = "/messages/"


class Rest:
    """What software may ask."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def send(self, request: Request) -> Response:
        """Store a message: 202 with the message as it stands. Raises Refusal, StoreError.

        The header ``Idempotency-Key`` is the ``key`` where the body has none.
        """
        user = self._users.of(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be JSON, with content-type: {JSON}")
        wanted = request.json()
        if "idempotency-key" in request.headers:
            wanted.setdefault("key", request.headers["idempotency-key"])
        row = submit.submit(self._users, user, wanted)
        return _json(submit.shown(row), HTTPStatus.ACCEPTED, ("location", f"{MESSAGES}{row.id}"))

    def message(self, request: Request) -> Response:
        """Give one message with its transmissions. Raises Refusal, StoreError."""
        user = self._users.of(request)
        row = api.get_router().row(storable_text(request.path.removeprefix(MESSAGES)))
        return _json(submit.shown(submit.seen(user, row)))


def _json(found: object, status: int = HTTPStatus.OK, *headers: tuple[str, str]) -> Response:
    return Response(f"{json.dumps(found, ensure_ascii=False, default=str)}\n", status, JSON, headers)
