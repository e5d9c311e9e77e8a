"""The ``status`` phase: apps are told of each change of an outgoing transmission, at least once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.apps.base import App
from gateway.session import now_ms
from gateway.store import changes
from gateway.store.engine import Conn
from gateway.store.types import TransmissionRow
from gateway.transmission import Transmission

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

log = logging.getLogger("gateway.router")
NAME = "gateway.apps"
"""The name under which the apps of all processes are told; each change goes to one process."""
_BATCH = 100


class Statuses:
    """Tells the apps of one router. Nothing is written down anywhere while no app has a ``status`` of its own."""

    def __init__(self, router: BlockingRouter, *, of_the_config: bool) -> None:
        self._router = router
        self._of_the_config = of_the_config
        self._asked = False

    @property
    def apps(self) -> list[App]:
        """The apps that want to be told."""
        return [app for app in self._router.apps if app.wants_status]

    def ask(self) -> None:
        """See to it that changes are noted from now on, if an app wants them."""
        if self.apps and not self._asked:
            self._router.session.store.write(lambda c: changes.ask(c, NAME))
            self._asked = True

    def drain(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Tell of all that has changed, until ``stop``; gives how many changes that was."""
        apps = self.apps
        if not apps:
            self._end()
            return 0
        self.ask()
        count, tickets = 0, list[int]()

        def step(c: Conn) -> list[tuple[int, TransmissionRow]]:
            changes.acknowledge(c, tickets, epoch)
            return [] if stop() else changes.take(c, NAME, epoch, _BATCH, now_ms())

        with self._router.session.claiming("status") as epoch:
            while taken := self._router.session.store.write(step):
                for _, row in taken:
                    _tell(apps, Transmission.of(row))
                tickets = [ticket for ticket, _ in taken]
                count += len(taken)
        return count

    def _end(self) -> None:
        """The apps of the config want nothing any more: have nothing kept for them.

        Only where no other gateway shares the queue: its apps may be others.
        """
        alone = self._router.config.gateway.database.startswith("sqlite:")
        if self._of_the_config and alone and not self._asked:
            self._asked = True
            self._router.session.store.write(lambda c: changes.forget(c, NAME))


def _tell(apps: list[App], transmission: Transmission) -> None:
    for app in apps:
        try:
            app.status(transmission)
        except Exception:  # the other apps must still be told; what has happened to the message can't be undone
            log.exception("the app %s raised in status; transmission %d", app.name, transmission.id)
