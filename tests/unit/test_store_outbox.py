import itertools

import pytest
from sqlalchemy import event, select
from store_help import AGEING, DEVICE, T0, accepted, claim, epoch, row, rows, send, settle, status, unknown

from drivers.base import Fault, Outcome
from gateway.store import connections, devices, nodes, outbox, queries, schema, usage
from gateway.store.engine import Store
from gateway.store.outbox import TRANSITIONS, UnknownRule
from gateway.store.transitions import move, move_each
from gateway.store.types import DeviceRow, NewMessage, NewTransmission, PartResult, Settlement, Status, UsageRow

MINUTE = 60_000


# --- enqueue ---------------------------------------------------------------------------------------------------------


def test_a_message_comes_back_as_it_was_stored(store: Store) -> None:
    def work(c):
        found = connections.lookup(c, DEVICE, ["+1", "CLINIC"], T0)
        new = tuple(NewTransmission(each.id, DEVICE, each.identity, DEVICE, 2, "ucs2") for each in found)
        fields = {"source": "12345", "n": [1, None], "ü": "\U0001f600"}
        more = {"priority": 5, "flash": True, "encoding": "ucs2", "on_unknown": "hold", "kind": "error"}
        return outbox.enqueue(
            c,
            NewMessage("id", "grüße \U0001f600", new, fields, "other", due_ms=T0 + 5, expires_ms=T0 + 9, **more),
            T0,
            AGEING,
        )

    stored, created = store.write(work)
    assert created
    with store.read() as c:
        assert queries.message(c, "id") == stored
    assert stored.text == "grüße \U0001f600"
    assert stored.fields == {"source": "12345", "n": [1, None], "ü": "\U0001f600"}
    assert (stored.in_response_to, stored.priority, stored.flash, stored.encoding) == ("other", 5, True, "ucs2")
    assert (stored.on_unknown, stored.kind, stored.created_ms) == ("hold", "error", T0)
    assert [each.connection.identity for each in stored.transmissions] == ["+1", "CLINIC"]
    first = stored.transmissions[0]
    assert (first.status, first.parts, first.encoding, first.due_ms, first.expires_ms) == (
        "queued",
        2,
        "ucs2",
        T0 + 5,
        T0 + 9,
    )


def test_a_thousand_recipients_keep_their_order(store: Store) -> None:
    identities = [f"+2547{n:08}" for n in range(1000, 0, -1)]
    sent = send(store, *identities)
    assert [each.connection.identity for each in rows(store, sent)] == identities


def test_the_same_key_gives_the_first_message(store: Store) -> None:
    first = send(store, "+1", "+2", key="k")
    assert send(store, "+2", "+1", key="k") == first
    with pytest.raises(outbox.KeyConflictError, match=f"{first}, with another text") as caught:
        send(store, "+1", "+2", key="k", text="other")
    assert caught.value.first_id == first
    with pytest.raises(outbox.KeyConflictError, match="other recipients"):
        send(store, "+1", key="k")
    assert send(store, "+1") != send(store, "+1")


def test_a_recipient_may_be_stored_as_failed(store: Store) -> None:
    sent = send(store, "+1", status=Status.FAILED)
    assert status(store, sent) is Status.FAILED
    assert claim(store, epoch(store)) == []


# --- order -----------------------------------------------------------------------------------------------------------


def order(store: Store, now: int, **more) -> list[str]:
    return [each.message_id for each in claim(store, epoch(store), now, **more)]


def test_first_come_first_served(store: Store) -> None:
    sent = [send(store, "+1", now=T0 + n) for n in range(5)]
    assert order(store, T0 + 10) == sent


def test_priority_goes_first_and_waiting_makes_up_for_it(store: Store) -> None:
    old = send(store, "+1", now=T0)
    urgent = send(store, "+1", now=T0 + AGEING, priority=2)
    bulk = send(store, "+1", now=T0, priority=-3)
    late = send(store, "+1", now=T0 + 4 * AGEING, priority=0)
    assert order(store, T0 + 5 * AGEING) == [urgent, old, bulk, late]


