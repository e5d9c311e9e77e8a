"""Reminders of appointments: queued from a CSV file, answered with YES or NO.

The file has the columns ``id,number,name,time`` (ISO 8601 with its zone). Each reminder goes out a day before, and
expires with the appointment. Its key is the appointment's, so the same file may be read every night.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import KeywordHandler, OutgoingMessage, lookup_connections, messages, send
from gateway.apps.handlers import HandlersApp

BEFORE = timedelta(days=1)


def remind(file: Path, backend: str, now: datetime) -> list[OutgoingMessage]:
    """Queue a reminder for each appointment that is still to come."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(row, datetime.fromisoformat(row["time"])) for row in csv.DictReader(lines)]
    return [_reminder(row, when, backend, now) for row, when in rows if when > now]


def _reminder(row: dict[str, str], when: datetime, backend: str, now: datetime) -> OutgoingMessage:
    (connection,) = lookup_connections(backend, row["number"])
    text = f"{row['name']}, you are expected at the clinic on {when:%d %B at %H:%M}. Will you come? YES or NO"
    fields = {"appointment": row["id"]}
    at = max(when - BEFORE, now)
    return send(text, connection, key=f"appointment-{row['id']}", at=at, expires=when, fields=fields)


class Answer(KeywordHandler):
    """What both answers have in common: which appointment is meant."""

    def appointment(self) -> str:
        """The appointment of the last reminder. Raises LookupError."""
        sent = messages(direction="out", identity=self.msg.connections[0].identity)
        found = [each.fields["appointment"] for each in sent if "appointment" in each.fields]
        if not found:
            raise LookupError("We don't know of an appointment of yours.")
        return str(found[-1])

    def help(self) -> None:
        """The keyword alone is the usual answer."""
        try:
            self.handle("")
        except LookupError as unknown:
            self.respond_error(str(unknown))


class Yes(Answer):
    """The patient comes."""

    keyword = "yes|y|ndiyo"

    def handle(self, text: str) -> None:  # noqa: ARG002 - whatever is said besides
        """Note it; the field is stored with the message."""
        self.msg.fields["confirmed"] = self.appointment()
        self.respond("Thank you. See you then.")


class No(Answer):
    """The patient doesn't; the desk is told, so that somebody else may have the time."""

    keyword = "no|n|hapana"

    def handle(self, text: str) -> None:
        """Tell the desk."""
        identity, appointment = self.msg.connections[0].identity, self.appointment()
        self.msg.fields["declined"] = appointment
        self.respond("Thank you for telling us. We will call you for another time.")
        assert self.router is not None
        desk = self.router.get_app(ClinicApp).options.get("desk")
        if desk:
            told = f"Appointment {appointment} is free: {identity} can't come. {text}".strip()
            self.respond(told, connections=lookup_connections(self.msg.connections[0].backend, desk))


class ClinicApp(HandlersApp):
    """``[app.clinic] desk``: the number that is told of free appointments."""

    handlers = (Yes, No)

    def configure(self, *_: Any, desk: str = "", **rest: Any) -> None:
        """Take the number. Raises TypeError when it is no string."""
        if not isinstance(desk, str):
            raise TypeError(f"desk must be a number in quotes, not {desk!r}")
        super().configure(**rest)


def main() -> None:
    """Read ``appointments.csv``, as a nightly job does."""
    for message in remind(Path("appointments.csv"), "auto", datetime.now(UTC)):
        print(message.id, message.connections[0].identity, message.at)


if __name__ == "__main__":
    main()
