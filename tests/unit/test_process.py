"""The owner's end of a device: exactly one Result per part, whatever becomes of the process."""

import os
import pickle
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import wire
from drivers.base import Ack, Encoding, Health, Left, Outcome, Part, Result, State, Submit
from drivers.process import DeviceProcess

DRIVER = "stray_drivers:Scripted"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", here)


@pytest.fixture
def device():
    process = DeviceProcess("modem", {"name": "d", "driver": DRIVER, "echo": "hello"})
    process.start()
    yield process
    process.stop(5.0)


def parts(n):
    return tuple(Part(i + 1, n, Encoding.GSM7, b"x") for i in range(n))


def until(device, wanted, limit_s=20.0):
    """Events until ``wanted(events)`` holds."""
    events, end = [], time.monotonic() + limit_s
    while not wanted(events):
        assert time.monotonic() < end, events
        if device.alive:
            select.select([device], [], [], 0.05)
        device.tick(time.monotonic())
        events += device.events()
    return events


def results(events):
    return {(e.token, e.index): e.outcome for e in events if isinstance(e, Result)}


def test_options_reach_the_driver_and_results_come_back(device):
    events = until(device, lambda es: any(isinstance(e, Health) for e in es))
    assert events[0].state is State.UP
    assert events[0].details == {"echo": "hello"}
    device.send(Submit(7, "+1", parts(3)))
    events = until(device, lambda es: len(results(es)) == 3)
    assert set(results(events).values()) == {Outcome.ACCEPTED}
    assert device.open_parts == 0


def test_commands_sent_before_the_driver_is_loaded_are_not_lost(device):
    device.send(Submit(1, "+1", parts(1)))
    assert results(until(device, results)) == {(1, 1): Outcome.ACCEPTED}


def test_a_driver_silent_beyond_its_busy_limit_is_ended_and_its_part_is_in_doubt(device):
    device.send(Submit(1, "never-leaves", parts(2)), Submit(2, "hang", parts(2)))
    events = until(device, lambda es: len(results(es)) == 4)
    assert results(events) == {
        (1, 1): Outcome.NOT_SENT,
        (1, 2): Outcome.NOT_SENT,
        (2, 1): Outcome.UNKNOWN,
        (2, 2): Outcome.NOT_SENT,
    }
    last = events[-1]
    assert isinstance(last, Health)
    assert last.state is State.DOWN
    assert "waiting for the modem" in last.reason
    assert not device.alive


def test_a_crash_hands_back_what_was_open_and_the_device_starts_again(device):
    device.send(Submit(1, "crash", parts(2)))
    events = until(device, lambda es: len(results(es)) == 2)
    assert results(events) == {(1, 1): Outcome.UNKNOWN, (1, 2): Outcome.NOT_SENT}
    assert "signal 11" in events[-1].reason
    device.send(Submit(2, "+1", parts(1)))
    assert results(device.events()) == {(2, 1): Outcome.NOT_SENT}
    device.start()
    device.send(Submit(3, "+1", parts(1)))
    assert results(until(device, results)) == {(3, 1): Outcome.ACCEPTED}


def test_a_driver_that_breaks_the_contract_is_ended(device):
    device.send(Submit(1, "garbage", parts(1)))
    events = until(device, lambda es: not device.alive)
    assert results(events) == {(1, 1): Outcome.NOT_SENT}
    assert "contract" in events[-1].reason


def test_stop_closes_and_hands_back_what_never_left(device):
    device.send(Submit(1, "never-leaves", parts(1)))
    events = device.stop(5.0)
    assert results(events) == {(1, 1): Outcome.NOT_SENT}
    assert not device.alive


def test_an_unknown_driver_is_a_blocked_device_with_a_sentence():
    process = DeviceProcess("modem", {"name": "d", "driver": "gamu"})
    process.start()
    events = until(process, lambda es: any(isinstance(e, Health) for e in es))
    assert events[0].state is State.BLOCKED
    assert "gammu" in events[0].reason
    assert all(e.state is State.BLOCKED for e in events + until(process, lambda _: not process.alive))


def test_the_device_dies_with_its_owner():
    code = (
        "from drivers.process import DeviceProcess; import os, select, signal\n"
        f"d = DeviceProcess('modem', {{'name': 'd', 'driver': {DRIVER!r}}}); d.start()\n"
        "select.select([d], [], [], 30)\n"
        "print(d.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    owner = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    pid = int(owner.stdout)
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < end
        select.select([], [], [], 0.02)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 50))
def test_wire_survives_any_tearing(texts, step):
    values = [Submit(i, "+1", (Part(1, 1, Encoding.BINARY, text),)) for i, text in enumerate(texts)]
    octets = b"".join(wire.encode([value, Ack(("k",))]) for value in values)
    decoder, got = wire.Decoder(), []
    for at in range(0, len(octets), step):
        got += decoder.feed(octets[at : at + step])
    assert got == [v for value in values for v in (value, Ack(("k",)))]


def test_wire_refuses_what_is_not_of_the_contract():
    body = pickle.dumps((os.system,))
    with pytest.raises(ValueError, match="contract"):
        wire.Decoder().feed(wire.LENGTH.pack(len(body)) + body)


def test_left_names_the_time_on_the_clock_that_all_processes_share(device):
    before = time.monotonic()
    device.send(Submit(1, "+1", parts(1)))
    events = until(device, results)
    (left,) = [e for e in events if isinstance(e, Left)]
    assert before <= left.at_mono <= time.monotonic()
