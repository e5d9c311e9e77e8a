"""The workers of all devices, and the servers: started, watched, exchanged on a reload, and stopped together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from drivers.base import State
from gateway import logs
from gateway.config.model import Config
from gateway.service.http_server import HttpServer
from gateway.service.pace import Beat
from gateway.service.shared import Shared
from gateway.service.smpp_server import SmppServer
from gateway.service.worker import Worker

log = logs.get(__name__)
Server = SmppServer | HttpServer
SERVERS: dict[str, tuple[str, type[SmppServer | HttpServer]]] = {
    "[server.smpp]": ("smpp", SmppServer),
    "[server.http]": ("http", HttpServer),
}
"""The servers by their names among the workers, which no device can have: the key of the config, and the class."""


class Workers:
    """One worker for each enabled device of the config, and one for each server. Thread-safe."""

    def __init__(self, config: Config, shared: Shared) -> None:
        self._config, self._shared = config, shared
        self._lock = threading.Lock()
        self._workers: dict[str, Worker | Server] = {}

    def __len__(self) -> int:
        return len(self._workers.keys() - SERVERS.keys())

    def start(self) -> None:
        """Start a worker for each device that has none."""
        with self._lock:
            for name, device in self._config.devices.items():
                if device.enabled and name not in self._workers:
                    self._start(name)
            for name, (key, _) in SERVERS.items():
                if getattr(self._config.server, key) is not None and name not in self._workers:
                    self._start(name)

    def _start(self, name: str) -> None:
        server = SERVERS.get(name)
        made = server[1](self._config, self._shared) if server else Worker(self._config, name, self._shared)
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
        gone: dict[str, Worker | Server] = {}
        with self._lock:
            for name, worker in list(self._workers.items()):
                wanted = _wanted(config, name)
                if wanted is None or wanted != worker.settings or not same:
                    gone[name] = self._workers.pop(name)
                elif isinstance(worker, Server):
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


def _wanted(config: Config, name: str) -> Any:
    """The settings of a device or server; None where it isn't wanted."""
    if name in SERVERS:
        return getattr(config.server, SERVERS[name][0])
    device = config.devices.get(name)
    return device if device is not None and device.enabled else None


def _stop(workers: dict[str, Worker | Server], grace_s: float, alive: Callable[[], object]) -> None:
    for worker in workers.values():
        worker.stop(grace_s)
    for worker in workers.values():
        while worker.is_alive():
            worker.join(1.0)
            alive()
        worker.close()
