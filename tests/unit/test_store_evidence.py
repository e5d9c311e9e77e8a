"""Outcomes that nobody knew: settled by what comes late, by what came early, or by a rule."""

import pytest
from store_help import DEVICE, T0, accepted, claim, epoch, receipt, row, send, sent, settle, status, unknown

from drivers.base import Outcome, ReceiptStatus
from gateway.store import outbox, receipts
from gateway.store.engine import Store
from gateway.store.types import PartResult, Status

MINUTE = 60_000
LATER = T0 + 10 * MINUTE


def in_doubt(store: Store, mine: int, number: str = "+254700000001", **more) -> tuple[str, object]:
    """A message whose answer never came, with its attempt."""
    message = send(store, number, **more)
    (one,) = claim(store, mine)
    settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 1000)
    return message, one


def save(store: Store, *given, now: int = T0 + 500, device: str = DEVICE) -> list[int]:
    return store.write(lambda c: receipts.save(c, device, given, now)).changed


def settle_unknowns(store: Store, now: int = LATER, on_unknown: str = "resend") -> int:
    return store.write(lambda c: outbox.settle_unknowns(c, now, {DEVICE: (on_unknown, MINUTE)}))


@pytest.mark.parametrize(("said", "becomes"), [("delivered", Status.DELIVERED), ("failed", Status.FAILED)])
@pytest.mark.parametrize("reference", ["77", "acme-77", None])
def test_a_receipt_that_came_while_the_part_was_under_way_settles_it(store: Store, reference, said, becomes) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001")
    (one,) = claim(store, mine)
    assert save(store, receipt(reference, ReceiptStatus(said), reason="absent")) == []
    assert status(store, message) is Status.SENDING
    settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 1000)
    assert status(store, message) is becomes
    assert settle_unknowns(store) == 0


def test_the_same_after_a_crash(store: Store) -> None:
    message = send(store, "+254700000001")
    claim(store, epoch(store, "gone"))
    save(store, receipt("77"))
    again = epoch(store, "gone")
    store.write(lambda c: outbox.recover(c, again, T0 + 1000))
    assert status(store, message) is Status.DELIVERED


def test_each_part_of_a_long_message_needs_its_own(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001", parts=2)
    (one,) = claim(store, mine)
    save(store, receipt("77"))
    settle(store, mine, one, Status.UNKNOWN, unknown(one, 1), unknown(one, 2), now=T0 + 1000)
    assert status(store, message) is Status.UNKNOWN
    save(store, receipt("78"), now=T0 + 2000)
    assert status(store, message) is Status.DELIVERED


def test_a_receipt_of_before_the_attempt_proves_nothing(store: Store) -> None:
    save(store, receipt("77"), now=T0 - 10 * MINUTE)
    message, _ = in_doubt(store, epoch(store))
    assert status(store, message) is Status.UNKNOWN
    assert settle_unknowns(store) == 1


def test_another_number_or_device_proves_nothing(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001")
    (one,) = claim(store, mine)
    save(store, receipt("77", number="254700000002"))
    save(store, receipt("78"), device="other")
    settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 1000)
    assert status(store, message) is Status.UNKNOWN


def test_with_two_in_doubt_one_receipt_proves_neither(store: Store) -> None:
    mine = epoch(store)
    two = [send(store, "+254700000001") for _ in range(2)]
    claimed = claim(store, mine)
    save(store, receipt("77"))
    for one in claimed:
        settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 1000)
    assert {status(store, each) for each in two} <= {Status.UNKNOWN, Status.QUEUED}
    assert settle_unknowns(store) == 2


def test_when_the_other_turns_out_to_be_sent_the_receipt_is_found_before_the_resend(store: Store) -> None:
    mine = epoch(store)
    messages = [send(store, "+254700000001") for _ in range(2)]
    first, second = claim(store, mine)
    save(store, receipt("77"))
    settle(store, mine, first, Status.UNKNOWN, unknown(first), now=T0 + 1000)
    assert status(store, messages[0]) is Status.UNKNOWN
    settle(store, mine, second, Status.SENT, accepted(second, 1, "78"), now=T0 + 1000)
    assert settle_unknowns(store) == 0
    assert [status(store, each) for each in messages] == [Status.DELIVERED, Status.SENT]


