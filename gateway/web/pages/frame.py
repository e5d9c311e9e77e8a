"""What all pages have: the login in front of them, the frame around them, and the headers that keep them ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources

from gateway.config.servers import HttpUserConfig
from gateway.web import sessions
from gateway.web.markup import Markup, field, many, tag
from gateway.web.request import HTML, Refusal, Request, Response
from gateway.web.sessions import Session, Sessions
from gateway.web.users import Users

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""No script at all, from nowhere."""
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
)
LOGIN, LOGOUT, STYLE = "/login", "/logout", "/style.css"
CSS = (resources.files(__package__) / "style.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is logged in."""

    request: Request
    session: Session
    user: HttpUserConfig
    form: Mapping[str, str]

    def page(self, title: str, *content: str, error: str = "", refresh_s: int | None = None) -> Response:
        """A page; ``refresh_s``: it is read again after so long."""
        links = [tag("a", name, href=where) for where, name in (("/", "Send"), ("/tester", "Tester"))]
        leave = tag("form", tag("button", f"Log out {self.user.name}"), self.guard, method="post", action=LOGOUT)
        again = (("refresh", str(refresh_s)),) if refresh_s else ()
        return framed(title, tag("nav", *links, leave), *content, error=error, headers=again)

    def post_form(self, *inside: str, action: str) -> Markup:
        """A form that is posted, with the session's guard."""
        return tag("form", *inside, self.guard, method="post", action=action)

    @property
    def guard(self) -> Markup:
        """The hidden field that shows that a form is ours."""
        return tag("input", type="hidden", name="guard", value=self.session.guard)


Shown = Callable[[Visit], Response]


def framed(title: str, *content: str, error: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A whole page."""
    head = tag(
        "head", tag("meta", charset="utf-8"), tag("title", f"{title} - SMS gateway"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="stylesheet", href=STYLE),
    )  # fmt: skip
    said = tag("p", error, class_="error", role="alert") if error else Markup("")
    body = tag("body", tag("main", many(*content[:-1]), tag("h1", title), said, many(*content[-1:])))
    return Response(
        f"<!doctype html>\n{tag('html', head, body, lang='en')}\n", HTTPStatus.OK, HTML, (*HEADERS, *headers)
    )


def to(where: str, *headers: tuple[str, str]) -> Response:
    """Go there, by GET."""
    return Response("", HTTPStatus.SEE_OTHER, headers=(("location", where), *headers))


class Gate:
    """The login. What is behind it is called with a Visit."""

    def __init__(self, users: Users) -> None:
        self._users, self._sessions = users, Sessions()

    def behind(self, shown: Shown) -> Callable[[Request], Response]:
        """A page for those who are logged in; others are asked who they are."""

        def page(request: Request) -> Response:
            visit = self._visit(request)
            return to(LOGIN) if visit is None else shown(visit)

        return page

    def _visit(self, request: Request) -> Visit | None:
        """Who it is; None for nobody. Raises Refusal for a form that isn't from here."""
        session = self._sessions.of(request)
        user = self._users.get(session.user) if session else None
        if session is None or user is None:
            return None
        form = request.parameters()
        guarded = sessions.ours(request) and sessions.guarded(session, form.get("guard", ""))
        if request.method == "POST" and not guarded:
            raise Refusal(HTTPStatus.FORBIDDEN, "this form is not from this page, or too old; load the page again")
        return Visit(request, session, user, form)

    def login(self, request: Request) -> Response:
        """Ask for name and password, and take them."""
        if request.method != "POST":
            return _login_page()
        if not sessions.ours(request):
            raise Refusal(HTTPStatus.FORBIDDEN, "this form is not from this page")
        given = request.parameters()
        try:
            user = self._users.login(request, given.get("user", ""), given.get("password", ""))
        except Refusal as refusal:
            return _login_page(str(refusal), given.get("user", ""))
        return to("/", sessions.cookie(self._sessions.begin(user.name), secure=request.secure))

    def logout(self, visit: Visit) -> Response:
        """Forget the session."""
        if visit.request.method == "POST":
            self._sessions.end(visit.session)
        return to(LOGIN, sessions.cookie(None, secure=visit.request.secure))


def style(_: Request) -> Response:
    """The style sheet."""
    return Response(CSS, kind="text/css; charset=utf-8")


def _login_page(error: str = "", name: str = "") -> Response:
    form = tag(
        "form",
        field("Name", "user", value=name, autocomplete="username", autofocus=True),
        field("Password", "password", type="password", autocomplete="current-password"),
        tag("p", tag("button", "Log in")), method="post", action=LOGIN,
    )  # fmt: skip
    return framed("Log in", form, error=error)
