"""The service's composition root: what starts, in which order, and the same order backwards at the end."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

from drivers import heap
from drivers.base import State
from gateway import api, lock, logs, wake
from gateway import config as configs
from gateway.apps import renewing
from gateway.config import Secrets
from gateway.config.model import Config
from gateway.errors import ConfigurationError, SchemaError, StoreError
from gateway.service import jobs
from gateway.service.clock import Clock
from gateway.service.fleet import Fleet
from gateway.service.notify import Notifier
from gateway.service.routing import Routing
from gateway.service.schedule import Schedule
from gateway.service.shared import Shared
from gateway.service.workers import Workers
from gateway.session import Session
from gateway.store import nodes
from gateway.store.crashing import Point, point
from gateway.store.engine import Store

log = logs.get(__name__)
DONE, FAILED, BAD_CONFIG = 0, 1, 78
LOOK_S = 1.0
APPS_END_S = 10.0
"""How long the apps may go on with the message that they have when the service ends."""
GRACE_S = 105.0
"""The longest wait for a device at the end: a little more than the longest call of libGammu."""


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. SIGHUP reads the config again.

    Call it in the main thread. 1: another service has the state directory, or the database can't be reached;
    78: the config or the database can't be used as it is.
    """
    logs.configure(level=os.environ.get("SMS_GATEWAY_LOG", "info"))
    try:
        with lock.hold(config.gateway.state):
            return Service(config).run()
    except lock.LockedError as error:
        log.error("the service can't start", reason=str(error))  # noqa: TRY400 - its sentence says all
        return FAILED
    except (SchemaError, ConfigurationError) as error:
        log.error("the service can't start", reason=str(error))  # noqa: TRY400 - its sentence says all
        return BAD_CONFIG
    except (StoreError, OSError) as error:
        log.error("the service can't start", reason=str(error))  # noqa: TRY400 - its sentence says all
        return FAILED


