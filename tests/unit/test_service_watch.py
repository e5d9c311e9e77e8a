"""systemd hears that all is well only while every loop of the service moves."""

import socket
import threading
from types import SimpleNamespace

import pytest
import structlog

from gateway import api, config
from gateway.service.clock import Clock
from gateway.service.fleet import Fleet
from gateway.service.pace import Beat
from gateway.service.root import Service
from gateway.service.routing import Routing
from gateway.service.schedule import Job, Schedule
from gateway.service.shared import Shared
from gateway.service.workers import Workers
from gateway.session import Session
from gateway.store import nodes

CONFIG = {"modem": {"m": {"port": "/nowhere/tty"}}, "server": {"http": {"listen": "127.0.0.1:0"}}}
KINDS = ("worker", "app", "job")


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        yield sock


def service(beats):
    """A service whose loops are these."""
    made = Service(config.from_mapping({}))
    now = made._clock.mono()
    for beat in beats.values():
        beat.moved_mono += now
    made._workers = SimpleNamespace(revive=lambda: None, beats=lambda: [beats["worker"]])
    made._router = SimpleNamespace(beats=[beats["app"]])
    made._schedule = SimpleNamespace(beats=[beats["job"]])
    return made


def test_all_is_well_while_every_loop_moves(systemd):
    service({kind: Beat(kind, 10.0, 0.0) for kind in KINDS})._watch()
    assert systemd.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("stuck", KINDS)
def test_one_loop_that_stands_still_is_enough(systemd, stuck):
    with structlog.testing.capture_logs() as said:
        service({kind: Beat(kind, 10.0, -11.0 if kind == stuck else 0.0) for kind in KINDS})._watch()
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
    assert stuck in str(said)


def moved(beats, before, limit_s=20.0):
    """Wait until each of the loops has gone round again."""
    pause, now = threading.Event(), Clock().mono
    until = now() + limit_s
    while late := [beat.name for beat in beats if beat.moved_mono <= before[beat.name]]:
        assert now() < until, late
        pause.wait(0.02)


def test_each_loop_gives_signs_of_life_while_it_has_nothing_to_do(store, tmp_path):
    given = config.from_mapping({**CONFIG, "gateway": {"state": str(tmp_path), "apps": []}})
    clock = Clock()
    epoch = store.write(lambda c: nodes.start(c, "pi", "service", 30_000, clock.now_ms()))
    workers = Workers(given, Shared(store, clock, epoch, Fleet(given), print, print))
    api.adopt(Session(given, store))
    routing = Routing(clock)
    schedule = Schedule((Job("often", 0.05, lambda: None),), clock)
    try:
        for one in (workers, routing, schedule):
            one.start()
        beats = [*workers.beats(), *routing.beats, *schedule.beats]
        assert [beat.name for beat in beats] == ["device-m", "http-server", "router", "job often"]
        for _ in range(2):
            before = {beat.name: beat.moved_mono for beat in beats}
            workers.poke()
            moved(beats, before)
    finally:
        schedule.stop()
        assert routing.stop(10.0)
        workers.stop(5.0, lambda: None)
        api.adopt(None)


def test_a_job_that_hangs_is_late_though_others_run():
    now, ended, hangs = [0.0], threading.Semaphore(0), threading.Event()
    clock = Clock(lambda: 1e9, lambda: now[0])
    schedule = Schedule((Job("hangs", 0.05, hangs.wait), Job("runs", 0.05, ended.release)), clock)
    schedule.start()
    try:
        assert ended.acquire(timeout=10)
        now[0] = 1000.0
        assert all(ended.acquire(timeout=10) for _ in range(3))
        assert [beat.late(1000.0) for beat in schedule.beats] == [True, False]
    finally:
        hangs.set()
        schedule.stop()
