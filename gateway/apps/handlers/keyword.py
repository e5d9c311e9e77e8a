"""Handlers that are chosen by the first word of a message."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, ClassVar

from gateway.apps.handlers.base import BaseHandler
from gateway.errors import HandlerError

if TYPE_CHECKING:
    from gateway.message import IncomingMessage
    from gateway.router import BlockingRouter

_NOT_A_NUMBER = re.compile(r"invalid literal for int\(\) with base \d+: (.+)", re.DOTALL)


@functools.lru_cache(maxsize=4096)
def compiled(keyword: str, *, boundary: bool) -> re.Pattern[str]:
    """Give the pattern of a keyword: group ``rest`` is what follows it. Raises HandlerError when it is no regex."""
    end = r"(?:\b|(?!\w))" if boundary else ""
    try:
        re.compile(keyword)
        return re.compile(rf"\s*(?:{keyword}){end}[\s,;:]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise HandlerError(f"the keyword {keyword!r} is not a regular expression: {error}") from None


class KeywordHandler(BaseHandler):
    r"""Answers messages that begin with ``keyword``, a regular expression (``"register|reg"``).

    White space before the keyword is skipped, case doesn't matter. White space, commas, semicolons and colons
    after it are dropped; the rest, to the very end, goes to ``handle``, and ``help`` is called when nothing is
    left. The keyword ends at a word boundary; ``boundary = False`` takes ``hellothere`` for ``hello``, too.

    In ``handle``, a number that ``int()`` can't read, and a LookupError, become error answers.

    >>> class Hello(KeywordHandler):
    ...     keyword = "hello|hi"
    ...     def help(self): self.respond("Hello who?")
    ...     def handle(self, text): self.respond(f"Hello, {text}!")
    >>> Hello.test("HI: there"), Hello.test("hello"), Hello.test("hitchhike")
    (['Hello, there!'], ['Hello who?'], False)
    """

    keyword: ClassVar[str] = ""
    boundary: ClassVar[bool] = True

    def handle(self, text: str) -> object:
        """Answer; ``text`` is what came after the keyword."""
        raise NotImplementedError(f"{type(self).__name__} has no handle()")

    def help(self) -> object:
        """Answer a message of the keyword alone."""
        raise NotImplementedError(f"{type(self).__name__} has no help()")

    @classmethod
    def rest(cls, text: str) -> str | None:
        """Give what follows the keyword, None when the text doesn't begin with it. Raises HandlerError."""
        if not cls.keyword:
            raise HandlerError(f"{cls.__name__} has no keyword")
        match = compiled(cls.keyword, boundary=cls.boundary).match(text)
        return match["rest"] if match else None

    @classmethod
    def dispatch(cls, router: BlockingRouter | None, msg: IncomingMessage) -> bool:
        """Answer the message if it begins with the keyword. Raises HandlerError without one."""
        rest = cls.rest(msg.text)
        if rest is None:
            return False
        handler = cls(router, msg)
        if not rest:
            handler.help()
            return True
        try:
            handler.handle(rest)
        except LookupError as error:
            handler.respond_error(str(error.args[0]) if error.args else "Not found.")
        except ValueError as error:
            number = _NOT_A_NUMBER.match(str(error))
            if number is None:
                raise
            handler.respond_error(f"{number[1]} is not a valid number.")
        return True
