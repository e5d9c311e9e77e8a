"""The base of every handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gateway.message import IncomingMessage
from gateway.store.types import Backend, Connection

if TYPE_CHECKING:
    from gateway.router import BlockingRouter


class BaseHandler:
    """One answer to one kind of message. ``dispatch`` says whether the message is this handler's.

    >>> class Shout(BaseHandler):
    ...     @classmethod
    ...     def dispatch(cls, router, msg):
    ...         if msg.text.isupper():
    ...             msg.respond("no need to shout")
    ...             return True
    >>> Shout.test("HELP")
    ['no need to shout']
    """

    def __init__(self, router: BlockingRouter | None, msg: IncomingMessage) -> None:
        self.router = router
        self.msg = msg

    @classmethod
    def dispatch(cls, router: BlockingRouter | None, msg: IncomingMessage) -> bool:  # noqa: ARG003 - for subclasses
        """Answer the message if it is ours. Returns True when it was."""
        return False

    def respond(self, text: str, **kwargs: Any) -> dict[str, Any]:
        """Answer; as ``IncomingMessage.respond``."""
        return self.msg.respond(text, **kwargs)

    def respond_error(self, text: str, **kwargs: Any) -> dict[str, Any]:
        """Answer with an error; as ``IncomingMessage.error``."""
        return self.msg.error(text, **kwargs)

    @classmethod
    def test(cls, text: str, identity: str | None = None) -> list[str] | Literal[False]:
        """Run this handler alone on a text, without a gateway.

        Returns the texts of its answers in order, or False when the message wasn't its own.
        """
        connection = Connection(0, Backend(0, "test"), identity or "+15550000000")
        msg = IncomingMessage(text, [connection])
        return [response["text"] for response in msg.responses] if cls.dispatch(None, msg) else False
