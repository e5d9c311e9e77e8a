"""How much waits at the driver: enough that the carrier's window is never empty while the owner commits."""

import selectors

import pytest

from drivers.smpp.account import account
from drivers.smpp.bind import Bind
from drivers.smpp.health import HealthReporter
from drivers.smpp.outbox import Outbox

OPTIONS = {"name": "acme", "host": "127.0.0.1", "system_id": "a", "password": "b"}


def told(round_trip_s=None, rate=None, **options):
    """The health of an account whose answers take so long."""
    of = account({**OPTIONS, **options})
    reporter, outbox = HealthReporter(of), Outbox(of, lambda _: None)
    if round_trip_s is not None:
        reporter.round_trip(round_trip_s)
    if rate is not None:
        for number in range(rate):
            outbox.throttle.accepted(99.0 + number / rate)
        outbox.throttle.refused(100.0, 0.01)
    with selectors.DefaultSelector() as selector:
        binds = [Bind(of, command, selector) for command in of.commands]
        return reporter.changed(binds, outbox, 100.0)


@pytest.mark.parametrize(
    ("window", "round_trip_s", "told_window"),
    [(50, None, 100), (50, 0.5, 100), (50, 0.06, 150), (50, 0.02, 450), (5, 0.001, 45), (1000, 0.02, 2000)],
)  # fmt: skip
def test_more_waits_where_answers_come_fast(window, round_trip_s, told_window):
    assert told(round_trip_s, window=window).window == told_window


def test_what_is_throttled_need_not_wait_in_heaps():
    assert told(0.001, rate=100, window=10).window == 20


def test_a_round_trip_that_wavers_is_no_news():
    of = account(OPTIONS)
    reporter, outbox = HealthReporter(of), Outbox(of, lambda _: None)
    reporter.round_trip(0.020)
    assert reporter.changed([], outbox, 1.0) is not None
    reporter.round_trip(0.024)
    assert reporter.changed([], outbox, 2.0) is None
