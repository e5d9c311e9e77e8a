"""The line between gateway and carrier fails at every place."""

import pytest
from smpp_rig import carrier, owner, text
from tcp_proxy import Proxy

from drivers.base import Incoming, Outcome, State

BIND_OCTETS = 16 + len(b"acme\0secret\0\0\x34\0\0\0")
SUBMIT_OCTETS = 16 + len(
    b"\0\3\0" + b"12345\0\1\1" + b"254700000001\0" + b"\0\0\0" + b"\0\0" + b"\1\0\0\0" + b"\5hello"
)


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    with carrier(tmp_path_factory.mktemp("acme")) as running:
        yield running


@pytest.fixture
def line(acme):
    with Proxy(acme.port) as proxy:
        yield proxy


def test_a_cut_at_every_octet_of_a_submit_loses_and_doubles_nothing(acme, line):
    """Whether the carrier has it cannot be known here: unknown each time, never sent or unsent."""
    with owner(acme.options(port=line.port, reconnect=0.05), up=False) as us:
        for octets in range(SUBMIT_OCTETS + 1):
            us.until(lambda: us.health is not None and us.health.state is State.UP)
            # The driver's own bind has passed; the next octets are the submit's.
            line.cut_after = BIND_OCTETS + octets
            before = len(acme.sent())
            us.send(text(octets))
            results = us.until_results(octets + 1)
            line.cut_after = None
            us.until(lambda: us.health.state is not State.UP)
            assert results[-1].token == octets
            assert len(acme.sent()) - before == (octets == SUBMIT_OCTETS)
            assert results[-1].outcome is Outcome.UNKNOWN


def test_a_line_that_holds_everything_back_is_found_and_what_left_is_unknown(acme, line):
    with owner(acme.options(port=line.port, enquire_link=0.5, response_timeout=1.0)) as us:
        line.held = True
        us.send(text(1))
        health = us.until_state(State.DOWN, 5)
        assert us.until_results(1)[0].outcome is Outcome.UNKNOWN
        assert "enquire_link" in health.reason
        line.held = False
        us.until_state(State.UP)


def test_octets_one_by_one_with_pauses_keep_their_frames(acme, line):
    with owner(acme.options(port=line.port)) as us:
        line.drip = 0.005
        acme.control.deliver("+254700000001", "drop by drop")
        acme.control.deliver("+254700000002", "and again")
        us.send(text(1))
        us.until_results(1)
        us.until(lambda: len(us.of(Incoming)) == 2)
    assert [incoming.payload for incoming in us.of(Incoming)] == [b"drop by drop", b"and again"]
    assert us.results()[0].outcome is Outcome.ACCEPTED


def test_through_cuts_and_losses_every_outcome_is_true(tmp_path):
    """What the carrier's record and the results say of each message fits together, whatever happens on the way."""
    count = 400
    with (
        carrier(tmp_path, jitter=0.02, drop=0.02, double=True) as acme,
        owner(acme.options(window=10, binds=2, response_timeout=1.0, reconnect=0.1)) as us,
    ):
        for token in range(count):
            us.until(lambda: us.health.state is State.UP)
            us.send(text(token, f"number {token}"))
            if token % 100 == 50:
                acme.control.do("reset" if token % 200 == 50 else "unbind")
            if token % 10 == 0:
                us.listen(0.01)
        us.until_results(count)
        reached = {seen["text"]: seen["id"] for seen in acme.sent()}
        assert len(reached) == len(acme.sent()), "a message left twice"
    results = {result.token: result for result in us.results()}
    assert len(us.results()) == len(results) == count
    for token, result in results.items():
        name = f"number {token}"
        match result.outcome:
            case Outcome.ACCEPTED:
                assert result.reference == reached[name]
            case Outcome.NOT_SENT:
                assert name not in reached
            case _:
                assert result.outcome is Outcome.UNKNOWN
    assert sum(result.outcome is Outcome.ACCEPTED for result in results.values()) > count / 10
