"""One device's outgoing flow, without threads, processes or a store."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Fault, Left, Outcome, Result
from gateway.limits import Limiter, Rate, Recipients
from gateway.parts import Splitter
from gateway.policy import DevicePolicy
from gateway.service.clock import Clock
from gateway.service.outgoing import Outgoing
from gateway.store.types import Claimed, Status


class World:
    """A flow with a clock that the test sets."""

    def __init__(self, rates=(), quotas=(), window=1):
        self.now = 1000.0
        clock = Clock(lambda: self.now + 1e9, lambda: self.now)
        policy = DevicePolicy(attempts=3, retry_s=30.0)
        rates, quotas = [Rate.parse(r) for r in rates], [Rate.parse(q) for q in quotas]
        self.flow = Outgoing(policy, Limiter(rates, quotas), Splitter(), clock, chance=random.Random(1))
        self.flow.window = window

    def submits(self):
        return [(s.token, [p.index for p in s.parts]) for s in self.flow.submits(self.now)]

    def left(self, token, *indexes):
        self.flow.left(Left(tuple((token, index) for index in indexes), self.now))

    def result(self, token, index=1, outcome=Outcome.ACCEPTED, **more):
        self.flow.result(Result(token, index, outcome, **more))

    def settled(self):
        batch = self.flow.batch()
        self.flow.written()
        return [(s.attempt, s.status) for s in batch.settlements]


def claimed(attempt, text="hello", **more):
    values = {
        "attempt": attempt, "transmission": attempt + 100, "message_id": "m", "backend": "b", "lane": "b",
        "identity": "+254700000001", "text": text, "parts": 1, "encoding": None, "reference": 7, "number": 1,
        "flash": False, "priority": 0, "expires_ms": None, "on_unknown": None, "fields": {},
    }  # fmt: skip
    return Claimed(**values | more)


def test_a_part_goes_out_is_answered_and_its_transmission_is_sent():
    world = World(rates=["10/minute"])
    world.flow.take([claimed(1)])
    assert world.submits() == [(1, [1])]
    world.left(1, 1)
    world.now += 2
    world.result(1, reference="17")
    batch = world.flow.batch()
    (part,) = batch.results
    assert (part.attempt, part.index, part.reference, part.left_ms) == (1, 1, "17", round((1000.0 + 1e9) * 1000))
    assert [(u.at_ms, u.left, u.taken) for u in batch.usage] == [(part.left_ms, 1, 1)]
    assert world.settled() == [(1, Status.SENT)]
    assert world.flow.idle
    assert not world.flow.batch()


def test_nothing_more_is_claimed_than_the_window_holds_and_one_window_ahead():
    world = World(window=4)
    assert world.flow.room(world.now).rows == 8
    world.flow.take([claimed(i) for i in range(8)])
    assert [token for token, _ in world.submits()] == [0, 1, 2, 3]
    assert world.flow.room(world.now) is None
    world.result(2)
    assert world.submits() == [(4, [1])]
    assert world.flow.room(world.now).rows == 1


def test_a_modem_gets_one_message_at_a_time_and_its_parts_one_by_one():
    world = World()
    world.flow.take([claimed(1, "x" * 400)])
    for index in (1, 2, 3):
        assert world.flow.room(world.now) is None
        assert world.submits() == [(1, [index])]
        assert world.settled() == []
        world.result(1, index)
    assert world.settled() == [(1, Status.SENT)]


def test_parts_wait_for_the_rate_and_a_message_larger_than_all_of_it_trickles():
    world = World(rates=["2/second"], window=10)
    room = world.flow.room(world.now)
    assert (room.parts, room.whole) == (2, 2)
    world.flow.take([claimed(1, "x" * 700)])
    given_out = []
    for _ in range(40):
        for token, indexes in world.submits():
            world.left(token, *indexes)
            given_out += [(world.now, index) for index in indexes]
            for index in indexes:
                world.result(token, index)
        world.now += 0.125
    assert [index for _, index in given_out] == [1, 2, 3, 4, 5]
    assert all(sum(at <= other < at + 1 for other, _ in given_out) <= 2 for at, _ in given_out)
    assert world.settled() == [(1, Status.SENT)]


def test_what_is_not_with_the_device_is_given_back_and_keeps_its_place():
    world = World(window=2)
    world.flow.take([claimed(i) for i in range(4)])
    assert len(world.submits()) == 2
    world.flow.give_back("the service stops")
    batch = world.flow.batch()
    assert [(r.attempt, r.outcome) for r in batch.results] == [(2, Outcome.NOT_SENT), (3, Outcome.NOT_SENT)]
    assert all(
        s.status is Status.QUEUED and s.front and not s.counted and not s.possible_duplicate for s in batch.settlements
    )
    assert world.flow.in_flight == 2


def test_a_message_of_which_a_part_may_have_left_is_a_possible_duplicate_when_it_goes_again():
    world = World()
    world.flow.take([claimed(1, "x" * 200)])
    world.submits()
    world.left(1, 1)
    world.result(1, 1)
    world.flow.give_back("the service stops")
    (settlement,) = world.flow.batch().settlements
    assert (settlement.status, settlement.possible_duplicate) == (Status.QUEUED, True)


def test_a_second_answer_for_a_part_is_evidence_and_settles_nothing_here():
    world = World()
    world.flow.take([claimed(1)])
    world.submits()
    world.left(1, 1)
    world.result(1, outcome=Outcome.UNKNOWN)
    assert world.settled() == [(1, Status.UNKNOWN)]
    world.result(1, reference="9", late=True)
    batch = world.flow.batch()
    assert ([r.reference for r in batch.late], batch.settlements) == (["9"], ())


def test_a_text_that_cannot_be_sent_fails_and_others_go_on():
    world = World(window=2)
    world.flow.take([claimed(1, "日本", encoding="gsm7"), claimed(2)])
    assert world.settled() == [(1, Status.FAILED)]
    assert world.submits() == [(2, [1])]


def test_a_device_in_trouble_is_left_alone_for_a_while():
    world = World(window=1)
    world.flow.take([claimed(1)])
    world.submits()
    world.result(1, outcome=Outcome.REFUSED, fault=Fault.DEVICE)
    assert world.flow.room(world.now) is None
    opens = world.flow.opens_at(world.now)
    assert 0.5 < opens - world.now <= 1.0
    world.now = opens
    assert world.flow.room(world.now)


def test_a_carrier_that_says_how_long_to_wait_is_obeyed():
    world = World(window=1)
    world.flow.take([claimed(1)])
    world.submits()
    world.result(1, outcome=Outcome.REFUSED, fault=Fault.THROTTLED, retry_after_s=12.0)
    assert world.flow.opens_at(world.now) == world.now + 12.0


def test_a_part_that_never_left_frees_its_place_in_the_limits():
    world = World(rates=["1/minute"])
    world.flow.take([claimed(1)])
    world.submits()
    assert world.flow.room(world.now) is None
    world.result(1, outcome=Outcome.NOT_SENT)
    world.now += 1.0
    assert world.flow.room(world.now).parts == 1
    assert not world.flow.batch().usage


@settings(deadline=None)
@given(st.data())
def test_every_part_ends_once_the_rate_holds_and_every_attempt_is_settled_once(data):
    world = World(rates=["5/second"], window=data.draw(st.integers(1, 6)))
    left, settled, token = [], [], 0
    at_device = []
    for _ in range(60):
        room = world.flow.room(world.now)
        if room and token < 20:
            count = data.draw(st.integers(0, min(room.rows, 3)))
            world.flow.take([claimed(token + i, "x" * data.draw(st.sampled_from([1, 200, 900]))) for i in range(count)])
            token += count
        at_device += [(t, i, False) for t, indexes in world.submits() for i in indexes]
        assert len(at_device) <= world.flow.window
        if at_device:
            t, i, gone = at_device.pop(data.draw(st.integers(0, len(at_device) - 1)))
            match data.draw(st.sampled_from(["leave", "answer", "lost"])):
                case "leave" if not gone:
                    world.left(t, i)
                    left.append(world.now)
                    at_device.append((t, i, True))
                case "lost" if not gone:
                    world.result(t, i, Outcome.NOT_SENT)
                case _:
                    if not gone:
                        world.left(t, i)
                        left.append(world.now)
                    world.result(t, i, data.draw(st.sampled_from([Outcome.ACCEPTED, Outcome.UNKNOWN])))
        settled += [attempt for attempt, _ in world.settled()]
        world.now += data.draw(st.sampled_from([0.0, 0.01, 0.3, 2.0]))
    world.flow.give_back("over")
    for t, i, gone in at_device:
        world.result(t, i, Outcome.UNKNOWN if gone else Outcome.NOT_SENT)
    settled += [attempt for attempt, _ in world.settled()]
    assert sorted(settled) == list(range(token))
    assert world.flow.idle
    assert all(sum(at <= other < at + 1 for other in left) <= 5 for at in left)


def test_without_limits_the_next_moment_is_now_or_never():
    world = World()
    assert world.flow.opens_at(world.now) <= world.now
    world.flow.take([claimed(1)])
    world.submits()
    assert world.flow.opens_at(world.now) == math.inf


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_settles_the_attempt(outcome):
    world = World()
    world.flow.take([claimed(1)])
    world.submits()
    world.result(1, outcome=outcome, fault=Fault.MESSAGE if outcome is Outcome.REFUSED else None)
    assert len(world.settled()) == 1


def test_a_bad_message_that_looks_like_trouble_of_the_device_never_holds_up_the_next():
    world, bad, given_out = World(), 0, []
    for number in range(1, 9):
        world.flow.take([claimed(number, number=bad + 1, transmission=1 if number % 2 else number)])
        world.now = max(world.now, world.flow.opens_at(world.now))
        assert world.submits() == [(number, [1])]
        good = number % 2 == 0
        world.result(
            number, outcome=Outcome.ACCEPTED if good else Outcome.REFUSED, fault=None if good else Fault.DEVICE
        )
        (settlement,) = world.flow.batch().settlements
        world.flow.written()
        given_out.append((settlement.status, settlement.counted))
        bad += settlement.counted and not good
    assert given_out[::2] == [
        (Status.QUEUED, False), (Status.QUEUED, True), (Status.QUEUED, True), (Status.FAILED, True),
    ]  # fmt: skip
    assert {status for status, _ in given_out[1::2]} == {Status.SENT}


def test_what_counts_against_a_backend_and_who_was_written_to_is_written_down():
    world = World()
    flow = Outgoing(
        DevicePolicy(), Limiter(recipients=Recipients(Rate.parse("2/day"))), Splitter(),
        Clock(lambda: world.now + 1e9, lambda: world.now), metered=False,
        subjects=lambda each: (f"backend {each.lane}",),
    )  # fmt: skip
    world.flow = flow
    assert flow.room(world.now).recipients == (2, frozenset())
    flow.take([claimed(1, lane="both")])
    assert flow.room(world.now) is None or flow.room(world.now).recipients == (1, {"+254700000001"})
    world.submits()
    world.left(1, 1)
    world.result(1)
    batch = flow.batch()
    at_ms = round((world.now + 1e9) * 1000)
    assert (batch.usage, dict(batch.recipients)) == ((), {"+254700000001": at_ms})
    assert [(each.at_ms, each.left, each.taken) for each in batch.shares["backend both"]] == [(at_ms, 1, 1)]
    flow.written()
    assert not flow.batch().recipients


def test_a_device_that_returned_is_given_few_at_once():
    world = World(window=20)
    world.flow.limiter = Limiter(slow_start=10.0)
    world.flow.limiter.returned()
    world.flow.take([claimed(n) for n in range(30)])
    assert len(world.submits()) == 2
    assert world.flow.opens_at(world.now) < world.now + 1.0
    world.now += 5.0
    assert len(world.submits()) == 8
    world.now += 5.0
    assert len(world.submits()) == 10
