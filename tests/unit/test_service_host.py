"""What ties the service to its host: systemd's socket, the lock, the log, the clock."""

import io
import logging
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from gateway import lock, logs
from gateway.errors import StoreError
from gateway.service.clock import Clock, StepGuard
from gateway.service.notify import Notifier
from gateway.service.schedule import Job, Schedule


@pytest.fixture
def stream():
    made = io.StringIO()
    yield made
    logs.configure(stream=sys.stderr)
    logging.getLogger().handlers = []


# sd_notify


def test_systemd_is_told_through_a_path_and_through_an_abstract_name(tmp_path):
    for address in (str(tmp_path / "notify"), f"\0sms-gateway-test-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(address)
            notify = Notifier({"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "3000000"})
            assert notify.watchdog_s == 3.0
            notify.ready()
            notify.status("all is well")
            notify.alive()
            notify.reloading()
            notify.stopping()
            got = [sock.recv(100) for _ in range(5)]
        assert got[:3] == [b"READY=1", b"STATUS=all is well", b"WATCHDOG=1"]
        assert got[3].startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert got[4] == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "relative", "/" + "x" * 200, "@\0"])
def test_an_unusable_socket_is_said_once_and_changes_nothing(address, stream):
    logs.configure(stream=stream)
    notify = Notifier({"NOTIFY_SOCKET": address})
    for _ in range(3):
        notify.ready()
    assert stream.getvalue().count("can't be used") == bool(address)


def test_a_watchdog_of_another_process_is_not_ours():
    assert Notifier({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).watchdog_s == 0
    assert Notifier({"WATCHDOG_USEC": "soon"}).watchdog_s == 0


# The lock


def test_one_service_has_the_lock_and_others_know(tmp_path):
    state = tmp_path / "state"
    assert not lock.is_held(state)
    with lock.hold(state):
        assert lock.is_held(state)
        with pytest.raises(lock.LockedError, match=f"process {os.getpid()}"), lock.hold(state):
            pass
    assert not lock.is_held(state)


def test_the_lock_ends_with_its_process(tmp_path):
    code = "import sys; from pathlib import Path; from gateway import lock\n"
    code += "with lock.hold(Path(sys.argv[1])):\n print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        assert lock.is_held(tmp_path)
        other.kill()
    with lock.hold(tmp_path):
        pass


def test_someone_who_only_asks_never_keeps_a_service_from_its_lock(tmp_path):
    with lock.hold(tmp_path):
        pass
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            lock.is_held(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            with lock.hold(tmp_path):
                pass
    finally:
        stop.set()
        asking.join()


# The log


def test_numbers_and_texts_are_masked_unless_asked_for(stream):
    say = {
        "number": "+254700000001",
        "text": "my secret",
        "reason": "no route to +254700000001 today",
        "message": "12345678",
    }
    logs.configure(stream=stream)
    logs.get("gateway.service.worker").warning("it failed", **say)
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "warning" in line
    assert "service.worker: it failed" in line
    assert "number=+254…01" in line
    assert "text='<9 characters>'" in line
    assert "no route to +254…01 today" in line
    assert "message=12345678" in line
    logs.configure(stream=stream, masked=False)
    logs.get("x").info("it worked", **say)
    assert "my secret" in stream.getvalue()


def test_one_event_is_one_line_whatever_a_sender_wrote(stream):
    logs.configure(stream=stream)
    logs.get("x").info("operator said", answer="a\n<0>b\rc")
    logging.getLogger("gateway.router").error("%s\nfailed", "app")
    assert stream.getvalue().count("\n") == 2
    assert "\r" not in stream.getvalue()


def test_the_level_and_the_standard_library_are_heard(stream):
    logs.configure(stream=stream, level="warning")
    logs.get("x").info("not this")
    logging.getLogger("y").warning("but %s", "this")
    try:
        raise ValueError("boom")
    except ValueError:
        logs.get("x").exception("and this")
    assert "not this" not in stream.getvalue()
    assert "y: but this" in stream.getvalue()
    assert "ValueError: boom" in stream.getvalue()


def test_the_journal_gets_priorities_and_no_times():
    code = """if True:
        import os
        from gateway import logs
        found = os.fstat(2)
        os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
        logs.configure()
        logs.get("x").error("bad")
        logs.get("x").info("good")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "<3>x: bad\n<6>x: good\n"


# The clock and the schedule


class Hands:
    """A wall clock that a test sets, beside a monotonic one."""

    def __init__(self):
        self.wall, self.mono = 1_000_000.0, 50.0

    def clock(self):
        return Clock(lambda: self.wall, lambda: self.mono)

    def pass_(self, seconds):
        self.wall += seconds
        self.mono += seconds


def test_steady_time_does_not_jump_and_wall_time_does():
    hands = Hands()
    clock = hands.clock()
    hands.pass_(10)
    hands.wall -= 3600
    assert clock.steady_ms() == 1_000_010_000
    assert clock.now_ms() == 996_410_000
    assert clock.at_ms(55.0) == clock.now_ms() - 5_000


def test_the_guard_tells_each_step_once_and_no_drift():
    hands = Hands()
    guard = StepGuard(hands.clock())
    hands.pass_(1)
    hands.wall += 0.5
    assert guard.step_s() == 0
    hands.wall -= 3600
    assert guard.step_s() == -3600
    assert guard.step_s() == 0


@pytest.mark.parametrize("step_s", [-86400.0, 56 * 365 * 86400.0])
def test_every_job_runs_anew_after_the_clock_was_set(step_s):
    hands, ran, steps = Hands(), threading.Semaphore(0), []
    schedule = Schedule((Job("rare", 3600.0, ran.release),), hands.clock(), steps.append)
    schedule.start()
    try:
        assert not ran.acquire(blocking=False)
        hands.wall += step_s
        assert ran.acquire(timeout=10)
        assert steps == [pytest.approx(step_s)]
    finally:
        schedule.stop()


def test_a_job_that_fails_runs_again_and_others_are_not_disturbed():
    failed, ran = threading.Semaphore(0), threading.Semaphore(0)

    def fail():
        failed.release()
        raise ValueError("broken")

    schedule = Schedule((Job("bad", 0.05, fail), Job("good", 0.05, ran.release)), Clock())
    before = [beat.moved_mono for beat in schedule.beats]
    schedule.start()
    try:
        assert all(each.acquire(timeout=10) for each in (failed, failed, ran, ran))
    finally:
        schedule.stop()
    assert all(beat.moved_mono > moved for beat, moved in zip(schedule.beats, before, strict=True))


def test_steady_time_follows_a_step_when_the_rows_have_and_the_guard_does_not_take_it_for_another():
    hands = Hands()
    clock = hands.clock()
    guard = StepGuard(clock)
    hands.wall += 86400
    assert guard.step_s() == 86400
    assert clock.unexpired_ms() == 1_000_000_000
    clock.follow(86400)
    assert clock.unexpired_ms() == clock.steady_ms() == clock.now_ms()
    assert guard.step_s() == 0


def test_a_step_that_the_database_was_too_busy_for_is_told_again():
    hands, told = Hands(), []

    def stepped(step):
        told.append(step)
        if len(told) == 1:
            raise StoreError("locked")

    schedule = Schedule((), hands.clock(), stepped)
    schedule.start()
    try:
        hands.wall += 60
        until = time.monotonic() + 20
        while len(told) < 2 and time.monotonic() < until:
            threading.Event().wait(0.05)
        assert told == [pytest.approx(60), pytest.approx(60)]
    finally:
        schedule.stop()
