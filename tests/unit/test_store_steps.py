"""The wall clock is set while messages wait: spans move along, moments stay."""

import shutil

import pytest
from store_help import DEVICE, T0, claim, epoch, long, row, send, settle, status, unknown

from drivers.base import Fault, Outcome
from gateway.store import inbox, outbox, steps, usage
from gateway.store.engine import Store
from gateway.store.types import PartResult, Status, UsageRow

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
STEPS = [DAY, -DAY, 56 * 365 * DAY, -20 * MINUTE]


@pytest.fixture
def one(tmp_path, empty_file):
    """A database of this host alone."""
    shutil.copy(empty_file, tmp_path / "gateway.db")
    store = Store.open(f"sqlite:///{tmp_path}/gateway.db")
    yield store
    store.close()


def shift(store: Store, by_ms: int, at: int = T0) -> int:
    """The clock showed ``at`` and was set by ``by_ms``; the new time."""
    steps.shift(store, by_ms, at + by_ms)
    return at + by_ms


def expire(store: Store, now: int) -> int:
    return store.write(lambda c: outbox.expire(c, now))


@pytest.mark.parametrize("by_ms", STEPS)
def test_what_is_left_of_expires_stays_the_same(one: Store, by_ms) -> None:
    queued = send(one, "+254700000001", expires_ms=T0 + HOUR, now=T0 - MINUTE)
    held = send(one, "+254700000002", expires_ms=T0 + HOUR, now=T0 - MINUTE, status=Status.HELD)
    now = shift(one, by_ms)
    assert expire(one, now + HOUR - SECOND) == 0
    assert expire(one, now + HOUR) == 2
    assert {status(one, each) for each in (queued, held)} == {Status.EXPIRED}


@pytest.mark.parametrize("by_ms", STEPS)
def test_at_is_a_moment_and_stays(one: Store, by_ms) -> None:
    message = send(one, "+254700000001", due_ms=T0 + HOUR, now=T0 - MINUTE)
    shift(one, by_ms)
    assert row(one, message).due_ms == T0 + HOUR
    one.write(lambda c: outbox.promote(c, T0 + HOUR))
    assert len(claim(one, epoch(one), T0 + HOUR)) == 1


@pytest.mark.parametrize("by_ms", STEPS)
def test_a_pause_between_two_attempts_is_a_span(one: Store, by_ms) -> None:
    mine = epoch(one)
    message = send(one, "+254700000001", now=T0 - MINUTE)
    (only,) = claim(one, mine)
    refused = PartResult(only.attempt, 1, Outcome.REFUSED, fault=Fault.TEMPORARY)
    settle(one, mine, only, Status.QUEUED, refused, retry_at_ms=T0 + 30 * SECOND)
    now = shift(one, by_ms)
    assert row(one, message).due_ms == now + 30 * SECOND


@pytest.mark.parametrize("by_ms", STEPS)
def test_evidence_keeps_its_time(one: Store, by_ms) -> None:
    mine = epoch(one)
    message = send(one, "+254700000001", now=T0 - MINUTE)
    (only,) = claim(one, mine, T0 - MINUTE)
    settle(one, mine, only, Status.UNKNOWN, unknown(only), now=T0)
    now = shift(one, by_ms)
    rules = {DEVICE: ("resend", MINUTE)}
    assert one.write(lambda c: outbox.settle_unknowns(c, now + MINUTE - SECOND, rules)) == 0
    assert one.write(lambda c: outbox.settle_unknowns(c, now + MINUTE, rules)) == 1
    assert status(one, message) is Status.QUEUED


@pytest.mark.parametrize("by_ms", STEPS)
def test_the_order_stays(one: Store, by_ms) -> None:
    before = [send(one, f"+25470000000{n}", now=T0 - MINUTE + n) for n in range(3)]
    now = shift(one, by_ms)
    after = send(one, "+254700000009", now=now + SECOND)
    assert [each.message_id for each in claim(one, epoch(one), now + SECOND)] == [*before, after]


def test_what_was_stored_after_the_step_and_before_it_was_noticed_stays(one: Store) -> None:
    for by_ms in (DAY, -DAY):
        now = T0 + by_ms
        message = send(one, "+254700000001", expires_ms=now + HOUR, now=now)
        steps.shift(one, by_ms, now + SECOND)
        assert row(one, message).expires_ms == now + HOUR


def test_a_clock_that_began_in_1970_does_not_move_what_was_stored_before(one: Store) -> None:
    message = send(one, "+254700000001", expires_ms=T0 + HOUR, now=T0)
    steps.shift(one, T0 + 2 * HOUR - 90 * SECOND, T0 + 2 * HOUR)
    assert row(one, message).expires_ms == T0 + HOUR
    assert expire(one, T0 + 2 * HOUR) == 1


@pytest.mark.parametrize("by_ms", [DAY, -DAY])
def test_long_messages_wait_for_their_parts(one: Store, by_ms) -> None:
    first, _ = long("one ", "two")
    one.write(lambda c: inbox.save(c, DEVICE, [first], T0))
    now = shift(one, by_ms)
    assert one.write(lambda c: inbox.flush_incomplete(c, {DEVICE: now - 10 * MINUTE}, now)) == []
    late = now + 10 * MINUTE + SECOND
    assert len(one.write(lambda c: inbox.flush_incomplete(c, {DEVICE: late - 10 * MINUTE}, late))) == 1


@pytest.mark.parametrize("by_ms", [DAY, -DAY, 40 * DAY])
def test_no_quota_opens(one: Store, by_ms) -> None:
    one.write(lambda c: usage.add(c, "sim", [UsageRow(T0 - HOUR, 3, 3), UsageRow(T0 - SECOND, 2, 2)]))
    now = shift(one, by_ms)
    with one.read() as c:
        assert sum(each.taken for each in usage.load(c, "sim", now - 2 * HOUR, now)) == 5
        assert sum(each.taken for each in usage.load(c, "sim", now - MINUTE, now)) >= 2


def test_a_queue_of_many_batches_moves_whole(one: Store) -> None:
    numbers = [f"+2547{n:08}" for n in range(2 * steps.BATCH + 5)]
    send(one, *numbers, expires_ms=T0 + HOUR, now=T0 - MINUTE)
    assert steps.shift(one, DAY, T0 + DAY) == len(numbers)
    assert expire(one, T0 + DAY + HOUR - 1) == 0
    assert expire(one, T0 + DAY + HOUR) == len(numbers)


def test_a_shared_database_is_left_alone(store: Store) -> None:
    message = send(store, "+254700000001", expires_ms=T0 + HOUR, now=T0 - MINUTE)
    steps.shift(store, DAY, T0 + DAY)
    assert row(store, message).expires_ms == T0 + HOUR + (DAY if store.path else 0)
