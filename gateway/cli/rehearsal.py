"""``send --dry-run``: what would become of messages under the limits of now. Stores nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drivers.text.segments import Count
from gateway.backends import Choice, NoRouteError, Wish, choose
from gateway.cli import output
from gateway.cli.outlook import DOWN, Outlook
from gateway.cli.program import Program
from gateway.config.model import PoolConfig
from gateway.parts import Counting
from gateway.store import optouts
from gateway.store.gate import OPTED_OUT


class Rehearsal:
    """Puts messages, one after the other, where they would go, and counts them there."""

    def __init__(self, one: Program, extra: Mapping[str, Any]) -> None:
        self._one, self._outlook = one, Outlook(one)
        self._config, self._clock = self._outlook.config, self._outlook.clock
        self._counting = Counting(self._config)
        at: datetime | None = extra["at"]
        self._priority: int = extra["priority"]
        self._now_ms, self._now = self._clock.now_ms(), self._clock.mono()
        self._at_ms = None if at is None else int(at.timestamp() * 1000)
        self._free_at: dict[str, float] = {}
        """By device, when the next part may leave after those that were put there (monotonic)."""

    def row(self, backend: str, number: str, text: str, encoding: str | None, usual: Count) -> dict[str, Any]:
        """Encoding, parts, route, device, time and cost of one message to one number; ``usual``: its parts by the plain
        GSM alphabet."""
        told = {"encoding": str(usual.encoding), "parts": usual.parts, "route": None, "device": None}
        try:
            choice = self._choose(backend, number, len(text), usual.parts)
        except NoRouteError as error:
            return told | {"when": f"never: {error}", "cost": None}
        route = choice.lane.partition("@")[0]
        if self._opted_out(number):
            return told | {"route": route, "when": f"never: {OPTED_OUT}", "cost": None}
        device = self._device(choice, usual.parts)
        found = self._counting.of(device, text, encoding, usual)
        parts = found.parts
        settings = self._config.devices.get(device) if device else self._config.backend.get(route)
        return {
            "encoding": str(found.encoding),
            "parts": parts,
            "route": route,
            "device": device,
            "when": self._when(choice, device, number, parts),
            "cost": round(getattr(settings, "cost", 0.0) * parts, 6),
        }

    def _choose(self, backend: str, number: str, characters: int, parts: int) -> Choice:
        python = [name for name, each in self._config.backend.items() if not isinstance(each, PoolConfig)]
        due_s = max(self._now_ms, self._at_ms or 0) / 1000
        up = {name for name in self._config.devices if self._outlook.out_of_order(name) is None}
        return choose(
            self._config, backend, number, python=python, wish=Wish(parts=parts, characters=characters, at=due_s), up=up
        )

    def _opted_out(self, number: str) -> bool:
        if not self._one.has_database:
            return False
        with self._one.store.read() as c:
            return bool(optouts.among(c, [number]))

    def _device(self, choice: Choice, parts: int) -> str | None:
        """The device that would take it: one that nothing is against, else one that is only limited, else the first."""
        if not choice.devices:
            return None
        pool = self._config.backend.get(choice.lane.partition("@")[0])
        names = list(choice.devices)
        if isinstance(pool, PoolConfig) and pool.strategy == "cost":
            names.sort(key=lambda name: self._config.devices[name].cost if name in self._config.devices else math.inf)
        usable = [name for name in names if self._outlook.out_of_order(name) is None]
        free = [name for name in usable if self._outlook.obstacle(name, parts) is None]
        return (free or usable or names)[0]

    def _when(self, choice: Choice, device: str | None, number: str, parts: int) -> str:
        broken = self._outlook.out_of_order(device) if device else None
        if broken:
            return broken
        if device and not self._outlook.service_runs and self._at_ms is None:
            return DOWN
        when_ms = max(self._now_ms, self._at_ms or 0)
        quiet_ms = self._outlook.gate.quiet_until(choice.lane, number, self._priority, when_ms)
        at_ms = max(when_ms, quiet_ms or 0)
        if device:
            at_ms = max(at_ms, self._book(device, parts))
        return "now" if at_ms <= self._now_ms else str(output.moment(at_ms))

    def _book(self, device: str, parts: int) -> int:
        """Have the device send it after what it was given before; when its last part leaves (ms)."""
        limiter = self._outlook.limiter(device)
        if limiter is None:
            return 0
        at = self._free_at.get(device, self._now)
        for _ in range(parts):
            opens = limiter.next_at(at)
            if math.isinf(opens):
                break
            at = opens
            limiter.reserve(1, at)
            limiter.left(at)
            limiter.settle(at, left_at=at)
        self._free_at[device] = at
        return self._clock.at_ms(at) if at > self._now else 0