def test_what_is_due_later_waits_and_then_takes_its_place(store: Store) -> None:
    later = send(store, "+1", due_ms=T0 + 1000)
    first = send(store, "+1")
    last = send(store, "+1", now=T0 + 2000)
    with store.read() as c:
        assert outbox.next_due(c, [DEVICE]) == T0 + 1000
        assert outbox.next_due(c, ["other"]) is None
    assert store.write(lambda c: outbox.promote(c, T0 + 999)) == 0
    assert store.write(lambda c: outbox.promote(c, T0 + 1000)) == 1
    assert order(store, T0 + 2000) == [first, later, last]


def test_lanes_are_merged_by_urgency(store: Store) -> None:
    sent = [send(store, "+1", now=T0 + n, lane=lane) for n, lane in enumerate(["pool", DEVICE, "pool", "other"])]
    assert order(store, T0 + 10, lanes=(DEVICE, "pool")) == sent[:3]


def test_expired_ones_are_never_claimed(store: Store) -> None:
    gone = send(store, "+1", expires_ms=T0 + 10)
    held = send(store, "+1", expires_ms=T0 + 10)
    store.write(lambda c: outbox.hold(c, held, T0))
    assert order(store, T0 + 10) == []
    assert store.write(lambda c: outbox.expire(c, T0 + 9)) == 0
    assert store.write(lambda c: outbox.expire(c, T0 + 10)) == 2
    assert row(store, gone).error == "expired while it was queued"
    assert row(store, held).error == "expired while it was held"


# --- claim -----------------------------------------------------------------------------------------------------------


def test_a_claim_is_written_down_before_it_is_returned(store: Store) -> None:
    sent = send(store, "+1", text="hi", parts=2, fields={"source": "1"}, on_unknown="hold", priority=1)
    mine = epoch(store)
    (one,) = claim(store, mine)
    assert (one.message_id, one.identity, one.text, one.parts, one.number) == (sent, "+1", "hi", 2, 1)
    assert (one.backend, one.lane, one.on_unknown, one.fields, one.accepted) == (
        DEVICE,
        DEVICE,
        "hold",
        {"source": "1"},
        (),
    )
    assert (row(store, sent).status, row(store, sent).device) == (Status.SENDING, DEVICE)
    assert claim(store, mine) == []
    with store.read() as c:
        (attempt,) = queries.attempts(c, one.transmission)
    assert (attempt.id, attempt.device, attempt.node, attempt.started_ms, attempt.ended_ms) == (
        one.attempt,
        DEVICE,
        "pi",
        T0,
        None,
    )


def test_no_more_rows_and_parts_than_asked(store: Store) -> None:
    for parts in (2, 2, 3, 1):
        send(store, "+1", parts=parts)
    mine = epoch(store)
    assert [each.parts for each in claim(store, mine, max_parts=4)] == [2, 2]
    assert claim(store, mine, max_parts=2) == [], "a small one doesn't pass a long one by"
    assert claim(store, mine, max_parts=0) == []
    assert [each.parts for each in claim(store, mine, max_rows=1, max_parts=10)] == [3]


def test_what_is_longer_than_the_whole_limit_goes_part_by_part(store: Store) -> None:
    send(store, "+1", parts=12)
    send(store, "+1")
    mine = epoch(store)
    assert claim(store, mine, max_parts=9, whole_parts=20) == []
    assert [each.parts for each in claim(store, mine, max_parts=1, whole_parts=10)] == [12]


def test_references_count_up_for_each_number(store: Store) -> None:
    for _ in range(3):
        send(store, "+1", "+2", parts=2)
    send(store, "+1")
    found = {}
    for each in claim(store, epoch(store)):
        found.setdefault((each.identity, each.parts), []).append(each.reference)
    assert found.pop(("+1", 1)) == [0]
    for references in found.values():
        assert [(after - before) % 65536 for before, after in itertools.pairwise(references)] == [1, 1]


