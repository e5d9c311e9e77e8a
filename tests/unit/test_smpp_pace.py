"""Throttling, back-off and repetitions, with time as an argument."""

import random

import pytest

from drivers.smpp.pace import Backoff, Throttle


class StrictCarrier:
    """Takes ``rate`` a second, after a burst of ``burst``."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.tokens, self.at = rate, burst, burst, 0.0

    def takes(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def run(throttle, carrier, seconds, window=50, round_trip=0.02, now=0.0):
    """A queue that never empties; (accepted, refused)."""
    accepted = refused = 0
    under_way: list[tuple[float, bool]] = []
    end = now + seconds
    while now < end:
        while under_way and under_way[0][0] <= now:
            _, taken = under_way.pop(0)
            if taken:
                throttle.accepted(now)
                accepted += 1
            else:
                throttle.refused(now, round_trip)
                refused += 1
        count = min(throttle.allowance(now), window - len(under_way))
        throttle.took(count)
        under_way += [(now + round_trip, carrier.takes(now)) for _ in range(count)]
        now += 0.001
    return accepted, refused


@pytest.mark.parametrize(("rate", "burst"), [(500, 10), (500, 500), (100, 5), (20, 20), (5, 5)])
def test_a_throttled_carrier_gets_nearly_its_rate_and_few_too_many(rate, burst):
    throttle = Throttle()
    run(throttle, carrier := StrictCarrier(rate, burst), 30)
    accepted, refused = run(throttle, carrier, 60, now=30.0)
    assert accepted > 0.9 * rate * 60
    assert refused < 0.02 * accepted + 5
    assert throttle.rate is not None
    assert 0 < throttle.factor <= 1


def test_without_refusals_nothing_is_limited():
    throttle = Throttle()
    throttle.accepted(1.0)
    assert throttle.allowance(1.0) > 1_000_000
    assert throttle.factor == 1.0
    assert throttle.pause() == 0.0


def test_what_was_under_way_counts_as_one_refusal():
    throttle = Throttle()
    for tick in range(100):
        throttle.accepted(tick / 100)
    throttle.refused(1.0, 0.05)
    rate = throttle.rate
    for _ in range(20):
        throttle.refused(1.05, 0.05)
    assert throttle.rate == rate
    assert throttle.refusals == 21


def test_a_limit_is_forgotten_in_time():
    throttle = Throttle()
    throttle.accepted(0.0)
    throttle.refused(1.0, 0.1)
    assert throttle.allowance(1.1) <= 2
    assert throttle.allowance(700.0) > 1_000_000


def test_pauses_double_up_to_the_longest_and_start_again():
    backoff = Backoff(60.0, jitter=random.Random(1))
    pauses = [backoff.next() for _ in range(10)]
    for step, pause in zip([1, 2, 4, 8, 16, 32, 60, 60, 60, 60], pauses, strict=True):
        assert step / 2 <= pause <= step
    backoff.reset()
    assert backoff.next() <= 1


def test_the_longest_pause_may_be_short():
    assert Backoff(0.2).next() <= 0.2
