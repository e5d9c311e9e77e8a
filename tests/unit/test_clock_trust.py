"""Whether the time with which the service has started may be believed."""

import pytest
from store_help import T0, claim, epoch, send, status

from drivers.gsm import identity
from gateway.config import from_mapping
from gateway.service import jobs
from gateway.service.clock import Clock
from gateway.standing import clock_doubt
from gateway.store import devices
from gateway.store.types import DeviceRow, Status

NOW_S = 1_795_701_600.0  # 2026-11-26T14:00:00Z


class Modem:
    """As much of a line as is asked for the time."""

    def __init__(self, said):
        self.said = said

    def try_value(self, command, name):
        assert (command, name) == ("AT+CCLK?", "+CCLK")
        return self.said


@pytest.mark.parametrize(
    ("said", "skew_s"),
    [
        ('"26/11/26,14:01:30+00"', 0.0),
        ('"26/11/26,17:00:10+12"', 0.0),
        ('"26/11/26,10:30:00-14"', 0.0),
        ('"26/11/27,14:00:00+00"', 86_400.0),
        ('"26/11/26,13:00:00+00"', -3600.0),
        ('"26/11/26,14:00:00"', None),
        ('"80/01/06,00:00:10+00"', None),
        ('"04/01/01,00:00:10+00"', None),
        ('"26/13/26,14:00:00+00"', None),
        ("", None),
        (None, None),
    ],
)
def test_the_time_of_the_network(said, skew_s):
    assert identity.read_clock(Modem(said), NOW_S) == skew_s


def test_on_a_wrong_clock_nothing_expires_and_no_moment_comes(store):
    config = from_mapping({"modem": {"mtn": {"port": "virtual"}}})
    wall_s = T0 / 1000
    clock = Clock(lambda: wall_s, lambda: wall_s)
    mine = epoch(store)
    later, short = send(store, "+1", due_ms=T0 + 1000), send(store, "+2", expires_ms=T0 + 1000)
    drain = jobs.jobs(store, clock, mine, jobs.Hooks(lambda: config, print, print, print))[0].run

    def told(skew_s):
        seen = DeviceRow("mtn", "modem", "at", "n", "up", "", False, health={"clock_skew_s": skew_s})
        store.write(lambda c: devices.update(c, seen, T0))

    told(-86_400.0)
    wall_s += 60
    drain()
    assert claim(store, mine, T0 + 60_000) == []
    assert (status(store, later), status(store, short)) == (Status.QUEUED, Status.QUEUED)
    told(0.0)
    drain()
    assert status(store, short) is Status.EXPIRED
    assert [each.message_id for each in claim(store, mine, T0 + 60_000)] == [later]


@pytest.mark.parametrize(
    ("skews", "said"),
    [
        ({}, None),
        ({"mtn": None}, None),
        ({"mtn": 300.0}, None),
        ({"mtn": 86_400.0, "air": 60.0}, None),
        ({"mtn": 7200.0}, "clock is 120 minutes behind the network's time, says mtn"),
        ({"mtn": 7200.0, "air": -3600.0}, "60 minutes ahead of the network's time, says air"),
    ],
)
def test_one_network_that_agrees_is_enough(skews, said):
    found = clock_doubt(skews)
    assert found is None if said is None else said in found


def test_a_clock_that_was_set_is_believed():
    clock = Clock(lambda: NOW_S, lambda: 100.0)
    assert not clock.was_set
    clock.follow(86_400.0)
    assert clock.was_set
