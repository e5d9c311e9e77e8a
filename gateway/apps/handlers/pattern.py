"""Handlers that are chosen by a regular expression."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.apps.handlers.base import BaseHandler
from gateway.errors import HandlerError

if TYPE_CHECKING:
    from gateway.message import IncomingMessage
    from gateway.router import BlockingRouter


@functools.lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Give the compiled pattern. Raises HandlerError when it is no regex."""
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise HandlerError(f"the pattern {pattern!r} is not a regular expression: {error}") from None


class PatternHandler(BaseHandler):
    r"""Answers messages that match ``pattern`` from their start; the groups go to ``handle``.

    Case doesn't matter, white space does; anchor the end yourself. A group that took no part comes as None.

    >>> class Sum(PatternHandler):
    ...     pattern = r"(\d+) plus (\d+)$"
    ...     def handle(self, a, b): self.respond(str(int(a) + int(b)))
    >>> Sum.test("1 PLUS 2"), Sum.test("1 plus"), Sum.test("so 1 plus 2")
    (['3'], False, False)
    """

    pattern: ClassVar[str] = ""

    def handle(self, *groups: Any, **_: Any) -> object:
        """Answer; one argument for each group of the pattern."""
        raise NotImplementedError(f"{type(self).__name__} has no handle()")

    @classmethod
    def dispatch(cls, router: BlockingRouter | None, msg: IncomingMessage) -> bool:
        """Answer the message if it matches. Raises HandlerError when there is no pattern."""
        if not cls.pattern:
            raise HandlerError(f"{cls.__name__} has no pattern")
        match = compiled(cls.pattern).match(msg.text)
        if match is None:
            return False
        cls(router, msg).handle(*match.groups())
        return True