class Service:
    """Everything that runs. ``run`` may be called once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._clock, self._notify = Clock(), Notifier()
        self._signals: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._code = DONE

    def run(self) -> int:
        """Start, serve, stop. Raises StoreError and OSError for what prevents a start."""
        section = self.config.gateway
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._handled_signals())
            store = stack.enter_context(
                contextlib.closing(Store.open(section.database, section.durability, upgrade=True))
            )
            epoch = stack.enter_context(self._epoch(store))
            stack.enter_context(self._adopted(store))
            self._router = stack.enter_context(self._routing())
            self._workers = stack.enter_context(self._working(store, epoch))
            stack.enter_context(self._listening())
            stack.enter_context(self._scheduled(store, epoch))
            heap.settle()
            self._notify.ready()
            log.info("the service is ready", node=section.node, devices=len(self._workers))
            self._until_told()
            self._notify.stopping()
            log.info("the service ends")
        return self._code

    # What starts. Each ends with its block.

    @contextlib.contextmanager
    def _handled_signals(self) -> Iterator[None]:
        def put(number: int, _frame: FrameType | None) -> None:
            self._signals.put("reload" if number == signal.SIGHUP else "stop")

        before = {number: signal.signal(number, put) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def _epoch(self, store: Store) -> Iterator[int]:
        section, now_ms = self.config.gateway, self._clock.now_ms()
        epoch = store.write(lambda c: nodes.start(c, section.node, "service", round(section.lease * 1000), now_ms))
        if parts := store.write(lambda c: jobs.recover(c, epoch, now_ms, self.config)):
            log.warning("an earlier service ended in the middle of sending", in_doubt=sum(parts.values()))
        point(Point.START_RECOVERED)
        try:
            yield epoch
        finally:
            with contextlib.suppress(StoreError):
                store.write(lambda c: nodes.end(c, epoch, self._clock.now_ms()))

    @contextlib.contextmanager
    def _adopted(self, store: Store) -> Iterator[None]:
        """Let ``gateway.send`` and the like, called by apps, use this service's store."""
        self._store = store
        api.adopt(Session(self.config, store))
        try:
            yield
        finally:
            api.adopt(None)

    @contextlib.contextmanager
    def _routing(self) -> Iterator[Routing]:
        self._router = Routing(self._clock)
        self._router.start()
        try:
            yield self._router
        finally:
            self._end_router()

    @contextlib.contextmanager
    def _working(self, store: Store, epoch: int) -> Iterator[Workers]:
        fleet = self._fleet = Fleet(self.config)
        shared = Shared(store, self._clock, epoch, fleet, self._poke_router, self._poke_workers)
        workers = self._workers = Workers(self.config, shared)
        workers.start()
        try:
            yield workers
        finally:
            workers.stop(GRACE_S, self._notify.alive)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        with contextlib.closing(wake.Listener(self.config.gateway.state)) as listener:
            ends, end = os.pipe()
            thread = threading.Thread(target=_listen, args=(listener, ends, self._wake_all), name="wake", daemon=True)
            thread.start()
            notices = self._store.notices(self._wake_all)
            if notices:
                notices.start()
            try:
                yield
            finally:
                if notices:
                    notices.stop()
                os.close(end)
                thread.join()
                os.close(ends)

    @contextlib.contextmanager
    def _scheduled(self, store: Store, epoch: int) -> Iterator[None]:
        hooks = jobs.Hooks(lambda: self.config, self._wake_all, self._say, self._lost, self._elsewhere)
        self._schedule = Schedule(
            jobs.jobs(store, self._clock, epoch, hooks), self._clock, lambda step: self._follow(store, step)
        )
        self._schedule.start()
        try:
            yield
        finally:
            self._schedule.stop()

    # What happens meanwhile.

    def _until_told(self) -> None:
        """Watch over the loops until someone ends the service."""
        while True:
            try:
                word = self._signals.get(timeout=min(LOOK_S, self._notify.watchdog_s / 3 or LOOK_S))
            except queue.Empty:
                self._watch()
                continue
            if word == "stop":
                return
            self._reload()

    def _watch(self) -> None:
        now = self._clock.mono()
        self._workers.revive()
        beats = [*self._workers.beats(), *self._router.beats, *self._schedule.beats]
        if late := [beat.name for beat in beats if beat.late(now)]:
            log.error("a loop stands still; systemd is not told that all is well", loops=", ".join(late))
        else:
            self._notify.alive()

    def _wake_all(self) -> None:
        self._poke_workers()
        self._poke_router()

    def _elsewhere(self, states: Mapping[str, str]) -> None:
        self._fleet.elsewhere(states, self._clock.mono())

    def _follow(self, store: Store, step_s: float) -> None:
        jobs.follow(store, self._clock, step_s)
        self._wake_all()

    def _poke_workers(self) -> None:
        self._workers.poke()

    def _poke_router(self) -> None:
        self._router.poke()

    def _say(self) -> None:
        states = list(self._workers.states().values())
        up = sum(state is State.UP for state in states)
        self._notify.status(f"{up} of {len(states)} devices up")

    def _lost(self) -> None:
        """Another gateway declared this one dead: its work is not ours any more, and a new start takes a new name."""
        log.error("another gateway has taken over the work of this one; starting anew is the way back")
        self._code = FAILED
        self._signals.put("stop")

    def _end_router(self) -> None:
        if not self._router.stop(APPS_END_S):
            log.warning("an app was still at work; its message will be given out again, marked redelivered")

    def _reload(self) -> None:
        self._notify.reloading()
        try:
            new = configs.load(self.config.path, secrets=Secrets.REQUIRED)
        except ConfigurationError as error:
            log.error("the new config has faults; the old one stays", faults=str(error))  # noqa: TRY400
        else:
            self._use(new)
        self._notify.ready()

    def _use(self, new: Config) -> None:
        fixed = ("state", "database", "node", "durability", "lease")
        if changed := [key for key in fixed if getattr(new.gateway, key) != getattr(self.config.gateway, key)]:
            log.warning("this needs a restart and stays as it was", keys=", ".join(changed))
            kept = {key: getattr(self.config.gateway, key) for key in changed}
            new = new.model_copy(update={"gateway": new.gateway.model_copy(update=kept)})
        self._renew_apps(new)
        self._workers.reload(new, GRACE_S, self._notify.alive)
        self.config = new
        log.info("the config was read again", devices=len(self._workers))

    def _renew_apps(self, new: Config) -> None:
        """Begin again with apps and backends in Python, their code read again; with that of before if it has faults."""
        self._end_router()
        before = renewing.forget_code(new)
        try:
            renewing.check(new)
        except ConfigurationError as error:
            log.error("the apps have faults; their code of before stays", faults=str(error))  # noqa: TRY400
            renewing.restore(before)
        api.adopt(Session(new, self._store))
        self._router = Routing(self._clock)
        self._router.start()


def _listen(listener: wake.Listener, end: int, woken: Callable[[], object]) -> None:
    """Pass pokes on until the other end of the pipe ``end`` is closed."""
    import select

    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(end, select.POLLIN)
    while all(fd != end for fd, _ in poll.poll()):
        listener.clear()
        woken()
