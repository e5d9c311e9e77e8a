"""What the driver of a modem has to know of the time before its process: SIMs, their service centres, open answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.base import Health, Left, Outcome, Result
from gateway.service.clock import Clock
from gateway.store import devices, suspects
from gateway.store.engine import Conn

SMSCS = "smscs"
"""Key of ``DeviceRow.health``: by SIM, the service centre's number that it had in this device."""
MOST_SIMS = 50


class History:
    """Of one modem; lives as long as its worker, what concerns SIMs longer."""

    def __init__(self) -> None:
        self.smscs: dict[str, str] = {}
        self._reference: int | None = None
        self._doubts: dict[tuple[int, int], float] = {}
        self._left: dict[tuple[int, int], float] = {}
        self._owed: tuple[tuple[int, int], ...] = ()
        """Parts of which one was with the modem when the service before this one died."""
        self._owed_mono = 0.0
        """Until when it may be answered."""

    def take(self, event: object) -> None:
        """Learn from what the device says."""
        match event:
            case Left(parts=parts, at_mono=at_mono):
                self._left.update(dict.fromkeys(parts, at_mono))
            case Result():
                self._result(event)
            case Health(smsc=str(number)) if sim := event.iccid or event.imsi:
                self.smscs.pop(sim, None)
                self.smscs[sim] = number
                for oldest in list(self.smscs)[:-MOST_SIMS]:
                    del self.smscs[oldest]

    def _result(self, event: Result) -> None:
        part = event.token, event.index
        left = self._left.pop(part, None)
        if not event.late or part in self._owed:
            self._owed = ()
        if event.late:
            self._doubts.pop(part, None)
        elif event.outcome is Outcome.UNKNOWN and left is not None:
            self._doubts[part] = left
        elif event.outcome is Outcome.ACCEPTED and event.reference and event.reference.isdigit():
            # What was open before it can only be settled by its driver, which still knew it.
            self._reference = int(event.reference)
            self._doubts.clear()

    def past(self, c: Conn, device: str, now_mono: float) -> dict[str, Any]:
        """``drivers.gsm.settings.Past`` as plain values. Raises StoreError."""
        before, homes, smscs = None, {}, {}
        for row in devices.all(c):
            sim = row.iccid or row.imsi
            smscs.update(_numbers(row.health))
            if row.name == device:
                before = sim
            elif sim and row.kind == "modem":
                homes[sim] = row.name
        return {
            "sim": before,
            "homes": homes,
            "smscs": {**smscs, **self.smscs},
            "reference": self._reference,
            "doubts": [(*part, now_mono - left) for part, left in self._doubts.items()],
            "owed": self._owed,
            "owed_s": max(0.0, self._owed_mono - now_mono),
        }

    def load(self, c: Conn, device: str) -> None:
        """Take up what an earlier worker of the device knew of SIMs. Raises StoreError."""
        row = devices.get(c, device)
        self.smscs = {**(_numbers(row.health) if row else {}), **self.smscs}

    def crashed(self, c: Conn, device: str, wait_s: float, clock: Clock) -> None:
        """The service before this one died: its modem may still owe the answer to a part, for ``wait_s`` after that
        was given to it. Raises StoreError."""
        found = suspects.unanswered(c, device)
        if found is not None:
            age_s = max(0.0, (clock.now_ms() - found.started_ms) / 1000)
            self._reference, self._owed = found.reference, found.parts
            self._owed_mono = clock.mono() + wait_s - age_s


def _numbers(health: Mapping[str, Any]) -> dict[str, str]:
    numbers = health.get(SMSCS)
    return {str(sim): str(number) for sim, number in numbers.items()} if isinstance(numbers, Mapping) else {}
