"""The app that runs handlers."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterable
from typing import Any

from gateway.apps.base import App
from gateway.apps.handlers.base import BaseHandler
from gateway.apps.handlers.keyword import KeywordHandler
from gateway.message import IncomingMessage


class HandlersApp(App):
    """Asks each handler in turn, until one answers. ``[app.handlers] handlers = ["package.module.Class"]``."""

    handlers: tuple[type[BaseHandler], ...] = ()

    def configure(self, *_: Any, handlers: Iterable[str | type[BaseHandler]] = ()) -> None:
        """Load the handlers. Raises ValueError for a path that can't be loaded."""
        self.handlers = (*type(self).handlers, *map(find, handlers))

    def handle(self, msg: IncomingMessage) -> bool:
        """Give the message to the first handler that takes it."""
        for handler in self.handlers:
            try:
                taken = handler.dispatch(self.router, msg)
            except Exception as error:
                error.add_note(f"raised in the handler {handler.__module__}.{handler.__qualname__}")
                raise
            if taken:
                return True
        return False


def find(path: str | type[BaseHandler]) -> type[BaseHandler]:
    """Give the handler class that ``"package.module.Class"`` names. Raises ValueError or TypeError."""
    if isinstance(path, type) and issubclass(path, BaseHandler):
        return path
    module_name, _, class_name = str(path).replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:
        raise ValueError(f"the handler {path!r} can't be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, BaseHandler)):
        raise TypeError(f"the handler {path!r} can't be loaded: {class_name} is not a BaseHandler")
    return found


def clashes(handlers: Iterable[type[BaseHandler]]) -> list[tuple[str, type[BaseHandler], type[BaseHandler]]]:
    """Give the words that two handlers want: (word, who gets it, who doesn't).

    Keywords are compared by their alternatives as far as those are plain words.
    """
    keyed = [each for each in handlers if issubclass(each, KeywordHandler)]
    return [
        (word, first, second)
        for first, second in itertools.combinations(keyed, 2)
        for word in _words(second.keyword)
        if first.rest(word) is not None
    ]


def _words(keyword: str) -> list[str]:
    return [word for word in keyword.lower().split("|") if re.fullmatch(r"[\w ]+", word)]
