"""Passing messages on to other people, by rules of the config."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.apps import rules
from gateway.apps.base import App
from gateway.apps.outlet import send_once, strings
from gateway.backends import AUTO
from gateway.config.values import nearest
from gateway.message import IncomingMessage
from gateway.numbers import normalise
from gateway.session import now_ms
from gateway.store import connections

TEXT = "{name}: {text}"


class ForwardApp(App):
    """``[[app.forward.rule]]``: ``to``, and any of ``keyword``, ``pattern``, ``from`` and ``backend``.

    Every rule that fits passes the message on, whatever other apps do with it unless they filter it. ``through``:
    the backend it goes through, that which it came from unless given; ``"email"`` with addresses in ``to`` mails it.
    ``text``: ``"{name}: {text}"`` unless given. Nothing goes back to the number that it came from, so that two
    gateways that forward to each other stop there.
    """

    def configure(self, *_: Any, rule: object = ()) -> None:
        """Take the rules. Raises TypeError or ValueError for one that can't be used."""
        self.rules = []
        for place, (found, table) in enumerate(rules.read(self.name, rule, ("to", "through", "text")), 1):
            to, through, text = strings("to", table.get("to", ())), table.get("through"), table.get("text", TEXT)
            if not to:
                raise ValueError(f"rule {place}: to must name at least one number")
            if not isinstance(text, str) or not isinstance(through, str | None):
                raise TypeError(f"rule {place}: through and text must be strings")
            self.rules.append((found, to, through, text))

    def faults(self, config: Any) -> Iterable[str]:
        """Rules that go through a backend that there isn't."""
        known = {*config.devices, *config.backend, AUTO, *(each.rpartition(".")[2] for each in config.gateway.apps)}
        for place, (_, _, through, _) in enumerate(self.rules, 1):
            if through is not None and through not in known and config.gateway.database.startswith("sqlite"):
                yield f"rule {place}: there is no backend {through!r}{nearest(through, known)}"

    def cleanup(self, msg: IncomingMessage) -> None:
        """Pass the message on."""
        for place, (rule, to, through, text) in enumerate(self.rules, 1):
            if rule.fits(msg):
                self._pass_on(msg, to, through or msg.connections[0].backend.name, text, f"{msg.id}/{place}")

    def _pass_on(self, msg: IncomingMessage, to: tuple[str, ...], through: str, text: str, key: str) -> None:
        router = self.router
        assert router is not None
        region = router.config.gateway.region
        sender = msg.connections[0].identity
        wanted = [number for number in (normalise(each, region) for each in to) if number != sender]
        found = router.session.store.write(lambda c: connections.lookup(c, through, wanted, now_ms()))
        if found:
            filled = rules.fill(text, rules.values_of(msg))
            send_once(router, router.new_outgoing_message(filled, found, key=f"forward/{key}", in_response_to=msg))
