"""The HTTP server's owner: a thread with an event loop of its own, so that no client can keep a device waiting."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading

from gateway import logs
from gateway.config.model import Config
from gateway.service.pace import Backoff, Beat
from gateway.service.shared import Shared
from gateway.web.listening import Address, listening
from gateway.web.site import Site

log = logs.get(__name__)
TICK_S = 1.0
ROUND_LIMIT_S = 120.0


class HttpServer(threading.Thread):
    """Serves ``[server.http]`` until ``stop``."""

    def __init__(self, config: Config, shared: Shared) -> None:
        super().__init__(name="http-server", daemon=True)
        settings = config.server.http
        assert settings is not None
        self.config, self.settings, self._clock = config, settings, shared.clock
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self.beat = Beat(self.name, ROUND_LIMIT_S, self._clock.mono())

    def poke(self) -> None:
        """There is nothing to look for: it is the clients who come."""

    def stop(self, grace_s: float) -> None:  # noqa: ARG002 - as all workers; it waits for its requests only
        """Take no more clients, and answer those who have asked."""
        self._ended.set()
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(wake.set)

    def close(self) -> None:
        """Nothing is left to free."""

    def run(self) -> None:
        """The thread. An error of ours ends the round, never the thread."""
        again = Backoff(0.5, 30.0)
        while not self._ended.is_set():
            try:
                asyncio.run(self._serve())
            except OSError as error:
                log.warning("the HTTP server can't listen", address=self.settings.listen, reason=str(error))
                self._pause(again.pause_s())
            except Exception:
                # Whatever it is, the gateway goes on, and clients come again.
                log.exception("the HTTP server failed and begins again")
                self._pause(again.pause_s())

    def _pause(self, pause_s: float) -> None:
        self.beat.moved_mono = self._clock.mono()
        self._ended.wait(pause_s)

    async def _serve(self) -> None:
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        async with listening(self._address(), Site(self.config)):
            log.info("the HTTP server is up", address=self.settings.listen)
            while not self._ended.is_set():
                self.beat.moved_mono = self._clock.mono()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), TICK_S)

    def _address(self) -> Address:
        host, _, port = self.settings.listen.rpartition(":")
        return Address(host.strip("[]"), int(port), self.settings.timeout, self.settings.most, self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        tls = self.settings.tls
        if tls is None or tls.cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca) if tls.ca else None)
        context.load_cert_chain(tls.cert, tls.key)
        if tls.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context
