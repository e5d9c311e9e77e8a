"""What people ask of a device while the service runs: pause, unlock, ussd, record, restart, query and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from drivers.base import Ask, Command, Inquiry, Pause, Record, Recorded, Reopen, State, Told, Ussd, UssdReply
from gateway.service.health import DeviceState
from gateway.service.keeper import Keeper
from gateway.store.requests import RequestRow

USSD_LIMIT_S = 180.0
"""How long a network may take to answer a code."""
REPLACED = "replaced"
"""In the answer to a request: the message whose text is another one now, and that text."""
ASK_LIMIT_S = 100.0
"""How long a carrier may take to answer a question, with those that go first."""
RECORD_LIMIT_S = 120.0
"""How long a driver may be busy before it gives its record."""


class RequestDesk:
    """The open requests of one device and the answers that are to be written."""

    def __init__(self) -> None:
        self._open: dict[int, float] = {}
        self._replacing: dict[int, dict[str, str]] = {}
        """By request, the message whose text the carrier is asked to replace, and the new text."""
        self._answers: dict[int, dict[str, Any]] = {}

    def take(self, asked: Iterable[RequestRow], state: DeviceState, keeper: Keeper, now: float) -> None:
        """Do what was asked; pauses and unlocks are in the store already."""
        for request in asked:
            match request.kind:
                case "pause" | "resume":
                    state.pause(on=request.kind == "pause")
                    keeper.send(Pause(on=state.paused))
                case "unlock":
                    state.blocked = None
                    keeper.again("unlocked: its process starts anew")
                case "rebind" if state.kind != "smpp":
                    self._refuse(request.id, "a modem has nothing to bind; pause and resume open it anew")
                case "rebind" | "restart":
                    keeper.send(Reopen())
                    self._answers[request.id] = {"done": request.kind}
                case "ussd":
                    keeper.send(*self._ussd(request, state, now))
                case "record":
                    keeper.send(*self._record(request, keeper, now))
                case "query" | "cancel" | "replace":
                    keeper.send(*self._ask(request, state, now))

    def reply(self, event: UssdReply) -> None:
        """The network has answered a code."""
        if self._open.pop(event.token, None) is not None:
            told = {"error": event.error} if event.error else {"text": event.text or "", "open": event.open}
            self._answers[event.token] = told

    def told(self, event: Told) -> None:
        """The carrier has answered a question."""
        replaced = self._replacing.pop(event.token, None)
        if self._open.pop(event.token, None) is not None or (replaced and event.done):
            self._answers[event.token] = {"text" if event.done else "error": event.text}
            if replaced and event.done:
                self._answers[event.token][REPLACED] = replaced

    def recorded(self, event: Recorded, write: Callable[[str], Path]) -> None:
        """The device gave its record; ``write`` puts it into a file, or raises OSError."""
        if self._open.pop(event.token, None) is not None:
            try:
                self._answers[event.token] = {"path": str(write(event.text))}
            except OSError as error:
                self._answers[event.token] = {"error": f"the record can't be written: {error.strerror}"}

    def overdue(self, now: float) -> None:
        """Answer what the network did not."""
        for token, until in list(self._open.items()):
            if now > until:
                self._refuse(token, "no answer in time")

    def ended(self, reason: str) -> None:
        """The device's process has ended."""
        self._replacing.clear()
        for token in list(self._open):
            self._refuse(token, reason)

    def answers(self) -> Mapping[int, Mapping[str, Any]]:
        """What is to be written."""
        return dict(self._answers)

    def written(self, answers: Mapping[int, Mapping[str, Any]]) -> None:
        """These are in the store."""
        for token in answers:
            self._answers.pop(token, None)

    def _ussd(self, request: RequestRow, state: DeviceState, now: float) -> list[Command]:
        if not self._opened(request, state, now + USSD_LIMIT_S):
            return []
        return [Ussd(request.id, str(request.args.get("code", "")))]

    def _ask(self, request: RequestRow, state: DeviceState, now: float) -> list[Command]:
        if state.kind != "smpp":
            self._refuse(request.id, f"a modem has no {request.kind}_sm")
            return []
        if not self._opened(request, state, now + ASK_LIMIT_S):
            return []
        of = request.args
        reference, destination = str(of.get("reference", "")), str(of.get("destination", ""))
        if request.kind == Inquiry.REPLACE:
            self._replacing[request.id] = {"id": str(of.get("id", "")), "text": str(of.get("text", ""))}
        return [Ask(request.id, Inquiry(request.kind), reference, destination, of.get("source"), of.get("text"))]

    def _opened(self, request: RequestRow, state: DeviceState, until: float) -> bool:
        """Whether the device can be asked now; if so the request is open."""
        if state.state is not State.UP:
            self._refuse(request.id, f"the device is {state.state}" + (f": {state.reason}" if state.reason else ""))
            return False
        self._open[request.id] = until
        return True

    def _record(self, request: RequestRow, keeper: Keeper, now: float) -> list[Command]:
        if not keeper.alive:
            self._refuse(request.id, "the device's process doesn't run, and its record has gone with it")
            return []
        self._open[request.id] = now + RECORD_LIMIT_S
        return [Record(request.id)]

    def _refuse(self, token: int, reason: str) -> None:
        self._open.pop(token, None)
        self._answers[token] = {"error": reason}
