"""The verbs of a person on all that fits a filter."""

import pytest
from store_help import T0, claim, epoch, send, settle, status

from gateway.store import bulk
from gateway.store.bulk import Selection
from gateway.store.types import Status


def test_cancel_takes_what_fits_and_may_be_cancelled(store):
    mine = epoch(store)
    sent = send(store, "+254700000001")
    settle(store, mine, claim(store, mine)[0], Status.SENT)
    waiting = [send(store, f"+25470000000{n}", now=T0 + n) for n in range(5)]
    elsewhere, other = send(store, "+254700000001", lane="air"), send(store, "+447700900001")
    held = send(store, "+254700000008", status=Status.HELD)
    which = Selection(backend="mtn", to="+254", before_ms=T0 + 4)
    with store.read() as c:
        assert bulk.count(c, "cancel", which) == 5
    assert bulk.change(store, "cancel", which, T0) == 5
    assert [status(store, each) for each in (*waiting, held)] == [
        *[Status.CANCELLED] * 4, Status.QUEUED, Status.CANCELLED,
    ]  # fmt: skip
    assert [status(store, each) for each in (sent, elsewhere, other)] == [Status.SENT, Status.QUEUED, Status.QUEUED]
    assert bulk.change(store, "cancel", which, T0) == 0


def test_there_and_back_by_status(store):
    messages = [send(store, f"+25470000000{n}") for n in range(3)]
    assert bulk.change(store, "hold", Selection(status=Status.QUEUED), T0) == 3
    assert bulk.change(store, "hold", Selection(status=Status.HELD), T0) == 0
    assert bulk.change(store, "release", Selection(status=Status.HELD, to="+254700000001"), T0) == 1
    assert [str(status(store, each)) for each in messages] == ["held", "queued", "held"]
    assert bulk.change(store, "cancel", Selection(status=Status.HELD), T0) == 2
    assert bulk.change(store, "resend", Selection(status=Status.CANCELLED), T0) == 2
    assert len(claim(store, epoch(store))) == 3


def test_it_goes_in_batches(store):
    numbers = [f"+2547000{n:05}" for n in range(bulk.BATCH + 20)]
    send(store, *numbers)
    assert bulk.change(store, "cancel", Selection(to="+254"), T0) == bulk.BATCH + 20


@pytest.mark.parametrize("prefix", ["%", "_", "+2547%"])
def test_a_prefix_is_no_pattern(store, prefix):
    send(store, "+254700000001")
    assert bulk.change(store, "cancel", Selection(to=prefix), T0) == 0
