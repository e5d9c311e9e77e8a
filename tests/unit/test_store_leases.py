"""A gateway that was stopped beyond its lease: others have its work, and it can neither write nor claim."""

from store_help import DEVICE, T0, accepted, claim, epoch, receipt, row, send, settle, status, unknown

from drivers.base import Fault, Outcome
from gateway.store import devices, nodes, outbox, receipts
from gateway.store.engine import Store
from gateway.store.types import DeviceRow, PartResult, Status

LEASE_MS = 30_000


def refused(one) -> PartResult:
    return PartResult(one.attempt, 1, Outcome.REFUSED, fault=Fault.MESSAGE, reason="no such number")


def lapse(store: Store, stopped: int, heir: int) -> None:
    """``stopped`` did not renew its lease; ``heir`` takes over."""
    store.write(lambda c: nodes.end(c, stopped, T0 + LEASE_MS))
    store.write(lambda c: outbox.recover(c, heir, T0 + LEASE_MS))


def test_its_late_results_settle_nothing(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    message = send(store, "+254700000001")
    (one,) = claim(store, stopped)
    lapse(store, stopped, heir)
    assert status(store, message) is Status.UNKNOWN
    assert settle(store, stopped, one, Status.FAILED, unknown(one), now=T0 + LEASE_MS + 1) == 1
    assert (status(store, message), row(store, message).attempts) == (Status.UNKNOWN, 1)


def test_its_late_acceptance_is_evidence_and_stops_the_resend(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    message = send(store, "+254700000001")
    (one,) = claim(store, stopped)
    lapse(store, stopped, heir)
    assert settle(store, stopped, one, Status.SENT, accepted(one, 1, "77"), now=T0 + LEASE_MS + 1) == 1
    assert (status(store, message), row(store, message).possible_duplicate) == (Status.SENT, False)
    store.write(lambda c: receipts.save(c, DEVICE, [receipt("77")], T0 + LEASE_MS + 2))
    assert status(store, message) is Status.DELIVERED


def test_its_late_acceptance_does_not_write_over_the_resend(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    message = send(store, "+254700000001")
    (one,) = claim(store, stopped)
    lapse(store, stopped, heir)
    store.write(lambda c: outbox.settle_unknowns(c, T0 + LEASE_MS, {DEVICE: ("resend", 0)}))
    (two,) = claim(store, heir, T0 + LEASE_MS)
    assert settle(store, stopped, one, Status.SENT, accepted(one, 1, "77"), now=T0 + LEASE_MS + 1) == 1
    assert status(store, message) is Status.SENDING
    assert settle(store, heir, two, Status.FAILED, refused(two), now=T0 + LEASE_MS + 2) == 0
    assert (status(store, message), row(store, message).possible_duplicate) == (Status.SENT, True)


def test_its_late_refusal_says_nothing_of_the_resend(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    message = send(store, "+254700000001")
    (one,) = claim(store, stopped)
    lapse(store, stopped, heir)
    store.write(lambda c: outbox.settle_unknowns(c, T0 + LEASE_MS, {DEVICE: ("resend", 0)}))
    (two,) = claim(store, heir, T0 + LEASE_MS)
    settle(store, heir, two, Status.UNKNOWN, unknown(two), now=T0 + LEASE_MS + 1)
    settle(store, stopped, one, Status.FAILED, refused(one), now=T0 + LEASE_MS + 2)
    assert status(store, message) is Status.UNKNOWN


def test_it_claims_nothing_more(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    message = send(store, "+254700000001")
    lapse(store, stopped, heir)
    assert claim(store, stopped) == []
    assert [one.message_id for one in claim(store, heir)] == [message]


def test_it_can_not_renew_its_lease_and_takes_a_new_one(store: Store) -> None:
    stopped, heir = epoch(store, "a"), epoch(store, "b")
    lapse(store, stopped, heir)
    assert not store.write(lambda c: nodes.renew(c, stopped, T0 + LEASE_MS))
    send(store, "+254700000001")
    assert len(claim(store, epoch(store, "a"))) == 1


def test_how_the_devices_of_other_gateways_are(store: Store) -> None:
    here, there, gone = (epoch(store, node) for node in ("here", "there", "gone"))
    health = {"rule": ("hold", 60_000, 5)}

    def work(c) -> None:
        for name, node in ((DEVICE, "here"), ("acme", "there"), ("lost", "gone")):
            devices.update(c, DeviceRow(name, "smpp", "smpp", node, "up", "", False, health=health), T0)
        nodes.end(c, gone, T0)

    store.write(work)
    with store.read() as c:
        states, rules = devices.elsewhere(c, "here")
    assert states == {"acme": "up", "lost": "down"}
    assert {name: tuple(rule) for name, rule in rules.items()} == {"lost": ("hold", 60_000, 5)}
    assert here < there
