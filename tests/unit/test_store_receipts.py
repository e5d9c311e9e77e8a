import random

import pytest
from store_help import DEVICE, T0, accepted, claim, epoch, receipt, row, send, sent, settle, status, unknown

from drivers.base import Outcome, Receipt, ReceiptStatus
from gateway.store import outbox, queries, receipts
from gateway.store.engine import Store
from gateway.store.types import PartResult, Settlement, Status

HOUR = 3_600_000


def save(store: Store, *given: Receipt, device: str = DEVICE, now: int = T0 + 1000) -> list[int]:
    return store.write(lambda c: receipts.save(c, device, given, now)).changed


def test_delivered(store: Store) -> None:
    message = sent(store, epoch(store), "17")
    assert save(store, receipt("17", code="0")) == [row(store, message).id]
    assert (row(store, message).status, row(store, message).delivered_ms) == (Status.DELIVERED, T0 + 1000)
    with store.read() as c:
        (found,) = queries.receipts(c, row(store, message).id)
    assert (found.status, found.reference, found.code, found.number) == ("delivered", "17", "0", "254700000001")


def test_undelivered_fails_with_the_reason(store: Store) -> None:
    message = sent(store, epoch(store), "17")
    save(store, receipt("17", ReceiptStatus.FAILED, reason="the phone was off for too long"))
    assert (status(store, message), row(store, message).error) == (Status.FAILED, "the phone was off for too long")


def test_pending_changes_nothing_and_a_later_one_does(store: Store) -> None:
    message = sent(store, epoch(store), "17")
    assert save(store, receipt("17", ReceiptStatus.PENDING)) == []
    assert status(store, message) is Status.SENT
    assert len(save(store, receipt("17"))) == 1


def test_pending_and_delivered_in_one_batch(store: Store) -> None:
    message = sent(store, epoch(store), "17")
    save(store, receipt("17", ReceiptStatus.PENDING), receipt("17"))
    assert status(store, message) is Status.DELIVERED


def test_a_duplicate_changes_nothing(store: Store) -> None:
    mine = epoch(store)
    older, message = sent(store, mine, "17"), sent(store, mine, "17")
    once = receipt("17", network_time="2027-01-15T08:00:00+03:00")
    assert len(save(store, once)) == 1
    assert save(store, once, once) == []
    assert (status(store, older), status(store, message)) == (Status.SENT, Status.DELIVERED)
    with store.read() as c:
        assert len(queries.receipts(c, row(store, message).id)) == 1


def test_a_final_receipt_stays(store: Store) -> None:
    message = sent(store, epoch(store), "acme-1")
    save(store, receipt("acme-1"))
    assert save(store, receipt("acme-1", ReceiptStatus.FAILED)) == []
    assert status(store, message) is Status.DELIVERED


def test_all_parts_must_arrive(store: Store) -> None:
    message = send(store, "+254700000001", parts=2)
    mine = epoch(store)
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.SENT, accepted(one, 1, "1"), accepted(one, 2, "2"))
    assert save(store, receipt("2")) == []
    assert status(store, message) is Status.SENT
    save(store, receipt("1"))
    assert status(store, message) is Status.DELIVERED


def test_parts_of_two_attempts_complete_each_other(store: Store) -> None:
    message = send(store, "+254700000001", parts=2)
    mine = epoch(store)
    (one,) = claim(store, mine)
    not_sent = PartResult(one.attempt, 2, Outcome.NOT_SENT)
    settle(store, mine, one, Status.QUEUED, accepted(one, 1, "1"), not_sent, counted=False, front=True)
    save(store, receipt("1"))
    assert status(store, message) is Status.QUEUED
    (two,) = claim(store, mine)
    settle(store, mine, two, Status.SENT, accepted(two, 2, "2"))
    assert status(store, message) is Status.SENT
    save(store, receipt("2"))
    assert status(store, message) is Status.DELIVERED


# --- references ------------------------------------------------------------------------------------------------------


def test_a_modems_reference_returns_and_the_newest_unfinished_wins(store: Store) -> None:
    mine = epoch(store)
    old = sent(store, mine, "17")
    other = sent(store, mine, "17", number="+254700000002")
    new = sent(store, mine, "17")
    save(store, receipt("17"))
    assert [status(store, each) for each in (old, other, new)] == [Status.SENT, Status.SENT, Status.DELIVERED]
    save(store, receipt("17"))
    assert status(store, old) is Status.DELIVERED
    save(store, receipt("17", number="0700000002"))
    assert status(store, other) is Status.DELIVERED


def test_300_in_flight_and_shuffled_reports(store: Store) -> None:
    mine = epoch(store)
    numbers = [f"+2547{n:08}" for n in range(300)]
    message = send(store, *numbers)
    got = claim(store, mine, max_rows=300)
    results = [accepted(each, 1, str(n % 256)) for n, each in enumerate(got)]
    settlements = [Settlement(each.attempt, each.transmission, Status.SENT) for each in got]
    store.write(lambda c: outbox.settle(c, mine, results, settlements, T0))
    reports = [receipt(str(n % 256), number=number.lstrip("+")) for n, number in enumerate(numbers)]
    random.Random(5).shuffle(reports)
    assert len(save(store, *reports)) == 300
    with store.read() as c:
        assert {each.status for each in queries.message(c, message).transmissions} == {Status.DELIVERED}


