"""The workers of all devices, and the SMPP server: started, watched, exchanged on a reload, and stopped together."""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.base import State
from gateway import logs
from gateway.config.model import Config
from gateway.service.flows import Shared
from gateway.service.pace import Beat
from gateway.service.smpp_server import SmppServer
from gateway.service.worker import Worker

log = logs.get(__name__)
SERVER = "[server.smpp]"
"""The server's name among the workers; no device can have it."""


class Workers:
    """One worker for each enabled device of the config, and one for the SMPP server. Thread-safe."""

    def __init__(self, config: Config, shared: Shared) -> None:
        self._config, self._shared = config, shared
        self._lock = threading.Lock()
        self._workers: dict[str, Worker | SmppServer] = {}

    def __len__(self) -> int:
        return len(self._workers.keys() - {SERVER})

    def start(self) -> None:
        """Start a worker for each device that has none."""
        with self._lock:
            for name, device in self._config.devices.items():
                if device.enabled and name not in self._workers:
                    self._start(name)
            if self._config.server.smpp is not None and SERVER not in self._workers:
                self._start(SERVER)

    def _start(self, name: str) -> None:
        made = SmppServer(self._config, self._shared) if name == SERVER else Worker(self._config, name, self._shared)
        self._workers[name] = made
        made.start()

    def poke(self) -> None:
        """There may be work for any of them."""
        with self._lock:
            for worker in self._workers.values():
                worker.poke()

    def states(self) -> dict[str, State]:
        """The state of every device."""
        return self._shared.fleet.states()

    def beats(self) -> list[Beat]:
        """Their signs of life."""
        with self._lock:
            return [worker.beat for worker in self._workers.values()]

    def revive(self) -> None:
        """Replace a worker whose thread has ended although nobody asked it to."""
        with self._lock:
            for name, worker in list(self._workers.items()):
                if not worker.is_alive():
                    log.error("a worker's thread has ended; a new one is started", device=name)
                    worker.close()
                    self._start(name)

    def reload(self, config: Config, grace_s: float, alive: Callable[[], object]) -> None:
        """Use a new config: only devices that changed, came or went are touched. ``alive``: see ``stop``."""
        shared = ("ports", "node", "state")
        same = all(getattr(config.gateway, key) == getattr(self._config.gateway, key) for key in shared)
        gone: dict[str, Worker | SmppServer] = {}
        with self._lock:
            for name, worker in list(self._workers.items()):
                device = config.server.smpp if name == SERVER else config.devices.get(name)
                enabled = name == SERVER or (name in config.devices and config.devices[name].enabled)
                if device is None or not enabled or device != worker.settings or not same:
                    gone[name] = self._workers.pop(name)
                elif isinstance(worker, SmppServer):
                    worker.config = config
            self._config = config
        _stop(gone, grace_s, alive)
        self._shared.fleet.reload(config)
        self.start()

    def stop(self, grace_s: float, alive: Callable[[], object]) -> None:
        """Stop all at once; ``alive`` is called about once a second meanwhile."""
        with self._lock:
            workers, self._workers = self._workers, {}
        _stop(workers, grace_s, alive)


def _stop(workers: dict[str, Worker | SmppServer], grace_s: float, alive: Callable[[], object]) -> None:
    for worker in workers.values():
        worker.stop(grace_s)
    for worker in workers.values():
        while worker.is_alive():
            worker.join(1.0)
            alive()
        worker.close()
