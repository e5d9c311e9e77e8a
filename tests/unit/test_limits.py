import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import Limiter, Rate, Window
from gateway.store.types import UsageRow

TEN = Rate.parse("10/minute")


def test_no_limits() -> None:
    limiter = Limiter()
    assert (limiter.available(0), limiter.whole, limiter.next_at(5.0)) == (None, None, 5.0)
    assert limiter.describe(0) == ()


@pytest.mark.parametrize("text", ["", "10", "0/minute", "10/fortnight", "ten/minute", "-1/day", "1.5/second"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; write a whole number from 1"):
        Rate.parse(text)


def test_a_part_counts_from_when_it_left_for_the_whole_period() -> None:
    limiter = Limiter([TEN], margin=0.0)
    limiter.reserve(10, 100.0)
    assert limiter.available(1000.0) == 0, "what is handed over counts as leaving now"
    assert limiter.next_at(1000.0) == math.inf
    for n in range(10):
        limiter.left(1000.0 + n)
    assert limiter.available(1059.9) == 0
    assert limiter.next_at(1010.0) == 1060.0
    assert limiter.next_at(1010.0, 3) == 1062.0
    assert (limiter.available(1060.0), limiter.available(1062.5)) == (1, 3)


def test_the_margin_makes_it_a_little_later() -> None:
    limiter = Limiter([Rate.parse("1/second")], margin=0.01)
    limiter.reserve(1, 5.0)
    limiter.left(5.0)
    assert limiter.next_at(5.5) == pytest.approx(6.01)
    assert limiter.available(6.005) == 0


def test_quotas_count_what_was_taken() -> None:
    limiter = Limiter(quotas=[Rate.parse("2/day")], margin=0.0)
    limiter.reserve(2, 0.0)
    limiter.left(0.0, 2)
    assert limiter.available(1.0) == 0, "in flight, it may be taken"
    limiter.settle(1.0, taken=False, left_at=0.0)
    assert limiter.available(1.0) == 1
    limiter.settle(2.0, taken=True, left_at=0.0)
    assert limiter.available(2.0) == 1
    assert limiter.available(86400.0) == 2


def test_what_never_left_is_given_back() -> None:
    limiter = Limiter([TEN], [Rate.parse("200/day")])
    limiter.reserve(3, 0.0)
    limiter.release(3, 0.1)
    assert limiter.available(0.1) == 10
    limiter.reserve(1, 1.0)
    limiter.left(1.0)
    limiter.release(1, 1.1)
    assert limiter.available(1.1) == 9, "it was on the way out"
    assert limiter.describe(1.1)[1].left == 200


def test_a_result_without_a_word_of_leaving() -> None:
    limiter = Limiter([TEN], [Rate.parse("200/day")], margin=0.0)
    limiter.reserve(1, 0.0)
    limiter.settle(7.0)
    assert limiter.describe(7.0)[0].left == 9
    assert limiter.next_at(7.0, 10) == 67.0


def test_the_tightest_limit_decides() -> None:
    limiter = Limiter([TEN], [Rate.parse("12/hour"), Rate.parse("100/month")], margin=0.0)
    assert limiter.whole == 10
    for n in range(10):
        limiter.reserve(1, float(n))
        limiter.left(float(n))
        limiter.settle(n + 0.5, left_at=float(n))
    assert limiter.available(100.0) == 2
    rate, hour, month = limiter.describe(100.0)
    assert [(each.rate, each.quota, each.left, each.open_at) for each in (rate, hour, month)] == [
        (TEN, False, 10, 100.0),
        (Rate.parse("12/hour"), True, 2, 100.0),
        (Rate.parse("100/month"), True, 90, 100.0),
    ]
    assert limiter.next_at(100.0, 5) == 3602.0


def test_more_than_ever_fits_waits_for_all_there_is() -> None:
    limiter = Limiter([TEN], margin=0.0)
    assert limiter.next_at(0.0, 25) == 0.0
    limiter.reserve(1, 0.0)
    limiter.left(0.0)
    assert limiter.next_at(0.0, 25) == 60.0


def test_memory_is_bounded_and_merging_frees_late() -> None:
    window, exact = Window(Rate(1_000_000, 1000.0)), []
    for n in range(50_000):
        at = n / 100
        window.add(at, 1)
        exact.append(at)
        if n % 5000 == 0:
            assert window.used(at) >= sum(each > at - 1000.0 for each in exact)
    assert len(window._entries) <= Window.MOST
    assert window.used(500.0) == 50_000
    assert window.used(1499.0) >= sum(each > 499.0 for each in exact)
    assert window.used(1501.0) == 0


def test_out_of_order() -> None:
    window = Window(TEN)
    for at in (5.0, 3.0, 4.0, 3.0):
        window.add(at, 1)
    assert [window.used(at) for at in (62.9, 63.0, 64.0, 65.0)] == [4, 2, 1, 0]


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 12),
    period=st.sampled_from([1.0, 60.0]),
    steps=st.integers(10, 120),
)
def test_no_window_holds_more_than_its_count(seed: int, count: int, period: float, steps: int) -> None:
    """Whatever the schedule: delays between hand-over and leaving, restarts, and a wall clock that is set back.

    Over a restart the rows are what the store gives back: wall times, those of the future as now.
    """
    chance = random.Random(seed)
    rate, quota = Rate(count, period), Rate(count + chance.randint(0, 5), period * 3)
    mono, wall_offset = 1000.0, 1_800_000_000.0
    limiter = Limiter([rate], [quota])
    left: list[float] = []
    taken: list[float] = []
    usage: list[UsageRow] = []
    handed: list[float | None] = []  # when each left, None while it hasn't

    def at_ms(at: float) -> int:
        return math.ceil((at + wall_offset) * 1000)

    def restart() -> None:
        nonlocal limiter
        for at in handed:  # what was under way may have left until now
            if at is None:
                left.append(mono)
            taken.append(mono if at is None else at)
            usage.append(UsageRow(at_ms(mono), 1, 1))
        handed.clear()
        limiter = Limiter([rate], [quota])
        for row in sorted(usage, key=lambda row: row.at_ms):
            at = mono - max(0, at_ms(mono) - row.at_ms) / 1000
            limiter.reserve(row.left, at)
            limiter.left(at, row.left)
            limiter.settle(at, row.taken, taken=True, left_at=at)
            limiter.settle(at, row.left - row.taken, taken=False, left_at=at)

    for _ in range(steps):
        mono += chance.choice([0.0, 0.001, period / count, chance.random() * period])
        match chance.choices(["submit", "leave", "settle", "restart", "back"], [6, 6, 4, 0.5, 0.5])[0]:
            case "submit":
                room = limiter.available(mono)
                assert room is not None
                assert (limiter.next_at(mono) <= mono) == (room > 0)
                given_now = chance.randint(0, room)
                limiter.reserve(given_now, mono)
                handed += [None] * given_now
            case "leave":
                for n, at in enumerate(handed):
                    if at is None and chance.random() < 0.7:
                        handed[n] = mono
                        left.append(mono)
                        limiter.left(mono)
            case "settle":
                for at in [at for at in handed if at is not None and chance.random() < 0.7]:
                    handed.remove(at)
                    was_taken = chance.random() < 0.8
                    limiter.settle(mono, taken=was_taken, left_at=at)
                    usage.append(UsageRow(at_ms(at), 1, int(was_taken)))
                    taken += [at] * was_taken
            case "restart":
                restart()
            case "back":
                wall_offset -= chance.random() * 10 * period
                restart()
    for moments, limit in ((left, rate), (taken, quota)):
        moments.sort()
        for first, beyond in zip(moments, moments[limit.count :], strict=False):
            assert beyond - first >= limit.period, (first, beyond)