def test_a_number_is_known_however_it_is_written(store: Store) -> None:
    message = sent(store, epoch(store), "17", number="+254700000001")
    save(store, receipt("17", number="0700 000 001"))
    assert status(store, message) is Status.DELIVERED


def test_other_devices_references_are_theirs(store: Store) -> None:
    message = sent(store, epoch(store), "17")
    assert save(store, receipt("17"), device="acme") == []
    assert status(store, message) is Status.SENT


def test_a_sim_keeps_its_references_in_another_modem(store: Store) -> None:
    mine = epoch(store)
    message = sent(store, mine, "17", sim="sim-a")
    assert save(store, receipt("17", sim="sim-b"), device=DEVICE) == []
    assert len(save(store, receipt("17", sim="sim-a"), device="other")) == 1
    assert status(store, message) is Status.DELIVERED


def test_a_carriers_name_may_have_two_forms(store: Store) -> None:
    message = sent(store, epoch(store), "0913121205", number="+254700000001")
    save(store, Receipt("k", ("152244741", "0913121205"), ReceiptStatus.DELIVERED, number="12345"))
    assert status(store, message) is Status.DELIVERED


# --- before the result -----------------------------------------------------------------------------------------------


def test_a_receipt_before_the_answer_is_kept_for_it(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001", now=T0)
    (one,) = claim(store, mine, T0)
    assert save(store, receipt("17"), now=T0 + 10) == []
    settle(store, mine, one, Status.SENT, accepted(one, 1, "17"), now=T0 + 20)
    assert status(store, message) is Status.DELIVERED


def test_a_receipt_of_before_the_attempt_is_not_for_it(store: Store) -> None:
    mine = epoch(store)
    save(store, receipt("17"), now=T0 - HOUR)
    message = sent(store, mine, "17")
    assert status(store, message) is Status.SENT
    assert store.write(lambda c: receipts.forget_parked(c, T0)) == 1


def test_parts_that_arrive_before_the_attempt_is_settled(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001", parts=2)
    (one,) = claim(store, mine)
    store.write(lambda c: outbox.settle(c, mine, [accepted(one, 1, "1")], [], T0))
    save(store, receipt("1"), receipt("2"))
    settle(store, mine, one, Status.SENT, accepted(one, 2, "2"))
    assert status(store, message) is Status.DELIVERED


# --- evidence for what is unknown ------------------------------------------------------------------------------------


def crashed(store: Store, *identities: str, parts: int = 1) -> tuple[int, list[str]]:
    """Messages that were with the device when the gateway died; the epoch of the next one."""
    messages = [send(store, each, parts=parts) for each in identities]
    claim(store, epoch(store))
    mine = epoch(store)
    store.write(lambda c: outbox.recover(c, mine, T0))
    return mine, messages


def test_without_a_reference_number_and_time_decide(store: Store) -> None:
    _, (message, other) = crashed(store, "+254700000001", "+254700000002")
    save(store, receipt("99"))
    assert (status(store, message), status(store, other)) == (Status.DELIVERED, Status.UNKNOWN)


def test_only_if_one_transmission_fits(store: Store) -> None:
    _, messages = crashed(store, "+254700000001", "+254700000001")
    assert save(store, receipt("99")) == []
    assert {status(store, each) for each in messages} == {Status.UNKNOWN}


def test_not_when_one_to_the_same_number_is_under_way(store: Store) -> None:
    mine, (message,) = crashed(store, "+254700000001")
    under_way = send(store, "+254700000001")
    (one,) = claim(store, mine)
    assert save(store, receipt("99")) == []
    settle(store, mine, one, Status.SENT, accepted(one, 1, "99"), now=T0 + 2000)
    assert (status(store, message), status(store, under_way)) == (Status.UNKNOWN, Status.DELIVERED)


def test_one_that_was_sent_again_still_counts_with_its_first_attempt(store: Store) -> None:
    mine, (again,) = crashed(store, "+254700000001")
    store.write(lambda c: outbox.settle_unknowns(c, T0, {DEVICE: ("resend", 0)}))
    (one,) = claim(store, mine, T0)
    settle(store, mine, one, Status.SENT, accepted(one, 1, "100"))
    never_left = send(store, "+254700000001")
    (two,) = claim(store, mine, T0)
    settle(store, mine, two, Status.UNKNOWN, unknown(two))
    save(store, receipt("99"))
    assert (status(store, again), status(store, never_left)) == (Status.SENT, Status.UNKNOWN)


def test_one_copy_that_failed_leaves_the_other_its_chance(store: Store) -> None:
    mine, (again,) = crashed(store, "+254700000001")
    store.write(lambda c: outbox.settle_unknowns(c, T0, {DEVICE: ("resend", 0)}))
    (one,) = claim(store, mine, T0)
    settle(store, mine, one, Status.SENT, accepted(one, 1, "100"))
    save(store, receipt("99", ReceiptStatus.FAILED, reason="no such number"))
    assert status(store, again) is Status.SENT
    save(store, receipt("100"))
    assert status(store, again) is Status.DELIVERED


def test_two_copies_that_failed_are_a_failure(store: Store) -> None:
    mine, (again,) = crashed(store, "+254700000001")
    store.write(lambda c: outbox.settle_unknowns(c, T0, {DEVICE: ("resend", 0)}))
    (one,) = claim(store, mine, T0)
    settle(store, mine, one, Status.SENT, accepted(one, 1, "100"))
    save(store, receipt("100", ReceiptStatus.FAILED, reason="no such number"))
    assert status(store, again) is Status.FAILED


def test_not_after_too_long(store: Store) -> None:
    _, (message,) = crashed(store, "+254700000001")
    assert save(store, receipt("99"), now=T0 + receipts.MEMORY_MS + 1) == []
    assert status(store, message) is Status.UNKNOWN


def test_every_part_in_doubt_needs_its_own_receipt(store: Store) -> None:
    _, (message,) = crashed(store, "+254700000001", parts=2)
    save(store, receipt("98"))
    assert status(store, message) is Status.UNKNOWN
    save(store, receipt("99"))
    assert status(store, message) is Status.DELIVERED


def test_a_receipt_stops_a_resend(store: Store) -> None:
    mine, (message,) = crashed(store, "+254700000001")
    store.write(lambda c: outbox.settle_unknowns(c, T0 + 60_000, {DEVICE: ("resend", 60_000)}))
    assert status(store, message) is Status.QUEUED
    save(store, receipt("99"), now=T0 + 61_000)
    assert status(store, message) is Status.DELIVERED
    assert claim(store, mine, T0 + 61_000) == []


def test_a_failure_settles_unknown_too(store: Store) -> None:
    _, (message,) = crashed(store, "+254700000001")
    save(store, receipt("99", ReceiptStatus.FAILED, reason="no such number"))
    assert (status(store, message), row(store, message).error) == (Status.FAILED, "no such number")


def test_an_answer_that_names_the_part_lets_its_receipt_find_it(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001")
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.UNKNOWN, unknown(one))
    save(store, Receipt("k", ("acme-7",), ReceiptStatus.DELIVERED))
    assert status(store, message) is Status.UNKNOWN
    assert store.write(lambda c: outbox.late(c, accepted(one, 1, "acme-7"), T0 + 2000)) is Status.DELIVERED


# --- by a Python backend ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "becomes"), [(ReceiptStatus.DELIVERED, Status.DELIVERED), (ReceiptStatus.FAILED, Status.FAILED)]
)
def test_a_backend_reports(store: Store, said: ReceiptStatus, becomes: Status) -> None:
    mine = epoch(store)
    message = send(store, "+1")
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.SENT)
    assert store.write(lambda c: receipts.report(c, message, "+2", said, T0)) is None
    assert store.write(lambda c: receipts.report(c, message, "+1", said, T0, "because")) is becomes
    assert row(store, message).error == (None if becomes is Status.DELIVERED else "because")