def test_a_later_message_to_the_number_does_not_hide_it(store: Store) -> None:
    mine = epoch(store)
    message = send(store, "+254700000001")
    (one,) = claim(store, mine)
    save(store, receipt("77"))
    send(store, "+254700000001", now=T0 + 5 * MINUTE)
    claim(store, mine, T0 + 5 * MINUTE)
    settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 5 * MINUTE)
    assert status(store, message) is Status.DELIVERED


def test_a_late_answer_makes_it_sent_and_its_reference_finds_the_receipt(store: Store) -> None:
    mine = epoch(store)
    message, one = in_doubt(store, mine)
    store.write(lambda c: outbox.late(c, accepted(one, 1, "77"), T0 + 2000))
    assert status(store, message) is Status.SENT
    save(store, receipt("77"), now=T0 + 3000)
    assert status(store, message) is Status.DELIVERED
    assert not row(store, message).possible_duplicate


def test_a_late_refusal_sends_again_as_no_duplicate(store: Store) -> None:
    message, one = in_doubt(store, epoch(store))
    store.write(lambda c: outbox.late(c, PartResult(one.attempt, 1, Outcome.REFUSED), T0 + 2000))
    assert (status(store, message), row(store, message).possible_duplicate) == (Status.QUEUED, False)


@pytest.mark.parametrize(
    ("of_device", "of_message", "becomes"),
    [
        ("resend", None, Status.QUEUED),
        ("hold", None, Status.UNKNOWN),
        ("resend", "hold", Status.UNKNOWN),
        ("hold", "resend", Status.QUEUED),
    ],
)
def test_on_unknown_of_the_message_wins_over_that_of_the_device(store: Store, of_device, of_message, becomes) -> None:
    message, _ = in_doubt(store, epoch(store), on_unknown=of_message)
    assert settle_unknowns(store, T0 + 30_000, of_device) == 0
    settle_unknowns(store, LATER, of_device)
    assert (status(store, message), row(store, message).possible_duplicate) == (becomes, becomes is Status.QUEUED)


@pytest.mark.parametrize("on_unknown", ["resend", "hold"])
def test_a_person_resends_what_is_in_doubt_at_once_or_after_hold_has_left_it(store: Store, on_unknown) -> None:
    message, _ = in_doubt(store, epoch(store), on_unknown=on_unknown)
    if on_unknown == "hold":
        settle_unknowns(store)
    assert store.write(lambda c: outbox.resend(c, message, LATER)).count == 1
    assert (status(store, message), row(store, message).possible_duplicate) == (Status.QUEUED, True)
    assert [one.message_id for one in claim(store, epoch(store, "b"), LATER)] == [message]


def test_a_person_holds_what_would_be_sent_again(store: Store) -> None:
    mine = epoch(store)
    message, _ = in_doubt(store, mine)
    refused = store.write(lambda c: outbox.hold(c, message, LATER))
    assert (refused.count, len(refused.refused)) == (0, 1)
    settle_unknowns(store)
    assert store.write(lambda c: outbox.hold(c, message, LATER)).count == 1
    assert claim(store, mine, LATER) == []
    assert store.write(lambda c: outbox.release(c, message, LATER)).count == 1
    assert (status(store, message), row(store, message).possible_duplicate) == (Status.QUEUED, True)


def test_evidence_that_comes_after_the_resend_was_queued_stops_it(store: Store) -> None:
    mine = epoch(store)
    message, _ = in_doubt(store, mine)
    settle_unknowns(store)
    save(store, receipt("77"), now=LATER)
    assert status(store, message) is Status.DELIVERED
    assert claim(store, mine, LATER) == []


def test_receipts_of_others_are_left_alone(store: Store) -> None:
    mine = epoch(store)
    known = sent(store, mine, "76", number="+254700000009")
    message = send(store, "+254700000001")
    (one,) = claim(store, mine)
    save(store, receipt("99", number="254700000009"), receipt("77"))
    settle(store, mine, one, Status.UNKNOWN, unknown(one), now=T0 + 1000)
    assert [status(store, each) for each in (known, message)] == [Status.SENT, Status.DELIVERED]
