"""The form to send with, and what became of what was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateway import api
from gateway.apps import contactbook
from gateway.given import storable_text
from gateway.message import OutgoingMessage
from gateway.store.types import Status
from gateway.transmission import OPEN
from gateway.web import submit
from gateway.web.markup import Markup, area, choice, field, many, table, tag
from gateway.web.pages.frame import Visit, to
from gateway.web.request import Refusal, Response
from gateway.web.users import Users

SENT = "/sent/"
TO = "Numbers, or names of contacts, each on a line of its own."
LATEST, LOOKED_AT = 20, 200
REFRESH_S = 3


class Sending:
    """Two pages: the form, and one message."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def form(self, visit: Visit) -> Response:
        """Show the form, or take it."""
        if visit.request.method != "POST":
            return self._page(visit, {})
        try:
            asked = wanted(visit.form)
            if not visit.user.backends:  # the contact book is everybody's, so only for those who may see all
                asked["to"] = [identity_of(each, asked["backend"]) for each in asked["to"]]
            row = submit.submit(self._users, visit.user, asked)
        except Refusal as refusal:
            return self._page(visit, visit.form, str(refusal))
        return to(f"{SENT}{row.id}")

    def _page(self, visit: Visit, given: Mapping[str, str], error: str = "") -> Response:
        options = submit.backends_of(api.get_router().config, visit.user)
        form = visit.post_form(
            area("To", "to", given.get("to", ""), rows=3, required=True, note=TO),
            choice("Through", "backend", options, given.get("backend", "")),
            area("Text", "text", given.get("text", ""), rows=4),
            field("Not before", "at", value=given.get("at", ""), note="2026-12-01T08:00Z, or +2h; empty is now."),
            field("Not after", "expires", value=given.get("expires", ""), note="The same; empty is never too late."),
            field("Priority", "priority", value=given.get("priority", "0"), type="number", min=-100, max=100),
            tag("p", tag("input", type="checkbox", id="flash", name="flash", checked="flash" in given), " ",
                tag("label", "Show at once, don't keep (flash)", for_="flash", class_="inline")),
            tag("p", tag("button", "Send")),
            action="/",
        )  # fmt: skip
        return visit.page("Send", many(form, *_latest(visit)), error=error)

    def sent(self, visit: Visit) -> Response:
        """Show one message."""
        id_ = storable_text(visit.request.path.removeprefix(SENT))
        row = submit.seen(visit.user, api.get_router().row(id_))
        rows: list[tuple[str, ...]] = []
        for each in row.transmissions:
            connection = each.connection
            rows.append(
                (connection.identity, connection.backend.name, str(each.status), each.error or "", each.device or "")
            )
        waits = any(each.status in OPEN - {Status.HELD} for each in row.transmissions)
        content = many(tag("p", row.text, class_="out"), table(("To", "Through", "Status", "Why", "Device"), rows))
        return visit.page("Sent", content, refresh_s=REFRESH_S if waits else None)


def wanted(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form asks for, as ``submit`` takes it. Raises Refusal."""
    found: dict[str, Any] = {
        "to": [number for each in re.split(r"[,;\n]", form.get("to", "")) if (number := each.strip())],
        "text": form.get("text", "").replace("\r\n", "\n"),
        "backend": form.get("backend") or None,
        "flash": "flash" in form,
    }
    found |= {name: form[name].strip() for name in ("at", "expires") if form.get(name, "").strip()}
    priority = form.get("priority", "").strip()
    if priority and not re.fullmatch(r"-?\d{1,3}", priority, re.ASCII):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the priority must be a whole number from -100 to 100")
    return found | ({"priority": int(priority)} if priority else {})


def identity_of(entry: str, backend: str | None) -> str:
    """The number of a contact that is called so: that at the backend, else the first. What is no name stays as it is.

    Raises Refusal where several are called so, or the one can't be reached.
    """
    found = contactbook.find_contacts(entry) if any(map(str.isalpha, entry)) else []
    if not found:
        return entry
    if len(found) > 1:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{len(found)} contacts are called {entry!r}; write the number")
    ways = contactbook.contact_connections(found[0])
    if not ways:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the contact {entry!r} has no number")
    return next((each.identity for each in ways if each.backend.name == backend), ways[0].identity)


def _latest(visit: Visit) -> list[Markup]:
    found = api.messages(direction="out", limit=LOOKED_AT)
    own = [each for each in found if not visit.user.backends or each.fields.get("user") == visit.user.name]
    rows = [_line(each) for each in reversed(own[-LATEST:])]
    return [tag("h2", "The latest"), table(("When", "To", "Text", "Status"), rows)] if rows else []


def _line(message: OutgoingMessage) -> tuple[str, ...]:
    to_ = [each.connection.identity for each in message.transmissions]
    whom = to_[0] if len(to_) == 1 else f"{to_[0]} and {len(to_) - 1} more"
    when = tag("a", message.created_at.isoformat(" ", "seconds"), href=f"{SENT}{message.id}")
    return when, whom, message.text, str(message.status)
