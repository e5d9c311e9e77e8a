"""What is where: from a request to whoever answers it, and never to a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from gateway import logs
from gateway.config.model import Config
from gateway.errors import GatewayError, StoreError
from gateway.web.inbound import Inbound
from gateway.web.pages.frame import LOGIN, LOGOUT, STYLE, Gate, style
from gateway.web.pages.send import SENT, Sending
from gateway.web.pages.tester import TESTER, tester
from gateway.web.request import Refusal, Request, Response
from gateway.web.rest import MESSAGES, Rest
from gateway.web.users import Users

log = logs.get(__name__)
Page = Callable[[Request], Response]
BOTH = ("GET", "POST")


class Site:
    """All pages of ``[server.http]``. Called from several threads."""

    def __init__(self, config: Config) -> None:
        self._pages: Mapping[str, tuple[tuple[str, ...], Page]] = {**dict(_inbound(config)), **dict(_ours(config))}

    def __call__(self, request: Request) -> Response:
        """Answer a request, whatever happens."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            return refusal.response
        except (GatewayError, OSError) as error:
            log.warning("a request can't be served now", path=request.path, reason=str(error))
            what = "the message can't be stored now" if isinstance(error, StoreError) else "this can't be done now"
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, what, ("retry-after", "10")).response
        except Exception:
            log.exception("a request failed", path=request.path)
            return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway failed; its log says how").response

    def _answer(self, request: Request) -> Response:
        found = self._pages.get(request.path) or self._pages.get(f"{request.path.rpartition('/')[0]}/*")
        if found is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
        methods, page = found
        if request.method not in methods:
            said = f"write {' or '.join(methods)}, not {request.method[:20]}"
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, said, ("allow", ", ".join(methods)))
        return page(request)


def _inbound(config: Config) -> Iterator[tuple[str, tuple[tuple[str, ...], Page]]]:
    """Pages for other gateways."""
    settings = config.server.http
    for each in settings.inbound.values() if settings else ():
        one = Inbound(each)
        yield one.path, (BOTH, one.message)
        yield f"{one.path}/report", (BOTH, one.report)


def _ours(config: Config) -> Iterator[tuple[str, tuple[tuple[str, ...], Page]]]:
    """Pages for users, where there are any. A path that ends with ``*`` stands for all names in its place."""
    settings = config.server.http
    users = Users(settings.user if settings else {})
    if not users:
        return
    rest, gate, sending = Rest(users), Gate(users), Sending(users)
    yield "/send", (("POST",), rest.send)
    yield f"{MESSAGES}*", (("GET",), rest.message)
    yield "/", (BOTH, gate.behind(sending.form))
    yield f"{SENT}*", (("GET",), gate.behind(sending.sent))
    yield TESTER, (BOTH, gate.behind(tester))
    yield LOGIN, (BOTH, gate.login)
    yield LOGOUT, (("POST",), gate.behind(gate.logout))
    yield STYLE, (("GET",), style)