def test_claim_and_settle_of_200_cost_a_handful_of_statements(store: Store) -> None:
    send(store, *[f"+{n}" for n in range(1000, 1100)], parts=2)
    send(store, *[f"+{n}" for n in range(1000, 1100)])
    mine = epoch(store)
    statements = []
    event.listen(store._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    got = claim(store, mine)
    assert len(got) == 200
    assert len(statements) <= 9, statements
    statements.clear()
    results = [accepted(each, n, f"r{each.attempt}-{n}") for each in got for n in range(1, each.parts + 1)]
    settlements = [Settlement(each.attempt, each.transmission, Status.SENT) for each in got]
    assert store.write(lambda c: outbox.settle(c, mine, results, settlements, T0)) == 0
    assert len(statements) <= 10, statements


# --- settle ----------------------------------------------------------------------------------------------------------


def test_sent_and_failed(store: Store) -> None:
    good, bad = send(store, "+1"), send(store, "+2")
    mine = epoch(store)
    one, two = claim(store, mine)
    settle(store, mine, one, Status.SENT, accepted(one, 1, "17", sim="8988", left_ms=T0 + 1), now=T0 + 5)
    refused = PartResult(two.attempt, 1, Outcome.REFUSED, fault=Fault.MESSAGE, code=21, reason="barred")
    settle(store, mine, two, Status.FAILED, refused, now=T0 + 5, error="barred")
    assert (row(store, good).status, row(store, good).sent_ms, row(store, good).error) == ("sent", T0 + 5, None)
    assert (row(store, bad).status, row(store, bad).error, row(store, bad).attempts) == ("failed", "barred", 1)
    with store.read() as c:
        (attempt,) = queries.attempts(c, two.transmission)
    assert (attempt.outcome, attempt.error, attempt.ended_ms) == ("failed", "barred", T0 + 5)
    assert (attempt.parts[0].outcome, attempt.parts[0].code, attempt.parts[0].reason) == ("refused", 21, "barred")


def test_a_retry_waits_behind_and_counts(store: Store) -> None:
    again, other = send(store, "+1"), send(store, "+2", now=T0 + 1)
    mine = epoch(store)
    one, *_ = claim(store, mine, T0, max_rows=1)
    settle(store, mine, one, Status.QUEUED, error="busy", retry_at_ms=T0 + 30_000)
    assert (row(store, again).error, row(store, again).due_ms, row(store, again).attempts) == ("busy", T0 + 30_000, 1)
    assert [each.message_id for each in claim(store, mine, T0 + 29_999)] == [other]
    store.write(lambda c: outbox.promote(c, T0 + 30_000))
    (two,) = claim(store, mine, T0 + 30_000)
    assert (two.message_id, two.number) == (again, 2)


def test_what_never_left_keeps_its_place_and_counts_nothing(store: Store) -> None:
    first, second = send(store, "+1"), send(store, "+2", now=T0 + 1)
    mine = epoch(store)
    one, _ = claim(store, mine, T0 + 2)
    settle(store, mine, one, Status.QUEUED, counted=False, front=True)
    third = send(store, "+3", now=T0 + 3)
    (again, other) = claim(store, mine, T0 + 4)
    assert (again.message_id, again.number, other.message_id) == (first, 1, third)
    assert status(store, second) is Status.SENDING


def test_parts_that_were_accepted_do_not_go_again(store: Store) -> None:
    send(store, "+1", parts=3)
    mine = epoch(store)
    (one,) = claim(store, mine)
    busy = PartResult(one.attempt, 2, Outcome.REFUSED, fault=Fault.TEMPORARY)
    settle(store, mine, one, Status.QUEUED, accepted(one, 1), busy, PartResult(one.attempt, 3, Outcome.NOT_SENT))
    (two,) = claim(store, mine)
    assert (two.accepted, two.reference, two.number) == ((1,), one.reference, 2)
    settle(store, mine, two, Status.QUEUED, accepted(two, 2), PartResult(two.attempt, 3, Outcome.NOT_SENT))
    (three,) = claim(store, mine)
    assert (three.accepted, three.reference) == ((1, 2), one.reference)
    settle(store, mine, three, Status.QUEUED, PartResult(three.attempt, 3, Outcome.NOT_SENT))
    (other,) = claim(store, mine, device="acme")
    assert other.accepted == (), "another number's parts would not be joined"
    assert other.reference != one.reference


def test_another_owner_is_refused(store: Store) -> None:
    sent = send(store, "+1")
    old = epoch(store)
    (one,) = claim(store, old)
    new = epoch(store)
    assert settle(store, new, one, Status.SENT, accepted(one)) == 1
    assert store.write(lambda c: outbox.recover(c, new, T0)) == {DEVICE: 1}
    assert settle(store, old, one, Status.FAILED, unknown(one)) == 1
    assert status(store, sent) is Status.UNKNOWN


def test_settling_twice_is_refused(store: Store) -> None:
    sent = send(store, "+1")
    mine = epoch(store)
    (one,) = claim(store, mine)
    assert settle(store, mine, one, Status.SENT, accepted(one)) == 0
    assert settle(store, mine, one, Status.FAILED, accepted(one)) == 1
    assert status(store, sent) is Status.SENT


def test_what_may_have_left_at_a_crash_counts_for_the_sim(store: Store) -> None:
    send(store, "+1", "+2", parts=2)
    old = epoch(store)
    seen = DeviceRow(DEVICE, "modem", "at", "pi", "up", "", False, imsi="639021", iccid="8925401")
    store.write(lambda c: devices.update(c, seen, T0))
    claim(store, old)
    mine = epoch(store)
    store.write(lambda c: outbox.recover(c, mine, T0 + 5))
    with store.read() as c:
        assert usage.load(c, DEVICE, 0, T0 + 5) == []
        assert usage.load(c, "8925401", 0, T0 + 5) == [UsageRow(T0 + 5, 4, 4)]
        assert usage.recipients(c, "8925401", 0, T0 + 5) == {"+1": T0 + 5, "+2": T0 + 5}


# --- unknown ---------------------------------------------------------------------------------------------------------


def in_doubt(store: Store, mine: int, parts: int = 1, **more):
    sent = send(store, "+1", parts=parts, **more)
    (one,) = claim(store, mine)
    results = [unknown(one, index) for index in range(1, parts + 1)]
    settle(store, mine, one, Status.UNKNOWN, *results, error="no answer came")
    return sent, one


def settle_unknowns(store: Store, now: int, rule=("resend", MINUTE)) -> int:
    return store.write(lambda c: outbox.settle_unknowns(c, now, {DEVICE: rule}))


def test_a_crash_makes_unknown_never_queued(store: Store) -> None:
    sent = send(store, "+1", "+2", parts=2)
    old = epoch(store)
    claim(store, old)
    mine = epoch(store)
    assert store.write(lambda c: outbox.recover(c, mine, T0 + 5)) == {DEVICE: 4}
    assert {each.status for each in rows(store, sent)} == {Status.UNKNOWN}
    assert store.write(lambda c: outbox.recover(c, mine, T0 + 5)) == {}
    with store.read() as c:
        (attempt,) = queries.attempts(c, rows(store, sent)[0].id)
    assert [part.outcome for part in attempt.parts] == ["unknown", "unknown"]


def test_resend_after_evidence_had_its_time(store: Store) -> None:
    mine = epoch(store)
    sent, _ = in_doubt(store, mine)
    assert settle_unknowns(store, T0 + MINUTE - 1) == 0
    assert settle_unknowns(store, T0 + MINUTE) == 1
    assert (row(store, sent).status, row(store, sent).possible_duplicate) == (Status.QUEUED, True)
    (two,) = claim(store, mine, T0 + MINUTE)
    assert two.number == 2
    settle(store, mine, two, Status.SENT, accepted(two))
    assert row(store, sent).possible_duplicate


def test_only_what_is_in_doubt_goes_again(store: Store) -> None:
    mine = epoch(store)
    send(store, "+1", parts=3)
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.UNKNOWN, accepted(one, 1), unknown(one, 2), accepted(one, 3))
    settle_unknowns(store, T0 + MINUTE)
    (two,) = claim(store, mine, T0 + MINUTE)
    assert (two.accepted, two.reference) == ((1, 3), one.reference)


