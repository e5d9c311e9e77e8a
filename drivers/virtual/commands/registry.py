"""How command handlers are written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.virtual.answers import Answer, cms
from drivers.virtual.line import Command

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

Handler = Callable[["VirtualModem", Command, float], Answer]
Handlers = dict[str, Handler]


class Commands:
    """The handlers of one family of commands."""

    def __init__(self) -> None:
        self.handlers: Handlers = {}
        self.without_sim: frozenset[str] = frozenset()

    def handles(self, *names: str, sim: bool = True) -> Callable[[Handler], Handler]:
        """Mark the handler of these commands. ``sim``: the modem refuses them while the SIM can't be used."""

        def register(handler: Handler) -> Handler:
            self.handlers.update(dict.fromkeys(names, handler))
            if not sim:
                self.without_sim |= set(names)
            return handler

        return register


def number(command: Command, place: int, default: int | None = None) -> int:
    """A numeric argument. Raises +CMS ERROR 302 when it isn't one."""
    text = command.arguments[place] if place < len(command.arguments) else ""
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 5:
        raise cms(302)
    return int(text)


def argument(command: Command, place: int = 0) -> str:
    """An argument as typed; empty when it is missing."""
    return command.arguments[place] if place < len(command.arguments) else ""
