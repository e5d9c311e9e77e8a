"""What goes on with a device beside its messages: balance, records, overdue receipts, and what is known of its SIMs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drivers.base import Ask, Event, Health, Recorded, Told, Ussd, UssdReply
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.service import records
from gateway.service.balance import TOKEN, Balance
from gateway.service.clock import Clock
from gateway.service.health import DeviceState
from gateway.service.history import SMSCS, History
from gateway.service.overdue import Overdue
from gateway.service.requests import RequestDesk
from gateway.store.engine import Conn, Store


class Aside:
    """Of one device. Used by its worker's thread only."""

    def __init__(self, device: str, settings: ModemConfig | SmppConfig, folder: Path, clock: Clock) -> None:
        """``folder``: the state directory, for records."""
        self._device, self._folder, self._clock = device, folder, clock
        self._settings = settings
        self._history = History() if isinstance(settings, ModemConfig) else None
        self._balance = Balance(device, settings.balance if isinstance(settings, ModemConfig) else None)
        self._overdue = Overdue(device, settings)

    @property
    def next_mono(self) -> float:
        """When ``ask`` has something to ask a device that is up."""
        return self._balance.next_mono

    def load(self, c: Conn, *, crashed: bool) -> None:
        """Take up what an earlier worker knew; ``crashed``: its service did not end by itself. Raises StoreError."""
        if self._history is not None and isinstance(self._settings, ModemConfig):
            self._history.load(c, self._device)
            if crashed:
                # For so long evidence is waited for anyway.
                wait_s = min(self._settings.answer_timeout, self._settings.settle)
                self._history.crashed(c, self._device, wait_s, self._clock)

    def options(self, c: Conn) -> dict[str, Any]:
        """What the driver is told besides the config. Raises StoreError."""
        if self._history is None:
            return {}
        return {"past": self._history.past(c, self._device, self._clock.mono())}

    def take(self, event: Event, state: DeviceState, desk: RequestDesk) -> bool:
        """Take what the device says; whether that was all that it was for."""
        if self._history is not None:
            self._history.take(event)
        match event:
            case UssdReply(token=token) if token == TOKEN:
                self._balance.reply(event, self._clock.mono(), self._clock.now_ms())
                state.know(**self._balance.told)
                return True
            case Told():
                desk.told(event)
                return True
            case Recorded():
                desk.recorded(event, self._write)
                return True
            case Health() if self._history is not None and self._history.smscs:
                state.know(**{SMSCS: dict(self._history.smscs)})
        return False

    def ask(self, now: float) -> list[Ussd]:
        """What to ask a device that is up."""
        return self._balance.ask(now)

    def look(self, store: Store, now: float) -> list[Ask]:
        """What to ask a device that is up about its messages. Raises StoreError."""
        return self._overdue.look(store, now, self._clock.now_ms())

    def ended(self) -> None:
        """The device's process has ended."""
        self._balance.ended(self._clock.mono())

    def _write(self, text: str) -> Path:
        return records.write(self._folder, self._device, text, self._clock.now_ms())
