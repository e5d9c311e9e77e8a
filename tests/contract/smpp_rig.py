"""A carrier and a driver, each in its own process, and what the owner hears."""

import contextlib
import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from drivers.base import (
    Ack,
    Command,
    Encoding,
    Event,
    Health,
    Incoming,
    Left,
    Part,
    Receipt,
    Result,
    State,
    Submit,
)
from drivers.process import DeviceProcess
from drivers.virtual.control import Control

NUMBER = "12345"
LIMIT_S = 15.0


class Owner:
    """Stands where the service stands: hears everything, acknowledges what it is told to."""

    def __init__(self, options: dict[str, Any], *, acknowledge: bool = True) -> None:
        self.device = DeviceProcess("smpp", options)
        self.heard: list[Event] = []
        self.acknowledge = acknowledge
        self._waited_for = 0

    def listen(self, timeout_s: float) -> list[Event]:
        if self.device.alive:
            select.select([self.device], [self.device] if self.device.wants_write else [], [], timeout_s)
        events = self.device.events()
        self.heard += events
        keys = tuple(event.key for event in events if isinstance(event, (Incoming, Receipt)))
        if keys and self.acknowledge:
            self.device.send(Ack(keys))
        return events

    def until(self, done: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
        end = time.monotonic() + limit_s
        while not (found := done()):
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen in {limit_s} s; heard: {self.heard[-20:]}")
            self.listen(0.05)
        return found

    def send(self, *commands: Command) -> None:
        self.device.send(*commands)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def health(self) -> Health | None:
        found = self.of(Health)
        return found[-1] if found else None

    def until_state(self, state: State, limit_s: float = LIMIT_S) -> Health:
        """The next ``Health`` with this state after the one that was last waited for."""

        def find() -> Health | None:
            for at in range(self._waited_for, len(self.heard)):
                event = self.heard[at]
                if isinstance(event, Health) and event.state is state:
                    self._waited_for = at + 1
                    return event
            return None

        return self.until(find, limit_s)

    def until_results(self, count: int, limit_s: float = LIMIT_S) -> list[Result]:
        self.until(lambda: len(self.results()) >= count, limit_s)
        return self.results()

    def results(self) -> list[Result]:
        return [result for result in self.of(Result) if not result.late]

    def left(self) -> list[tuple[int, int]]:
        return [part for event in self.of(Left) for part in event.parts]


class Carrier:
    """A virtual carrier in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], where: dict[str, Any], control: Control, log: str) -> None:
        self.process, self.host, self.port, self.control, self.log = process, where["host"], where["port"], control, log

    def faults(self, **wanted: Any) -> None:
        self.control.do("faults", **wanted)

    def sent(self) -> list[dict[str, Any]]:
        return self.control.do("sent")

    def status(self) -> dict[str, Any]:
        return self.control.do("status")

    def options(self, **more: Any) -> dict[str, Any]:
        return {
            "name": "acme", "host": self.host, "port": self.port, "system_id": "acme", "password": "secret",
            "source": NUMBER, "reconnect": 0.3, "response_timeout": 5.0, "enquire_link": 30.0, **more,
        }  # fmt: skip


@contextlib.contextmanager
def carrier(folder: Any, *arguments: str, **faults: Any) -> Iterator[Carrier]:
    control, log = str(folder / "carrier.control"), str(folder / "carrier.log")
    command = [
        sys.executable, "-m", "drivers.virtual", "carrier", "--control", control,
        "--account", f"acme:secret:{NUMBER}:4", "--log", log, "--receipt-delay", "0.05", "--retry", "0.1", *arguments,
    ]  # fmt: skip
    for name, value in faults.items():
        command += ["--faults", f"{name}={json.dumps(value)}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        where = json.loads(process.stdout.readline())
        with Control(control) as client:
            yield Carrier(process, where, client, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


@contextlib.contextmanager
def owner(options: dict[str, Any], *, up: bool = True, acknowledge: bool = True) -> Iterator[Owner]:
    made = Owner(options, acknowledge=acknowledge)
    made.device.start()
    try:
        if up:
            made.until_state(State.UP)
        yield made
    finally:
        made.heard += made.device.stop(0.5)


def text(token: int, words: str = "hello", to: str = "+254700000001", **more: Any) -> Submit:
    return Submit(token, to, (Part(1, 1, Encoding.GSM7, words.encode()),), **more)
