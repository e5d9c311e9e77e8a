"""What a device or its SIM has used, found again after a restart."""

import pytest

from gateway import config
from gateway.service import metering
from gateway.service.clock import Clock
from gateway.store import nodes, usage
from gateway.store.types import UsageRow

T0 = 1_800_000_000_000
MONO = 5000.0


def clock(wall_ms=T0):
    return Clock(lambda: wall_ms / 1000, lambda: MONO)


def limiter(store, subjects=("mtn",), wall_ms=T0, **keys):
    device = config.from_mapping({"modem": {"mtn": {"port": "virtual", **keys}}}).modem["mtn"]
    with store.read() as c:
        return metering.limiter(c, device, subjects, clock(wall_ms))


def use(store, subject, at_ms, parts=1):
    store.write(lambda c: usage.add(c, subject, [UsageRow(at_ms, parts, parts)]))


def test_limits_follow_the_sim_to_another_modem(store):
    use(store, "8925", T0 - 60_000, 3)
    store.write(lambda c: usage.add_recipients(c, "8925", {"a": T0 - 60_000}))
    keys = {"quota": "5/day", "recipients": "1/day"}
    moved, empty = limiter(store, ("mtn", "8925"), **keys), limiter(store, ("mtn", "8926"), **keys)
    assert (moved.available(MONO), empty.available(MONO)) == (2, 5)
    assert (moved.recipients.left(MONO), empty.recipients.left(MONO)) == (0, 1)
    assert moved.recipients.known(MONO) == {"a"}


def test_a_pause_goes_on_after_a_restart(store):
    use(store, "mtn", T0 - 2_000)
    assert limiter(store, spacing="5s").next_at(MONO) == pytest.approx(MONO + 3.0)
    assert limiter(store, spacing="1s").next_at(MONO) == MONO


@pytest.mark.parametrize("back_s", [60, 86_400, 40 * 365 * 86_400])
def test_a_clock_that_fell_back_opens_nothing_at_a_start(store, back_s):
    use(store, "mtn", T0, 2)
    store.write(lambda c: usage.add_recipients(c, "mtn", {"a": T0}))
    made = limiter(
        store, wall_ms=T0 - back_s * 1000, rate="2/minute", quota=["2/day", "3/month"], spacing="5s", recipients="1/day"
    )
    assert made.available(MONO) == 0
    assert made.recipients.left(MONO) == 0
    assert [each.left for each in made.describe(MONO)] == [0, 0, 1]


def test_hours_are_read_from_the_wall_of_the_zone(store):
    keys = {"hours": "08:00-20:00", "timezone": "Africa/Nairobi"}
    seven_utc, two_utc = T0 // 86_400_000 * 86_400_000 + 7 * 3_600_000, T0 // 86_400_000 * 86_400_000 + 2 * 3_600_000
    assert limiter(store, wall_ms=seven_utc, **keys).available(MONO) is None
    shut = limiter(store, wall_ms=two_utc, **keys)
    assert shut.available(MONO) == 0
    assert shut.next_at(MONO) == pytest.approx(MONO + 3 * 3600)


def test_pauses_are_drawn_by_chance(store):
    use(store, "mtn", T0)
    assert len({round(limiter(store, spacing=["3s", "9s"]).next_at(MONO), 3) for _ in range(20)}) > 5


def test_hours_that_were_shut_are_not_opened_by_a_clock_that_fell_back_before_the_start(store):
    keys = {"hours": "08:00-20:00", "timezone": "UTC"}
    day = T0 // 86_400_000 * 86_400_000
    nine_pm, noon = day + 21 * 3_600_000, day + 12 * 3_600_000
    assert limiter(store, wall_ms=noon, **keys).next_at(MONO) == MONO
    store.write(lambda c: nodes.start(c, "pi", "service", 30_000, nine_pm))
    assert limiter(store, wall_ms=nine_pm, **keys).next_at(MONO) == MONO + 11 * 3600
    assert limiter(store, wall_ms=noon, **keys).next_at(MONO) == MONO + 11 * 3600
    assert limiter(store, wall_ms=noon + 86_400_000, **keys).next_at(MONO) == MONO
