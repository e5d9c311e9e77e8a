"""What the store keeps for users of the SMPP server: parts, receipts that are due, what is to be handed out."""

from sqlalchemy import select
from store_help import DEVICE, T0, accepted, claim, epoch, pdu, rows, send, settle

from drivers.base import Encoding
from gateway.store import handouts, inbox, retention, schema, submissions
from gateway.store.types import Status

WISHES = {
    "user": "crm", "registered": 1, "source": [5, 0, "CRM"], "destination": [1, 1, "254"], "submitted": "2601010000",
    "tlvs": {},
}  # fmt: skip


def submitted(id_, text="hello", registered=1, **more):
    return pdu(text, sender="CRM", to="+254", fields={**WISHES, "id": id_, "registered": registered}, **more)


def received(store, text):
    """A message that the router has run."""
    (saved,) = store.write(lambda c: inbox.save(c, DEVICE, [pdu(text)], T0)).messages
    here = epoch(store)
    store.write(lambda c: inbox.claim(c, here, 10, T0))
    store.write(lambda c: inbox.finish(c, saved, here, Status.HANDLED, T0))
    return saved


def test_parts_wait_for_each_other_and_the_later_twin_counts(store):
    one, two = (submitted(f"id{n}", text, reference=7, total=2, index=n) for n, text in ((1, "one "), (2, "two")))
    store.write(lambda c: submissions.keep(c, [one], {}, T0))
    assert store.write(lambda c: submissions.whole(c, "crm", one, T0)) is None
    again = submitted("id1b", "ONE ", reference=7, total=2, index=1)
    store.write(lambda c: submissions.keep(c, [again, two], {}, T0 + 1))
    ids, text, data = store.write(lambda c: submissions.whole(c, "crm", two, T0 + 1))
    assert (sorted(ids), text, data) == (["id1", "id1b", "id2"], "ONE two", b"")
    assert store.write(lambda c: submissions.whole(c, "other", two, T0 + 1)) is None
    store.write(lambda c: submissions.join(c, ids, "m"))
    assert store.write(lambda c: submissions.whole(c, "crm", two, T0 + 1)) is None


def test_octets_are_joined_as_octets(store):
    parts = [
        submitted(f"b{n}", "", encoding=Encoding.BINARY, payload=bytes([n]), reference=1, total=2, index=n)
        for n in (1, 2)
    ]
    store.write(lambda c: submissions.keep(c, parts, {}, T0))
    assert store.write(lambda c: submissions.whole(c, "crm", parts[1], T0))[1:] == ("", b"\1\2")


def test_what_was_handed_in_is_forgotten_with_its_message(store):
    here, message, young = epoch(store), send(store, "+1"), send(store, "+2", now=T0 + 100)
    one, other, part = submitted("f1"), submitted("f2"), submitted("f3", total=2, reference=9)
    store.write(lambda c: submissions.keep(c, [one, part], {one.key: message}, T0))
    store.write(lambda c: submissions.keep(c, [other], {other.key: young}, T0 + 100))
    for claimed in claim(store, here, T0 + 100):
        settle(store, here, claimed, Status.SENT, accepted(claimed))
    store.write(lambda c: retention.forget(c, T0 + 50))
    with store.read() as c:
        assert c.scalars(select(schema.submission.c.id)).all() == ["f2"]


def test_a_receipt_is_made_once_and_kept_until_it_was_acknowledged(store):
    here, message = epoch(store), send(store, "+254700000001")
    one = submitted("s1")
    store.write(lambda c: submissions.keep(c, [one], {one.key: message}, T0))
    assert store.write(lambda c: submissions.settled(c, [], T0)) == 0
    (claimed,) = claim(store, here)
    settle(store, here, claimed, Status.FAILED, accepted(claimed), error="barred")
    assert rows(store, message)[0].status is Status.FAILED
    assert store.write(lambda c: submissions.settled(c, [], T0)) == 1
    assert store.write(lambda c: submissions.settled(c, [], T0)) == 0
    (given,) = store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0))
    assert (given.message, given.receipt["id"], given.receipt["state"]) == (None, "s1", "UNDELIV")
    assert store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0)) == [], "it is being handed out"
    store.write(lambda c: handouts.put_back(c, [given.id], here, T0 + 1000))
    assert store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0)) == []
    assert len(store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0 + 1000))) == 1
    store.write(lambda c: handouts.done(c, [given.id], here))
    assert store.write(handouts.waiting) == {}


def test_only_the_receipts_that_are_wanted(store):
    here = epoch(store)
    for number, registered in enumerate((0, 1, 2)):
        message = send(store, f"+25470000000{number}")
        one = submitted(f"s{registered}", registered=registered)
        store.write(lambda c, one=one, message=message: submissions.keep(c, [one], {one.key: message}, T0))
    for claimed in claim(store, here):
        settle(store, here, claimed, Status.SENT, accepted(claimed))
    assert store.write(lambda c: submissions.settled(c, [], T0)) == 2
    assert store.write(handouts.waiting) == {}, "the device will report"
    assert store.write(lambda c: submissions.settled(c, [DEVICE], T0)) == 0, "nothing has changed"
    store.write(submissions.look_again)
    store.write(lambda c: submissions.settled(c, [DEVICE], T0))
    given = store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0))
    assert [each.receipt["state"] for each in given] == ["ACCEPTD"]


def test_a_new_user_begins_with_what_comes_from_now_on(store):
    received(store, "before")
    assert store.write(lambda c: handouts.spread(c, "crm", None, T0)) == 0
    received(store, "after")
    assert store.write(lambda c: handouts.spread(c, "crm", {"other"}, T0)) == 0, "another device's"
    received(store, "later")
    assert store.write(lambda c: handouts.spread(c, "crm", {DEVICE}, T0)) == 1
    here = epoch(store)
    (given,) = store.write(lambda c: handouts.claim(c, here, {"crm": 5}, T0))
    assert given.message.text == "later"


def test_what_a_dead_server_had_in_hand_is_handed_out_again(store):
    store.write(lambda c: handouts.spread(c, "crm", None, T0))
    received(store, "hello")
    store.write(lambda c: handouts.spread(c, "crm", None, T0))
    first = epoch(store)
    assert len(store.write(lambda c: handouts.claim(c, first, {"crm": 5}, T0))) == 1
    second = epoch(store)
    store.write(handouts.recover)
    assert len(store.write(lambda c: handouts.claim(c, second, {"crm": 5}, T0))) == 1
