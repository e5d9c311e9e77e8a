"""The gate that every message passes on its way out: opt-outs, quiet hours, limits of backends and senders."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_help import T0, accepted, claim, epoch, row, send, settle, status

from gateway import config
from gateway.limits import Rate
from gateway.store import nodes, optouts, outbox, usage
from gateway.store.gate import CONFIRMATION, OPTED_OUT, Ceiling, Gate
from gateway.store.types import Status, UsageRow

LONDON, NAIROBI = "+442079460000", "+254700000001"


def gate(**tables):
    modems = {name: {"port": "virtual"} for name in ("mtn", "air")}
    return Gate(config.from_mapping({"modem": modems, **tables}))


def wall(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_who_opted_out_gets_nothing_that_was_queued_before_and_a_confirmation(store):
    mine = epoch(store)
    queued, other = send(store, NAIROBI), send(store, "+254700000002")
    store.write(lambda c: optouts.add(c, NAIROBI, "m", T0))
    answer = send(store, NAIROBI, kind=CONFIRMATION)
    assert [each.message_id for each in claim(store, mine, T0 + 1)] == [other, answer]
    assert (row(store, queued).status, row(store, queued).error) == (Status.CANCELLED, OPTED_OUT)
    store.write(lambda c: outbox.resend(c, queued, T0 + 2))
    assert claim(store, mine, T0 + 3) == []
    assert status(store, queued) is Status.CANCELLED


def test_a_claim_looks_behind_those_it_may_not_give_out(store):
    mine = epoch(store)
    for number in range(5):
        store.write(lambda c, number=number: optouts.add(c, f"+25470000000{number}", "m", T0))
        send(store, f"+25470000000{number}")
    good = send(store, "+254700000009")
    assert [each.message_id for each in claim(store, mine, max_rows=2)] == [good]


@pytest.mark.parametrize(
    ("number", "now", "until"),
    [
        (NAIROBI, "2026-07-01T17:59", None),
        (NAIROBI, "2026-07-01T18:00", "2026-07-02T04:00"),
        (LONDON, "2026-07-01T18:00", None),
        (LONDON, "2026-07-01T20:30", "2026-07-02T06:00"),
    ],
)
def test_quiet_hours_are_those_of_the_recipient(store, number, now, until):
    mine, now = epoch(store), wall(now)
    message = send(store, number, now=now)
    rules = gate(gateway={"quiet": "21:00-07:00"})
    assert len(claim(store, mine, now, gate=rules)) == (until is None)
    if until is not None:
        assert row(store, message).due_ms == wall(until)
        store.write(lambda c: outbox.promote(c, wall(until) - 1))
        assert claim(store, mine, wall(until) - 1, gate=rules) == []
        store.write(lambda c: outbox.promote(c, wall(until)))
        assert len(claim(store, mine, wall(until), gate=rules)) == 1


def test_what_is_urgent_does_not_wait_and_a_backend_may_have_hours_of_its_own(store):
    mine, night = epoch(store), wall("2026-07-01T22:00")
    urgent, calm = send(store, NAIROBI, now=night, priority=50), send(store, NAIROBI, now=night, priority=49)
    rules = gate(gateway={"quiet": "21:00-07:00"})
    assert [each.message_id for each in claim(store, mine, night, gate=rules)] == [urgent]
    assert status(store, calm) is Status.QUEUED
    own = gate(modem={"mtn": {"port": "virtual", "quiet": "03:00-04:00"}}, gateway={"quiet": "21:00-07:00"})
    assert own.quiet_until("mtn", NAIROBI, 0, night) is None
    pool = gate(backend={"both": {"devices": ["mtn", "air"], "quiet": "00:00-12:00"}})
    assert pool.quiet_until("both@air", NAIROBI, 0, wall("2026-07-01T05:00")) == wall("2026-07-01T09:00")
    assert pool.quiet_until("mtn", NAIROBI, 0, wall("2026-07-01T05:00")) is None


def use(store, subject, at, parts=1):
    store.write(lambda c: usage.add(c, subject, [UsageRow(at, parts, parts)]))


def test_a_limit_of_a_pool_holds_for_all_of_its_devices_together(store):
    mine = epoch(store)
    rules = gate(backend={"both": {"devices": ["mtn", "air"], "rate": "3/minute"}})
    for _ in range(5):
        send(store, NAIROBI, lane="both")
    first = claim(store, mine, lanes=["both"], device="mtn", max_rows=2, gate=rules)
    second = claim(store, mine, lanes=["both"], device="air", max_rows=2, gate=rules)
    assert (len(first), len(second)) == (2, 1), "what is with a device counts"
    settle(store, mine, first[0], Status.SENT, accepted(first[0]))
    use(store, "backend both", T0)
    again = store.write(lambda c: outbox.claim(c, outbox.ClaimRequest("air", ("both",), mine, gate=rules), T0 + 1000))
    assert (list(again), again.again_ms) == ([], T0 + 60_000)


def test_a_full_pool_holds_up_no_other_backend_of_the_device(store):
    mine = epoch(store)
    rules = gate(backend={"both": {"devices": ["mtn", "air"], "quota": ["1/day"]}})
    use(store, "backend both", T0)
    send(store, NAIROBI, lane="both")
    own = send(store, NAIROBI, lane="mtn", now=T0 + 5)
    assert [each.message_id for each in claim(store, mine, T0 + 10, lanes=["mtn", "both"], gate=rules)] == [own]


def test_a_sender_has_its_limit_wherever_its_messages_leave_and_others_pass(store):
    mine = epoch(store)
    rules = gate(source={"12345": {"rate": "2/minute"}})
    mine_all = [send(store, NAIROBI, fields={"source": "12345"}) for _ in range(5)]
    other = send(store, NAIROBI)
    given_out = [each.message_id for each in claim(store, mine, gate=rules)]
    assert given_out == [*mine_all[:2], other]
    dues = [row(store, each).due_ms for each in mine_all[2:]]
    assert dues[0] > T0
    assert dues == sorted(dues)
    assert dues[2] - dues[0] >= 60_000, "each stands in line for its own turn"


def test_the_sender_of_an_account_counts_where_the_message_names_none(store):
    account = {"acme": {"host": "virtual", "source": "777"}}
    rules = Gate(config.from_mapping({"smpp": account, "source": {"777": {"rate": "1/minute"}}}))
    assert rules.subjects("acme", {}, "acme") == ("source 777",)
    assert rules.subjects("acme", {"source": "888"}, "acme") == ()


def test_what_a_dead_gateway_had_counts_for_its_backend(store):
    rules = gate(backend={"both": {"devices": ["mtn", "air"], "rate": "1/hour"}})
    dead = epoch(store)
    send(store, NAIROBI, lane="both"), send(store, NAIROBI, lane="both")
    assert len(claim(store, dead, lanes=["both"], gate=rules)) == 1
    later = T0 + 100_000
    alive = store.write(lambda c: nodes.start(c, "pi", "service", 30_000, later))
    store.write(lambda c: outbox.recover(c, alive, later, rules))
    assert claim(store, alive, later + 1, lanes=["both"], gate=rules) == []


def test_new_recipients_wait_and_known_ones_pass(store):
    mine = epoch(store)
    for number in range(4):
        send(store, f"+25470000000{number}")
    known = send(store, "+254700000009")
    first = claim(store, mine, recipients=(2, frozenset({"+254700000009"})))
    assert [each.identity[-1] for each in first] == ["0", "1", "9"]
    assert claim(store, mine, recipients=(0, frozenset({"+254700000009"}))) == []
    again = send(store, "+254700000009")
    assert [each.message_id for each in claim(store, mine, recipients=(0, frozenset({"+254700000009"})))] == [again]
    assert status(store, known) is Status.SENDING


def test_recipients_are_kept_for_the_sim_and_a_clock_that_fell_back_forgets_none(store):
    store.write(lambda c: usage.add_recipients(c, "sim", {"a": T0, "b": T0 + 5}))
    store.write(lambda c: usage.add_recipients(c, "sim", {"b": T0 + 1}))
    with store.read() as c:
        assert usage.recipients(c, "sim", T0 - 1, T0 + 9) == {"a": T0, "b": T0 + 5}
        assert usage.recipients(c, "sim", T0 - 90_000, T0 - 80_000) == {"a": T0 - 80_000, "b": T0 - 80_000}
        assert usage.recipients(c, "other", 0, T0) == {}


@settings(max_examples=50)
@given(st.integers(1, 5), st.lists(st.integers(1, 3), max_size=30))
def test_in_line_everybody_has_a_turn_and_no_period_holds_too_many(count, sizes):
    ceiling, turns = Ceiling([Rate(count, 60.0)], [], 1000.0), []
    for size in sizes:
        if ceiling.take(size):
            turns += [1000.0] * size
        else:
            turns += [ceiling.wait(size)] * size
    assert turns == sorted(turns)
    for start in turns:
        assert sum(start <= turn < start + 60.0 for turn in turns) <= count + 2, "a long message goes whole"
