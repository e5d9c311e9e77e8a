"""Drivers that break down in every way, each in its own real process."""

import os
import signal
import time

from drivers.base import (
    Busy,
    Close,
    Closed,
    Health,
    Left,
    Outcome,
    Result,
    State,
    Submit,
)


class Scripted:
    """Does what the destination of a Submit says, one word per part."""

    def __init__(self, options):
        self.options = options

    def run(self, link):
        link.send(Health(State.UP, details={"echo": self.options.get("echo")}))
        while True:
            for command in link.receive(1.0):
                if isinstance(command, Close):
                    link.send(Closed())
                    return
                if isinstance(command, Submit):
                    self.submit(link, command)

    def submit(self, link, command):
        for part in command.parts:
            match command.destination:
                case "never-leaves":
                    continue
                case "hang":
                    link.send(Left(((command.token, part.index),), time.monotonic()))
                    link.send(Busy(0.2, "waiting for the modem"))
                    signal.pause()
                case "crash":
                    link.send(Left(((command.token, part.index),), time.monotonic()))
                    os.kill(os.getpid(), signal.SIGSEGV)
                case "garbage":
                    os.write(link.fileno(), b"\xff" * 64)
                    signal.pause()
                case _:
                    link.send(Left(((command.token, part.index),), time.monotonic()))
                    link.send(Result(command.token, part.index, Outcome.ACCEPTED, reference="1"))
