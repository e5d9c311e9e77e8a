"""Pauses, recipients and slow starts of one device."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits import Limiter, Rate, Recipients
from gateway.limits.limiter import SLOWEST

GAPS = st.lists(st.floats(0.0, 20.0), min_size=1, max_size=60)


def leave(limiter, now):
    limiter.reserve(1, now)
    limiter.left(now)
    limiter.settle(now, left_at=now)


@given(GAPS, st.floats(0.1, 5.0), st.floats(0.0, 5.0), st.integers())
def test_no_two_parts_are_nearer_than_the_shortest_pause(gaps, low, more, seed):
    limiter = Limiter(spacing=(low, low + more), chance=random.Random(seed))
    now, left = 0.0, []
    for gap in gaps:
        now += gap
        if limiter.available(now):
            leave(limiter, now)
            left.append(now)
            assert low - 1e-6 <= limiter.next_at(now) - now <= low + more + 1e-6
    assert all(later - earlier >= low - 1e-6 for earlier, later in itertools.pairwise(left))


def test_a_pause_begins_when_the_part_has_left():
    limiter = Limiter(spacing=(5.0, 5.0))
    assert (limiter.available(0.0), limiter.whole) == (1, 1)
    limiter.reserve(1, 0.0)
    assert (limiter.available(3.0), limiter.next_at(3.0)) == (0, math.inf)
    limiter.left(3.0)
    assert limiter.next_at(3.0) == 8.0
    assert limiter.obstacles(3.0)[0].what == "it pauses between two parts"


def test_pauses_differ():
    limiter = Limiter(spacing=(3.0, 9.0), chance=random.Random(1))
    pauses = set()
    for now in range(0, 1000, 10):
        leave(limiter, float(now))
        pauses.add(round(limiter.next_at(now) - now, 3))
    assert len(pauses) > 50
    assert min(pauses) >= 3.0
    assert max(pauses) <= 9.0


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.0, 30.0)), max_size=80), st.integers(1, 4))
def test_no_period_holds_more_different_recipients(steps, count):
    people, now, log = Recipients(Rate(count, 60.0)), 0.0, []
    for who, gap in steps:
        now, name = now + gap, str(who)
        if people.left(now) or name in people.known(now):
            people.reserve(name)
            people.settle(name, now)
            log.append((now, name))
    for start, _ in log:
        assert len({name for at, name in log if start <= at < start + 60.0}) <= count


def test_a_recipient_counts_from_the_handing_over_and_not_when_it_never_left():
    people = Recipients(Rate.parse("1/day"))
    people.reserve("a")
    assert (people.left(0.0), people.open_at(0.0)) == (0, math.inf)
    assert people.known(0.0) == {"a"}
    people.settle("a", None)
    assert people.left(0.0) == 1
    people.add("b", 0.0)
    assert people.open_at(10.0) == pytest.approx(86400.01)


def test_outside_of_its_hours_a_device_sends_nothing():
    limiter = Limiter([Rate.parse("10/minute")], hours=lambda now: max(now, 500.0))
    assert (limiter.available(100.0), limiter.next_at(100.0)) == (0, 500.0)
    assert [each.what for each in limiter.obstacles(100.0)] == ["it is outside its hours"]
    assert limiter.available(500.0) == 10


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.floats(1.0, 30.0))
def test_a_device_that_returned_comes_to_its_rate_slowly_and_never_beyond_it(count, slow):
    limiter = Limiter([Rate(count, 1.0)], slow_start=slow)
    limiter.returned()
    now, left = 0.0, []
    while now < slow + 3:
        while limiter.available(now):
            leave(limiter, now)
            left.append(now)
        assert limiter.next_at(now) >= now
        now = max(now + 0.05, min(limiter.next_at(now), now + 1.0))
    for start in left:
        window = sum(start <= at < start + 1.0 for at in left)
        assert window <= max(1, math.ceil(count * min(1.0, max(SLOWEST, (start + 1.0) / slow))))
    assert limiter.share(now) == 1.0


def test_the_slow_start_begins_with_the_first_part():
    limiter = Limiter([Rate.parse("20/minute")], slow_start=30.0)
    assert limiter.share(0.0) == 1.0, "a device that never was away"
    limiter.returned()
    assert limiter.share(1000.0) == SLOWEST
    leave(limiter, 1000.0)
    assert limiter.share(1015.0) == 0.5
    fresh = Limiter([Rate.parse("20/minute")], slow_start=30.0)
    fresh.follow(limiter)
    assert fresh.share(1015.0) == 0.5
