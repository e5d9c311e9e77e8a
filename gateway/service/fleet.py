"""How all devices of this service are, for the pools: which of them may be used now; and what all of them obey."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

from drivers.base import State
from gateway.backends import Seen, lanes
from gateway.config.model import Config, PoolConfig
from gateway.store.gate import Gate

TROUBLE_S = 30.0
"""How long a device in trouble is left to itself where its pool has another."""


class Fleet:
    """The state of every device, told by its worker and read by all. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._lock = threading.Lock()
        self._config = config
        self.gate = Gate(config)
        """What every claim passes."""
        self._states: dict[str, State] = {}
        self._up_mono: dict[str, float] = {}
        self._trouble_until: dict[str, float] = {}

    def reload(self, config: Config) -> None:
        """Use the pools of a new config."""
        with self._lock:
            self._config, self.gate = config, Gate(config)
            for gone in self._states.keys() - {name for name, device in config.devices.items() if device.enabled}:
                del self._states[gone]
                self._up_mono.pop(gone, None)

    def returned(self, device: str, state: State) -> bool:
        """Whether a device that is now in ``state`` comes back after it was away."""
        with self._lock:
            return state is State.UP and self._states.get(device) not in (None, State.STARTING, State.UP)

    def set(self, device: str, state: State, now: float) -> bool:
        """A device is in ``state`` at ``now`` (monotonic); whether that changed what pools may use."""
        with self._lock:
            before = self._states.get(device)
            self._states[device] = state
            if state is not State.UP:
                self._up_mono.pop(device, None)
            elif before is not State.UP:
                # A device that comes up for the first time is used at once, one that returns has to prove itself.
                first = before in (None, State.STARTING)
                self._up_mono[device] = -math.inf if first else now
        return before is not state and State.UP in (before, state)

    def elsewhere(self, states: Mapping[str, str], now: float) -> None:
        """How the devices of other gateways are, as far as pools of ours name them."""
        pools = [pool for pool in self._config.backend.values() if isinstance(pool, PoolConfig)]
        named = {device for pool in pools for device in pool.devices} - self._config.devices.keys()
        for name in named:
            self.set(name, State(states.get(name, State.DOWN)), now)

    def trouble(self, device: str, now: float, *, on: bool) -> None:
        """A device that is up refuses messages for trouble of its own; or takes them again."""
        with self._lock:
            self._trouble_until[device] = now + TROUBLE_S if on else -math.inf

    def lanes(self, device: str, now: float) -> tuple[str, ...]:
        """Where ``device`` may claim from now: its own lane and those of its pools."""
        with self._lock:
            seen = {
                name: Seen(
                    str(state),
                    now - self._up_mono[name] if name in self._up_mono else 0.0,
                    now < self._trouble_until.get(name, -math.inf),
                )
                for name, state in self._states.items()
            }
            return lanes(self._config, device, seen)

    def states(self) -> dict[str, State]:
        """The state of every device of this gateway by its name."""
        with self._lock:
            return {name: state for name, state in self._states.items() if name in self._config.devices}
