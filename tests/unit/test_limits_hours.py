"""Hours, weekdays and zones."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import Hours, ShutWatch, opening
from gateway.limits.hours import weekdays
from gateway.numbers import zones

NAIROBI, BERLIN, KOLKATA = ZoneInfo("Africa/Nairobi"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
ZONES = [UTC, NAIROBI, BERLIN, KOLKATA, ZoneInfo("America/New_York")]
MINUTES = st.integers(0, 1439)
HOURS = st.builds(
    lambda start, length, days: Hours(start, (start + length - 1) % 1440 + 1, frozenset(days)),
    MINUTES, st.integers(1, 1439), st.sets(st.integers(0, 6), min_size=1),
)  # fmt: skip
MOMENTS = st.integers(1_600_000_000, 1_900_000_000)


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def says_open(hours, moment, zone):
    """The same question, asked of the clock on the wall."""
    wall = datetime.fromtimestamp(moment, zone)
    minute = wall.hour * 60 + wall.minute
    today, yesterday = wall.weekday(), (wall.weekday() - 1) % 7
    if hours.start < hours.end:
        return today in hours.days and hours.start <= minute < hours.end
    return (today in hours.days and minute >= hours.start) or (yesterday in hours.days and minute < hours.end)


@pytest.mark.parametrize(
    ("hours", "now", "opens"),
    [
        ("08:00-20:00", "2026-03-02T07:59", "2026-03-02T08:00"),
        ("08:00-20:00", "2026-03-02T19:59", "2026-03-02T19:59"),
        ("08:00-20:00", "2026-03-02T20:00", "2026-03-03T08:00"),
        ("20:00-06:00", "2026-03-02T05:59", "2026-03-02T05:59"),
        ("20:00-06:00", "2026-03-02T06:00", "2026-03-02T20:00"),
        ("00:00-24:00", "2026-03-02T00:00", "2026-03-02T00:00"),
    ],
)
def test_when_it_opens_next(hours, now, opens):
    assert Hours.parse(hours).open_at(at(now), UTC) == at(opens)


def test_a_night_belongs_to_the_day_on_which_it_begins():
    nights = Hours(20 * 60, 6 * 60, weekdays(["fri"]))
    assert nights.open_at(at("2026-03-06T03:00"), UTC) == at("2026-03-06T20:00"), "Thursday's night is none of it"
    assert nights.open_at(at("2026-03-07T03:00"), UTC) == at("2026-03-07T03:00")
    assert nights.open_at(at("2026-03-07T06:00"), UTC) == at("2026-03-13T20:00")


@given(HOURS, MOMENTS, st.sampled_from([UTC, NAIROBI, KOLKATA]))
def test_it_opens_at_the_first_open_moment_and_no_sooner(hours, now, zone):
    opens = hours.open_at(now, zone)
    assert opens >= now
    assert says_open(hours, opens, zone)
    assert (opens == now) == says_open(hours, now, zone)
    if opens > now:
        step = max(60, (opens - now) // 50)
        assert not any(says_open(hours, now + k * step, zone) for k in range(int((opens - now - 1) // step) + 1))


@given(HOURS, MOMENTS, st.sampled_from(ZONES))
def test_the_rest_is_open_when_the_hours_are_not(hours, now, zone):
    daily = Hours(hours.start, hours.end)
    closed = daily.open_at(now, zone) > now
    assert (daily.rest.open_at(now, zone) == now) == closed


def test_a_change_of_the_clock_neither_loses_nor_doubles_a_day():
    hours = Hours.parse("02:30-03:30")
    assert hours.open_at(at("2026-03-28T12:00", BERLIN), BERLIN) <= at("2026-03-29T03:30", BERLIN)
    autumn = hours.open_at(at("2026-10-24T12:00", BERLIN), BERLIN)
    assert datetime.fromtimestamp(autumn, BERLIN).date().isoformat() == "2026-10-25"


@pytest.mark.parametrize("text", ["8-20", "08:00", "25:00-26:00", "08:60-09:00", "08:00-08:00", "24:00-08:00", ""])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a time of day|the same time"):
        Hours.parse(text)


@given(HOURS, MOMENTS, st.lists(st.sampled_from([*ZONES, None]), max_size=4))
def test_in_several_zones_it_is_open_in_all_of_them(hours, now, there):
    every_day = Hours(hours.start, hours.end)
    opens = opening(every_day, now, there)
    assert opens >= now
    everywhere = all(every_day.open_at(opens, zone) == opens for zone in there or [None])
    assert everywhere or every_day.open_at(opens) == opens, "where they never agree, the host's zone decides"


def test_a_number_tells_where_it_is():
    assert zones("+254700000001") == (NAIROBI,)
    assert zones("short") == (None,)
    assert {str(zone) for zone in zones("+447700900123")} >= {"Europe/London"}


class TestShutWatch:
    hours = Hours.parse("08:00-20:00")

    def test_it_follows_the_wall(self):
        watch = ShutWatch(self.hours, UTC)
        assert watch.open_at(1000.0, at("2026-03-02T12:00")) == 1000.0
        assert watch.open_at(1000.0, at("2026-03-02T20:00")) == 1000.0 + 12 * 3600

    def test_a_clock_that_falls_back_does_not_open_it_again(self):
        watch = ShutWatch(self.hours, UTC)
        assert watch.open_at(1000.0, at("2026-03-02T21:00")) > 1000.0
        assert watch.open_at(1060.0, at("2026-03-02T19:00")) == pytest.approx(1000.0 + 11 * 3600)
        assert watch.open_at(1000.0 + 11 * 3600, at("2026-03-02T19:30")) == 1000.0 + 11 * 3600

    def test_a_clock_that_goes_ahead_may_open_it(self):
        watch = ShutWatch(self.hours, UTC)
        watch.open_at(1000.0, at("2026-03-02T21:00"))
        assert watch.open_at(1060.0, at("2026-03-03T09:00")) == 1060.0

    @given(st.lists(st.tuples(st.integers(0, 7200), st.integers(-90_000, 90_000)), max_size=30))
    def test_it_is_never_shut_for_more_than_a_day_longer_than_the_wall_says(self, steps):
        watch, mono, wall = ShutWatch(self.hours, UTC), 0.0, at("2026-03-02T12:00")
        for passed, jump in steps:
            mono, wall = mono + passed, wall + passed + jump
            opens = watch.open_at(mono, wall)
            assert mono <= opens <= mono + timedelta(days=1).total_seconds()
