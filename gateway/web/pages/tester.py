"""A telephone to try apps with: what is typed comes in, what the apps answer is shown. Nothing reaches a network.

It speaks through backends that go nowhere (``gateway.backends.database:DatabaseBackend``).
"""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from gateway import api
from gateway.backends.database import DatabaseBackend
from gateway.given import identity as printable
from gateway.message import IncomingMessage
from gateway.web import submit
from gateway.web.inbound import put
from gateway.web.markup import Markup, area, choice, field, many, tag
from gateway.web.pages.frame import Visit, to
from gateway.web.request import Response

TESTER = "/tester"
MOST = 100
HOW = """[backend.tester]
class = "gateway.backends.database:DatabaseBackend"
"""


def tester(visit: Visit) -> Response:
    """Show the telephone, or take what was typed: one message, or one a line."""
    router = api.get_router()
    allowed = submit.backends_of(router.config, visit.user)
    backends = [name for name in allowed if isinstance(router.backends.get(name), DatabaseBackend)]
    if not backends:
        said = tag("p", "The tester needs a backend that goes nowhere. Add to the config, and reload:")
        return visit.page("Tester", many(said, tag("pre", HOW)))
    number = visit.form.get("number", "").strip() or f"{secrets.randbelow(900_000) + 100_000}"
    backend = visit.form.get("backend", backends[0])
    if backend not in backends:
        return _page(visit, backends, (backends[0], number), f"the backend must be one of {', '.join(backends)}")
    try:
        printable(number)
    except ValueError as error:
        return _page(visit, backends, (backend, ""), str(error))
    if visit.request.method == "POST":
        text = visit.form.get("text", "").replace("\r\n", "\n")
        for each in text.splitlines() if "lines" in visit.form else [text]:
            put(backend, number, each, {"user": visit.user.name})
        return to(where(backend, number))
    return _page(visit, backends, (backend, number))


def where(backend: str, number: str) -> str:
    """The address of a conversation.

    >>> where("tester", "+1")
    '/tester?backend=tester&number=%2B1'
    """
    return f"{TESTER}?{urlencode({'backend': backend, 'number': number})}"


def _page(visit: Visit, backends: list[str], phone: tuple[str, str], error: str = "") -> Response:
    backend, number = phone
    form = visit.post_form(
        field("Number", "number", value=number, required=True, note="Another number is another person."),
        choice("Through", "backend", backends, backend),
        area("Text", "text", "", rows=2, autofocus=True),
        tag("p", tag("input", type="checkbox", id="lines", name="lines"), " ",
            tag("label", "Each line is a message", for_="lines", class_="inline")),
        tag("p", tag("button", "Say it"), " ", tag("a", "Look again", href=where(backend, number)), " ",
            tag("a", "Somebody else", href=TESTER)),
        action=TESTER,
    )  # fmt: skip
    return visit.page("Tester", many(form, *_said(backend, number)), error=error)


def _said(backend: str, number: str) -> list[Markup]:
    """The conversation, the newest last."""
    if not number:
        return []
    return [
        tag("p", each.text, class_="in" if isinstance(each, IncomingMessage) else "out", title=str(each.status))
        for each in api.messages(backend=backend, identity=number, limit=MOST)
    ]
