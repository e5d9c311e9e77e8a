"""Answers by rules of the config, without a line of Python."""

from __future__ import annotations

from typing import Any

from gateway.apps import rules
from gateway.apps.base import App
from gateway.message import IncomingMessage


class AutoreplyApp(App):
    """``[[app.autoreply.rule]]``: ``reply``, and any of ``keyword``, ``pattern``, ``from`` and ``backend``.

    The first rule that fits answers, and the message is handled; ``final = false`` lets later apps see it, too.
    ``reply`` may hold ``{number}``, ``{name}``, ``{text}``, ``{backend}`` and ``{time}``.
    """

    def configure(self, *_: Any, rule: object = ()) -> None:
        """Take the rules. Raises TypeError or ValueError for one that can't be used."""
        self.rules = []
        for place, (found, table) in enumerate(rules.read(self.name, rule, ("reply", "final")), 1):
            reply, final = table.get("reply"), table.get("final", True)
            if not isinstance(reply, str) or not reply:
                raise ValueError(f"rule {place}: reply must be a string that isn't empty, not {reply!r}")
            if not isinstance(final, bool):
                raise TypeError(f"rule {place}: final must be true or false, not {final!r}")
            self.rules.append((found, reply, final))

    def handle(self, msg: IncomingMessage) -> bool:
        """Answer by the first rule that fits."""
        for rule, reply, final in self.rules:
            if rule.fits(msg):
                msg.respond(rules.fill(reply, rules.values_of(msg)))
                return final
        return False
