"""The order of the queue: nobody starves, nobody urgent waits, nothing stale goes out."""

from hypothesis import given, settings
from hypothesis import strategies as st
from store_help import AGEING, T0, claim, epoch, row, send, settle, status

from gateway.limits import Limiter, Rate
from gateway.store import outbox
from gateway.store.types import Status


def test_bulk_is_passed_only_by_what_came_while_its_age_did_not_outweigh_it(store):
    """Urgent messages come twice as fast as the device sends, for ever; bulk still has its turn."""
    mine, step = epoch(store), 200 * AGEING // 20
    bulk = send(store, "+254700000001", priority=-100)
    born, passed_by, now = {}, [], T0
    for turn in range(60):
        now = T0 + turn * step
        for number in range(2):
            born[send(store, f"+25471{turn:04}{number}", priority=100, now=now)] = now
        (one,) = claim(store, mine, now, max_rows=1)
        settle(store, mine, one, Status.SENT, now=now)
        if one.message_id == bulk:
            break
        passed_by.append(born[one.message_id])
    assert status(store, bulk) is Status.SENT
    assert max(passed_by) <= T0 + 200 * AGEING, "100 points for each of both, times ageing"


def test_what_is_urgent_passes_a_long_one_that_waits_for_the_limit(store):
    mine = epoch(store)
    long = send(store, "+254700000001", parts=5)
    urgent = send(store, "+254700000002", priority=10, now=T0 + 1)
    small = send(store, "+254700000003", now=T0 + 2)
    assert [each.message_id for each in claim(store, mine, T0 + 3, max_parts=3, whole_parts=10)] == [urgent]
    assert claim(store, mine, T0 + 4, max_parts=3, whole_parts=10) == [], "small ones don't pass the long one"
    given_out = [each.message_id for each in claim(store, mine, T0 + 5, max_parts=6, whole_parts=10)]
    assert given_out == [long, small]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10), st.integers(-5, 5)), min_size=1, max_size=25), st.integers(1, 10))
def test_every_message_has_its_turn_whatever_its_size_and_priority(messages, count):
    """The rule of the claim on a model of the queue: strictly by rank, and the first waits until it fits."""
    limiter, now, sent = Limiter([Rate(count, 60.0)], margin=0.0), 0.0, []
    waiting = sorted((index * 1000 - priority * AGEING, index, size) for index, (size, priority) in enumerate(messages))
    while waiting:
        rank, _, size = waiting[0]
        wanted = min(size, count)
        now = max(now, limiter.next_at(now, wanted))
        waiting.pop(0)
        for _ in range(size):
            now = max(now, limiter.next_at(now))
            limiter.reserve(1, now)
            limiter.left(now)
            limiter.settle(now, left_at=now)
        sent.append(rank)
        assert now <= sum(each for each, _ in messages) * 60.0
    assert sent == sorted(sent)


def test_after_an_outage_nothing_stale_goes_out(store):
    """A device is away for an hour; what was useful for ten minutes only is not sent when it returns."""
    mine, hour = epoch(store), 3_600_000
    stale = [send(store, f"+25470000000{n}", expires_ms=T0 + 600_000) for n in range(5)]
    good = send(store, "+254700000009", expires_ms=T0 + 2 * hour, now=T0 + 1)
    assert [each.message_id for each in claim(store, mine, T0 + hour)] == [good]
    assert store.write(lambda c: outbox.expire(c, T0 + hour)) == 5
    assert {status(store, each) for each in stale} == {Status.EXPIRED}
    assert row(store, stale[0]).error == "expired while it was queued"
