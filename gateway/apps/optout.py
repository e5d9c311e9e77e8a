"""People say STOP, and get no more messages until they say START."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.apps.base import App
from gateway.message import IncomingMessage, OutgoingMessage
from gateway.session import now_ms
from gateway.store import optouts
from gateway.store.gate import CONFIRMATION

STOP = ("stop", "unsubscribe", "end", "quit")
START = ("start", "unstop")


class Confirmation(OutgoingMessage):
    """The one message that somebody who said STOP still gets."""

    kind = CONFIRMATION


class OptOutApp(App):
    """Notes who says STOP; from then on every message to them is cancelled at the gate, with the reason.

    ``[app.optout]``: ``stop`` and ``start`` are lists of words, each the whole message; ``stopped`` and ``started``
    are the answers, empty for none.
    """

    def configure(
        self,
        *_: Any,
        stop: Sequence[str] = STOP,
        start: Sequence[str] = START,
        stopped: str = "You will get no more messages. Send START to get them again.",
        started: str = "You will get messages again.",
    ) -> None:
        """Take the words. Raises TypeError for those that aren't a list of strings."""
        for words in (stop, start):
            if isinstance(words, str) or not all(isinstance(word, str) for word in words):
                raise TypeError(f"the words must be a list of strings, not {words!r}")
        self.stop_words = {word.casefold() for word in stop}
        self.start_words = {word.casefold() for word in start}
        self.stopped, self.started = stopped, started

    def handle(self, msg: IncomingMessage) -> bool:
        """Note a STOP or a START, and confirm it."""
        word = msg.text.strip(" \t\r\n.!").casefold()
        if word not in self.stop_words | self.start_words:
            return False
        assert self.router is not None
        store, identity = self.router.session.store, msg.connections[0].identity
        if word in self.stop_words:
            store.write(lambda c: optouts.add(c, identity, msg.id, now_ms()))
        else:
            store.write(lambda c: optouts.remove(c, identity))
        answer = self.stopped if word in self.stop_words else self.started
        if answer:
            msg.respond(answer, class_=Confirmation)
        return True
