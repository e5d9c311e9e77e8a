"""What runs inside the service and outlives it in a file: an app that counts, and a backend that only writes."""

import json
import os
from pathlib import Path

from gateway import App, BackendBase


def note(name, **seen):
    """Add a line to a file of ``$CRASH_WITNESS``; one write, so that a kill never leaves half of it."""
    line = json.dumps(seen, ensure_ascii=False).encode() + b"\n"
    file = os.open(Path(os.environ["CRASH_WITNESS"]) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)
    os.close(file)


class Counting(App):
    """Writes down which messages the apps were given, and lets the others answer."""

    def filter(self, msg):
        note("apps.jsonl", id=msg.id, text=msg.text, again=msg.redelivered)


class Writing(BackendBase):
    """Carries messages into a file."""

    def send(self, id_, text, identities, context):
        for identity in identities:
            note("backend.jsonl", text=text, to=identity)