@pytest.mark.parametrize(
    ("rule", "more", "why"),
    [
        (("hold", MINUTE), {}, "on_unknown = hold"),
        (("resend", MINUTE), {"on_unknown": "hold"}, "on_unknown = hold"),
        (("resend", MINUTE), {"expires_ms": T0 + 1000}, "its time is over"),
        (UnknownRule("resend", MINUTE, attempts=1), {}, "no answer came in 1 attempts"),
    ],
)
def test_left_to_a_person(store: Store, rule, more, why: str) -> None:
    mine = epoch(store)
    sent, _ = in_doubt(store, mine, **more)
    for now in (T0 + MINUTE, T0 + 2 * MINUTE):
        assert settle_unknowns(store, now, rule) == 0
        assert status(store, sent) is Status.UNKNOWN
        assert why in (row(store, sent).error or "")
    assert store.write(lambda c: outbox.resend(c, sent, T0)).count == 1
    assert (row(store, sent).status, row(store, sent).possible_duplicate) == (Status.QUEUED, True)


def test_the_message_overrules_the_device(store: Store) -> None:
    mine = epoch(store)
    sent, _ = in_doubt(store, mine, on_unknown="resend")
    assert settle_unknowns(store, T0 + MINUTE, ("hold", MINUTE)) == 1
    assert status(store, sent) is Status.QUEUED


