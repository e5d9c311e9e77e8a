"""A modem's driver in its own process, on a virtual modem: what the contract tests stand on."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from drivers.base import Ack, Event, Health, Incoming, Left, Outcome, Part, Receipt, Result, State, Submit
from drivers.process import DeviceProcess
from drivers.text.segments import split
from drivers.virtual.control import Control
from drivers.virtual.handle import virtual_modem

E = TypeVar("E")
PHONE = "+447700900111"
"""A number that no virtual device has: a telephone that takes everything."""


class Bench:
    """One device process and the virtual modem it talks to."""

    def __init__(self, process: DeviceProcess, modem: Control) -> None:
        self.process = process
        self.modem = modem
        self.seen: list[Event] = []
        self.acknowledges = True
        """Whether what comes in is stored; receipts always are, so that none of an earlier test stays behind."""
        self._token = 0
        self._read = 0

    def pump(self, timeout: float) -> None:
        if self.process.alive:
            select.select([self.process], [self.process] if self.process.wants_write else [], [], timeout)
        events = self.process.events()
        self.process.tick(time.monotonic())
        self.seen += events
        kept = Incoming | Receipt if self.acknowledges else Receipt
        if keys := tuple(event.key for event in events if isinstance(event, kept)):
            self.process.send(Ack(keys))

    def wait(self, kind: type[E], that: Callable[[E], bool] = lambda _event: True, within: float = 20.0) -> E:
        """The next event of this kind that fits, from those not waited for yet."""
        end = time.monotonic() + within
        while True:
            while self._read < len(self.seen):
                event = self.seen[self._read]
                self._read += 1
                if isinstance(event, kind) and that(event):
                    return event
            assert time.monotonic() < end, f"no {kind.__name__} in {within} s; the last were {self.seen[-6:]}"
            self.pump(0.1)

    def until(self, condition: Callable[[], bool], within: float = 10.0) -> None:
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, f"not in {within} s; the last were {self.seen[-6:]}"
            self.pump(0.05)

    def up(self, within: float = 30.0) -> Health:
        return self.wait(Health, lambda health: health.state is State.UP, within)

    def settle(self) -> None:
        """Forget what came so far."""
        self.pump(0.0)
        self._read = len(self.seen)

    def submit(self, parts: tuple[Part, ...] | str, destination: str = PHONE, **rest: Any) -> int:
        self._token += 1
        if isinstance(parts, str):
            parts = split(parts, reference=self._token)
        self.process.send(Submit(self._token, destination, parts, **rest))
        return self._token

    def result(self, token: int, index: int = 1, within: float = 20.0) -> Result:
        found: list[Result] = []

        def there() -> bool:
            found[:] = [
                event
                for event in self.seen
                if isinstance(event, Result) and (event.token, event.index) == (token, index) and not event.late
            ]
            return bool(found)

        self.until(there, within)
        return found[0]

    def late(self, token: int) -> list[Result]:
        return [event for event in self.seen if isinstance(event, Result) and event.late and event.token == token]

    def left(self, token: int) -> list[Left]:
        return [
            event for event in self.seen if isinstance(event, Left) and any(part[0] == token for part in event.parts)
        ]

    def memory(self) -> int:
        """How many messages lie in the modem."""
        return sum(len(places) for places in self.modem.do("memory").values())

    def accepted(self, token: int, index: int = 1) -> Result:
        result = self.result(token, index)
        assert result.outcome is Outcome.ACCEPTED, result
        return result


@contextlib.contextmanager
def bench(driver: str, tmp: Any, options: dict[str, Any] | None = None, **modem: Any) -> Iterator[Bench]:
    """``options``: of the device; the rest are those of the virtual modem."""
    with virtual_modem({"control": str(tmp / "control"), **modem}, "bench") as port:
        assert port.control is not None
        with Control(port.control) as control:
            given = {"name": "bench", "driver": driver, "port": str(port.path), "poll": 0.5, "answer_timeout": 1.0}
            process = DeviceProcess("modem", {**given, **(options or {})})
            process.start()
            try:
                yield Bench(process, control)
            finally:
                process.kill()
                process.stop(0.0)
