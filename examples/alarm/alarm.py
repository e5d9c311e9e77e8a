"""An alarm that goes up the list until somebody has it: ``ACK 17`` answers it.

All steps are queued at once, each with its due time; an answer cancels those that have not left. So the escalation
needs no process that watches, and goes on over a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway import KeywordHandler, OutgoingMessage, lookup_connections, messages, send
from gateway.apps.handlers import HandlersApp

STEP = timedelta(minutes=5)


def alarm(number: int, text: str, backend: str, people: Sequence[str]) -> list[OutgoingMessage]:
    """Tell the first of ``people`` now, and each next one five minutes later. The same number again changes nothing."""
    steps = []
    for place, connection in enumerate(lookup_connections(backend, people)):
        told = f"ALARM {number}: {text}. Answer ACK {number} if you have it."
        due = place * STEP if place else None
        step = {"alarm": number}
        steps.append(send(told, connection, key=f"alarm-{number}-{place}", at=due, priority=50, fields=step))
    return steps


class Acknowledge(KeywordHandler):
    """``ACK 17``: the alarm is mine."""

    keyword = "ack"

    def help(self) -> None:
        """Say how it works."""
        self.respond("Send ACK and the number of the alarm.")

    def handle(self, text: str) -> None:
        """Stop the escalation, and tell those who know already."""
        number, me = int(text), self.msg.connections[0]
        steps = [each for each in messages(direction="out", limit=1000) if each.fields.get("alarm") == number]
        if not steps:
            raise LookupError(f"There is no alarm {number}.")
        waiting = [each for each in steps if each.status == "queued"]
        for each in waiting:
            each.cancel()
        told = [each.connections[0] for each in steps if each not in waiting and each.connections[0] != me]
        self.respond(f"Alarm {number} is yours.")
        if told:
            self.respond(f"{me.identity} has alarm {number}.", connections=told)


class AlarmApp(HandlersApp):
    """The handler as an app."""

    handlers = (Acknowledge,)