def test_a_clock_that_fell_back_starts_the_wait_again(store: Store) -> None:
    mine = epoch(store)
    in_doubt(store, mine)
    past = T0 - 86_400_000
    assert settle_unknowns(store, past) == 0
    assert settle_unknowns(store, past + MINUTE - 1) == 0
    assert settle_unknowns(store, past + MINUTE) == 1


def test_a_late_answer_settles_unknown(store: Store) -> None:
    mine = epoch(store)
    sent, one = in_doubt(store, mine, parts=2)
    assert store.write(lambda c: outbox.late(c, accepted(one, 1, "5"), T0 + 1)) is None
    assert store.write(lambda c: outbox.late(c, accepted(one, 2, "6"), T0 + 2)) is Status.SENT
    assert (status(store, sent), row(store, sent).sent_ms, row(store, sent).error) == (Status.SENT, T0 + 2, None)


def test_a_late_answer_stops_a_resend(store: Store) -> None:
    mine = epoch(store)
    sent, one = in_doubt(store, mine)
    settle_unknowns(store, T0 + MINUTE)
    assert store.write(lambda c: outbox.late(c, accepted(one), T0 + MINUTE)) is Status.SENT
    assert claim(store, mine, T0 + MINUTE) == []
    assert status(store, sent) is Status.SENT


def test_a_late_refusal_fails_or_queues(store: Store) -> None:
    mine = epoch(store)
    barred, one = in_doubt(store, mine)
    busy, two = in_doubt(store, mine)

    def late(attempt, fault):
        result = PartResult(attempt, 1, Outcome.REFUSED, fault=fault, reason="because")
        return store.write(lambda c: outbox.late(c, result, T0 + 1))

    assert late(one.attempt, Fault.MESSAGE) is Status.FAILED
    assert late(two.attempt, Fault.TEMPORARY) is Status.QUEUED
    assert (row(store, barred).error, row(store, busy).possible_duplicate) == ("because", False)
    assert late(10_000, Fault.MESSAGE) is None


# --- verbs -----------------------------------------------------------------------------------------------------------


def bring(store: Store, mine: int, to: Status) -> str:
    """A message in that status."""
    if to in {Status.SENDING, Status.SENT, Status.FAILED, Status.UNKNOWN, Status.DELIVERED}:
        sent = send(store, "+1")
        (one,) = claim(store, mine)
        if to is not Status.SENDING:
            settle(store, mine, one, Status.SENT if to is Status.DELIVERED else to, accepted(one))
        if to is Status.DELIVERED:
            store.write(lambda c: move_each(c, Status.SENT, to, [{"id": one.transmission}]))
        return sent
    sent = send(store, "+1", expires_ms=T0 + 10_000 if to is Status.EXPIRED else None)
    if to is Status.EXPIRED:
        store.write(lambda c: outbox.expire(c, T0 + 10_000))
    if to is Status.HELD:
        store.write(lambda c: outbox.hold(c, sent, T0))
    if to is Status.CANCELLED:
        store.write(lambda c: outbox.cancel(c, sent, T0))
    return sent


VERBS = {
    "cancel": (outbox.cancel, Status.CANCELLED, {Status.QUEUED, Status.HELD}),
    "hold": (outbox.hold, Status.HELD, {Status.QUEUED}),
    "release": (outbox.release, Status.QUEUED, {Status.HELD}),
    "resend": (outbox.resend, Status.QUEUED, {Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.UNKNOWN}),
}
OUTGOING = set(Status) - {Status.RECEIVED, Status.HANDLED}