def test_a_report_before_the_send_has_returned(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+1")
    (one,) = claim(store, mine)
    assert store.write(lambda c: receipts.report(c, message, "+1", ReceiptStatus.DELIVERED, T0)) is None
    settle(store, mine, one, Status.SENT, accepted(one))
    assert status(store, message) is Status.DELIVERED


NAMES = ("1000", "4096", "3e8")
"""What one receipt may mean by ``1000``: as it stands, hexadecimal for decimal, decimal for hexadecimal."""


def test_a_receipt_that_may_mean_several_messages_is_nobody_s_and_counted(store: Store) -> None:
    mine = epoch(store)
    messages = [sent(store, mine, name, number="+254700000001") for name in NAMES[:2]]
    told = Receipt("k", NAMES, ReceiptStatus.DELIVERED, number="+254700000001")
    saved = store.write(lambda c: receipts.save(c, DEVICE, [told], T0 + 1000))
    assert (saved.changed, saved.ambiguous) == ([], 1)
    assert [status(store, each) for each in messages] == [Status.SENT] * 2
    later = sent(store, mine, "3e8", number="+254700000001")
    assert status(store, later) is Status.SENT


def test_the_number_decides_between_two_that_a_receipt_may_mean(store: Store) -> None:
    mine = epoch(store)
    other, message = (
        sent(store, mine, "1000", number="+254700000001"),
        sent(store, mine, "4096", number="+254700000002"),
    )
    assert len(save(store, Receipt("k", NAMES, ReceiptStatus.DELIVERED, number="254700000002"))) == 1
    assert (status(store, other), status(store, message)) == (Status.SENT, Status.DELIVERED)


def test_the_form_that_was_learnt_decides(store: Store) -> None:
    mine = epoch(store)
    message, other = sent(store, mine, "1000"), sent(store, mine, "4096")
    told = Receipt("k", NAMES, ReceiptStatus.DELIVERED, learnt=True)
    assert len(save(store, told)) == 1
    assert (status(store, message), status(store, other)) == (Status.DELIVERED, Status.SENT)
