"""The phone of ``tester``: what is typed goes to the apps, what is sent to it is shown."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.backends import BackendBase
from gateway.cli import orders, output
from gateway.cli.program import Program
from gateway.errors import GatewayError
from gateway.router import BlockingRouter
from gateway.store import outbox

BACKEND = "tester"
LOOK_S = 0.3


class Screen(BackendBase):
    """Shows messages. ``shown`` counts them."""

    shown = 0

    def send(self, id_: str, text: str, identities: list[str], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Show one message for each identity."""
        for identity in identities:
            self.shown += 1
            output.line(f"{identity} < {text}")


class Phone:
    """Messages of one number at a time, to the apps of the config, which run in this process."""

    def __init__(self, one: Program, number: str) -> None:
        """Raises GatewayError when the name of the backend is taken."""
        if BACKEND in {*one.config().devices, *one.config().backend}:
            raise GatewayError(f"the name {BACKEND!r} is taken by a device or backend of the config")
        self._one, self.number = one, number
        self._router = BlockingRouter()
        screen = self._router.add_backend(BACKEND, Screen)
        assert isinstance(screen, Screen)
        self._screen = screen
        one.api.set_router(self._router)
        for path, why in self._router.missing_apps.items():
            output.note(f"going on without the app {path}: {why}")

    def say(self, text: str) -> None:
        """Send one text, and show what is answered at once. A line ``/number NUMBER`` makes us somebody else."""
        if text.startswith("/number "):
            self.number = text.removeprefix("/number ").strip()
            return
        before = self._screen.shown
        try:
            orders.put_in(self._one, text, self._one.api.lookup_connections(BACKEND, [self.number]))
        except (GatewayError, ValueError) as error:
            output.note(f"sms-gateway: {error}")
            return
        self.look()
        if self._screen.shown == before:
            output.note("(no answer)")

    def look(self) -> None:
        """Show what is due for us by now."""
        self._one.store.write(lambda c: outbox.promote(c, output.now_ms()))
        self._router.deliver(lanes=[BACKEND])

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look every now and then while nobody types: answers may come later, and from other processes."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_S):
                with contextlib.suppress(GatewayError):  # the next look may do better
                    self.look()

        thread = threading.Thread(target=look, name="tester", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def place(one: Program, apart: bool) -> Iterator[None]:
    """Work on the database of the config, or, ``apart``, on one that is thrown away."""
    if not apart:
        _ = one.api
        yield
        return
    with tempfile.TemporaryDirectory(prefix="sms-gateway-tester-") as folder:
        section = one.config().gateway
        own = {"state": Path(folder), "database": f"sqlite:///{folder}/gateway.db", "durability": "fast"}
        one.use(one.config().model_copy(update={"gateway": section.model_copy(update=own)}))
        _ = one.api
        try:
            yield
        finally:
            one.close()