def test_every_verb_in_every_status(store: Store) -> None:
    mine = epoch(store)
    for (verb, to, allowed), before in itertools.product(VERBS.values(), sorted(OUTGOING)):
        sent = bring(store, mine, before)
        assert status(store, sent) is before
        changed = store.write(lambda c, verb=verb, sent=sent: verb(c, sent, T0 + 20_000))
        claim(store, mine) if status(store, sent) is Status.QUEUED and before is not Status.QUEUED else None
        if before in allowed:
            assert (changed.count, changed.refused) == (1, [])
        else:
            assert changed.count == 0
            assert status(store, sent) is before
            assert (changed.refused == []) == (before is to), "what is so already is no mistake"
        store.write(lambda c: [move(c, Status.QUEUED, Status.CANCELLED, schema.transmission.c.id > 0)])


def test_resend_starts_afresh(store: Store) -> None:
    mine = epoch(store)
    sent = bring(store, mine, Status.EXPIRED)
    store.write(lambda c: outbox.resend(c, sent, T0 + 20_000))
    found = row(store, sent)
    assert (found.status, found.expires_ms, found.attempts, found.error) == (Status.QUEUED, None, 0, None)
    assert not found.possible_duplicate


def test_a_verb_for_no_message(store: Store) -> None:
    assert not store.write(lambda c: outbox.cancel(c, "none", T0)).known


def test_release_keeps_the_due_time(store: Store) -> None:
    sent = send(store, "+1", due_ms=T0 + MINUTE)
    store.write(lambda c: outbox.hold(c, sent, T0))
    store.write(lambda c: outbox.release(c, sent, T0 + 1))
    assert claim(store, epoch(store), T0 + 2) == []
    store.write(lambda c: outbox.promote(c, T0 + MINUTE))
    assert len(claim(store, epoch(store), T0 + MINUTE)) == 1


def test_the_table_is_enforced(store: Store) -> None:
    sent = send(store, "+1")
    wanted = row(store, sent).id
    for before, to in itertools.product(Status, Status):
        if to not in TRANSITIONS[before]:
            with pytest.raises(ValueError, match=f"is {before} can't become {to}"):
                store.write(lambda c, before=before, to=to: move_each(c, before, to, [{"id": wanted}]))
    assert store.write(lambda c: move_each(c, Status.HELD, Status.QUEUED, [{"id": wanted}])) == 0
    assert status(store, sent) is Status.QUEUED


def test_counts(store: Store) -> None:
    mine = epoch(store)
    send(store, "+1", "+2", "+3")
    claim(store, mine, max_rows=1)
    with store.read() as c:
        assert outbox.counts(c) == {(DEVICE, Status.QUEUED): 2, (DEVICE, Status.SENDING): 1}


# --- several owners --------------------------------------------------------------------------------------------------


def test_claims_of_two_nodes_never_overlap(store: Store) -> None:
    send(store, *[f"+{n}" for n in range(50)])
    one, two = epoch(store, "pi-1"), epoch(store, "pi-2")
    got = [
        claim(store, one, max_rows=10),
        claim(store, two, max_rows=10, device="acme"),
        claim(store, one, max_rows=50),
    ]
    ids = [each.transmission for some in got for each in some]
    assert len(ids) == len(set(ids)) == 50


def test_the_process_that_asks_is_alive_whatever_its_leases_say(store: Store) -> None:
    sent = send(store, "+1")
    old = store.write(lambda c: nodes.start(c, "pi-1", "service", 0, T0))
    (one,) = claim(store, old)
    router = epoch(store, "pi-2")
    assert store.write(lambda c: nodes.dead(c, router, T0)) == []
    assert settle(store, old, one, Status.SENT, accepted(one)) == 0
    assert status(store, sent) is Status.SENT


def test_the_work_of_a_node_whose_lease_ran_out_is_taken_over(store: Store) -> None:
    sent = send(store, "+1")
    old, new = epoch(store, "pi-1"), epoch(store, "pi-2")
    (one,) = claim(store, old)
    with store.read() as c:
        up = c.scalar(select(schema.node.c.lease_until_up_ms).where(schema.node.c.epoch == old))
    assert store.write(lambda c: nodes.dead(c, new, T0, up - 1)) == []
    assert store.write(lambda c: nodes.dead(c, new, T0, up)) == [old]
    assert store.write(lambda c: outbox.recover(c, new, T0)) == {DEVICE: 1}
    assert not store.write(lambda c: nodes.renew(c, old, T0)), "it learns that it was given up"
    assert settle(store, old, one, Status.FAILED, unknown(one)) == 1
    assert status(store, sent) is Status.UNKNOWN
