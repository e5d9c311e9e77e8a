"""Is anybody there? ``echo TEXT`` answers TEXT, ``ping`` answers ``pong``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.apps.handlers.app import HandlersApp
from gateway.apps.handlers.base import BaseHandler
from gateway.apps.handlers.keyword import KeywordHandler
from gateway.message import IncomingMessage

if TYPE_CHECKING:
    from gateway.router import BlockingRouter


class EchoHandler(KeywordHandler):
    """Answers what follows the word.

    >>> EchoHandler.test("echo  hello "), EchoHandler.test("echo")
    (['hello '], ['To echo some text, send: ECHO <ANYTHING>'])
    """

    keyword = "echo"

    def help(self) -> None:
        """Say how it works."""
        self.respond("To echo some text, send: ECHO <ANYTHING>")

    def handle(self, text: str) -> None:
        """Echo."""
        self.respond(text)


class PingHandler(BaseHandler):
    """Answers ``ping``, exactly that.

    >>> PingHandler.test("ping"), PingHandler.test("Ping")
    (['pong'], False)
    """

    @classmethod
    def dispatch(cls, router: BlockingRouter | None, msg: IncomingMessage) -> bool:
        """Answer a ping."""
        if msg.text != "ping":
            return False
        cls(router, msg).respond("pong")
        return True


class EchoApp(HandlersApp):
    """The two handlers as an app."""

    handlers = (EchoHandler, PingHandler)
