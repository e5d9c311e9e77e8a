"""The SMPP driver keeps the contract of ``drivers.base`` against a carrier, good and bad."""

import pytest
from smpp_rig import NUMBER, carrier, owner, text

from drivers.base import (
    Ack,
    Closed,
    Encoding,
    Fault,
    Health,
    Incoming,
    Notice,
    Outcome,
    Part,
    Pause,
    Receipt,
    ReceiptStatus,
    Result,
    State,
    Submit,
)


@pytest.fixture
def acme(tmp_path):
    with carrier(tmp_path) as running:
        yield running


def check_rules(heard, tokens):
    """Rules 1 and 2: Left before an outcome that needs it; one result that isn't late for each part."""
    left, results = set(), {}
    for event in heard:
        if type(event).__name__ == "Left":
            left |= {token for token, _ in event.parts}
        elif isinstance(event, Result) and not event.late:
            assert event.token not in results, f"{event.token} has two results"
            if event.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN) or event.code is not None:
                assert event.token in left
            results[event.token] = event
    assert set(results) == set(tokens)
    return results


def test_sends_and_hears_its_receipt(acme):
    with owner(acme.options()) as us:
        us.send(text(1, "hello there"))
        (result,) = us.until_results(1)
        (receipt,) = us.until(lambda: us.of(Receipt))
    assert result.outcome is Outcome.ACCEPTED
    assert receipt.status is ReceiptStatus.DELIVERED
    assert result.reference in receipt.references
    assert receipt.number == "+254700000001"
    (seen,) = acme.sent()
    assert (seen["text"], seen["to"], seen["from"], seen["id"]) == (
        "hello there",
        "+254700000001",
        NUMBER,
        result.reference,
    )
    assert seen["ton"] == [3, 1]
    check_rules(us.heard, {1})
    assert isinstance(us.heard[-1], Closed)


def test_a_message_to_its_own_number_comes_back(acme):
    with owner(acme.options()) as us:
        us.send(text(1, "round", to=NUMBER, source="+254711111111"))
        (incoming,) = us.until(lambda: us.of(Incoming))
    assert (incoming.sender, incoming.to, incoming.payload) == ("+254711111111", NUMBER, b"round")
    assert incoming.encoding is Encoding.GSM7


@pytest.mark.parametrize("long", ["udh", "sar"])
def test_parts_of_a_long_message_arrive_joined_up(acme, long):
    parts = tuple(Part(i, 2, Encoding.UCS2, f"part {i}".encode("utf-16-be"), bytes([0, 3, 7, 2, i]), 7) for i in (1, 2))
    with owner(acme.options(long=long)) as us:
        us.send(Submit(5, NUMBER, parts))
        us.until(lambda: len(us.of(Incoming)) == 2)
    came = sorted(us.of(Incoming), key=lambda incoming: incoming.index)
    assert [(i.reference, i.total, i.index, i.payload.decode("utf-16-be")) for i in came] == [
        (7, 2, 1, "part 1"),
        (7, 2, 2, "part 2"),
    ]


def test_a_long_text_in_one_pdu_gives_a_result_for_each_part(acme):
    words = "x" * 200
    parts = tuple(Part(i, 2, Encoding.GSM7, words[:100].encode(), bytes([0, 3, 7, 2, i]), 7) for i in (1, 2))
    with owner(acme.options(long="payload")) as us:
        us.send(Submit(5, NUMBER, parts, text=words))
        results = us.until_results(2)
        (incoming,) = us.until(lambda: us.of(Incoming))
    assert {result.index for result in results} == {1, 2}
    assert len({result.reference for result in results}) == 1
    assert incoming.payload == words.encode()
    assert [seen["text"] for seen in acme.sent()] == [words]


def test_incoming_is_answered_only_after_the_owner_stored_it(acme):
    with owner(acme.options(), acknowledge=False) as us:
        acme.control.deliver("+254700000001", "keep me")
        (incoming,) = us.until(lambda: us.of(Incoming))
        assert acme.status()["delivered"]["acme"] == []
        us.send(Ack((incoming.key,), stored=False))
        us.until(lambda: len(us.of(Incoming)) == 2)
        assert acme.status()["delivered"]["acme"] == [0x64]
        again = us.of(Incoming)[1]
        us.send(Ack((again.key,)))
        us.until(lambda: acme.status()["delivered"]["acme"] == [0x64, 0])
    assert again.fingerprint == incoming.fingerprint


def test_what_was_not_answered_before_a_cut_may_be_a_repetition(acme):
    with owner(acme.options(), acknowledge=False) as us:
        acme.control.deliver("+254700000001", "twice")
        (first,) = us.until(lambda: us.of(Incoming))
        acme.control.do("reset")
        us.until(lambda: len(us.of(Incoming)) == 2)
        second = us.of(Incoming)[1]
        us.send(Ack((first.key, second.key)))
        us.until(lambda: acme.status()["delivered"]["acme"] == [0])
    assert second.fingerprint == first.fingerprint
    assert second.session != first.session
    assert second.may_repeat
    assert second.lost == (first.session,)


def test_the_same_words_on_a_healthy_session_are_new(acme):
    with owner(acme.options()) as us:
        acme.control.deliver("+254700000001", "yes")
        us.until(lambda: len(us.of(Incoming)) == 1)
        acme.control.deliver("+254700000001", "yes")
        us.until(lambda: len(us.of(Incoming)) == 2)
    first, second = us.of(Incoming)
    assert first.session == second.session
    assert not second.may_repeat


def test_more_unstored_messages_than_the_limit_are_refused_for_now(acme):
    with owner(acme.options(unacknowledged=3), acknowledge=False) as us:
        acme.control.do("deliver", sender="+254700000001", text="flood", count=5)
        us.until(lambda: acme.status()["delivered"]["acme"].count(0x64) >= 2)
        us.until(lambda: len(us.of(Incoming)) == 3)
        keys = tuple(incoming.key for incoming in us.of(Incoming))
        us.acknowledge = True
        us.send(Ack(keys))
        us.until(lambda: acme.status()["waiting"]["acme"] == 0)


def test_a_flood_of_incoming_does_not_hold_up_answers(acme):
    with owner(acme.options(unacknowledged=10_000), acknowledge=False) as us:
        acme.control.do("deliver", sender="+254700000001", text="flood", count=200)
        us.send(*(text(token) for token in range(50)))
        us.until_results(50)
    check_rules(us.heard, range(50))


def test_a_cut_gives_back_exactly_what_was_not_answered(acme):
    acme.faults(drop=1.0)
    with owner(acme.options(window=5)) as us:
        us.send(*(text(token) for token in range(8)))
        us.until(lambda: len(acme.sent()) == 5)
        acme.control.do("reset")
        us.until_results(8)
        results = check_rules(us.heard, range(8))
        outcomes = [results[token].outcome for token in range(8)]
        assert outcomes == [Outcome.UNKNOWN] * 5 + [Outcome.NOT_SENT] * 3
        acme.faults(drop=0.0)
        us.until(lambda: sum(h.state is State.UP for h in us.of(Health)) >= 2)
        us.send(text(100))
        us.until(lambda: any(result.token == 100 for result in us.results()))
    assert us.results()[-1].outcome is Outcome.ACCEPTED


def test_an_answer_after_its_time_is_late(acme):
    acme.faults(drop=1.0, late=1.0)
    with owner(acme.options(response_timeout=0.5)) as us:
        us.send(text(1))
        (result,) = us.until_results(1)
        assert result.outcome is Outcome.UNKNOWN
        (late,) = us.until(lambda: [r for r in us.of(Result) if r.late])
    assert (late.token, late.outcome) == (1, Outcome.ACCEPTED)
    assert late.reference == acme.sent()[0]["id"]


def test_answers_may_come_doubled_reversed_and_stray(acme):
    acme.faults(double=True, stray=True, reverse=True, jitter=0.05)
    with owner(acme.options(window=20)) as us:
        us.send(*(text(token, f"number {token}") for token in range(100)))
        us.until_results(100)
    results = check_rules(us.heard, range(100))
    ids = {seen["text"]: seen["id"] for seen in acme.sent()}
    assert all(results[token].reference == ids[f"number {token}"] for token in range(100))


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (0x0B, Fault.MESSAGE),
        (0x08, Fault.TEMPORARY),
        (0x58, Fault.THROTTLED),
        (0x14, Fault.THROTTLED),
        (0x45, Fault.UNCLEAR),
    ],
)
def test_a_refusal_says_whose_fault_it_is(acme, status, fault):
    acme.faults(status=status)
    with owner(acme.options()) as us:
        us.send(text(1))
        (result,) = us.until_results(1)
    assert (result.outcome, result.fault, result.code) == (Outcome.REFUSED, fault, status)
    assert f"0x{status:08X}" in result.reason


def test_an_account_may_know_its_carrier_better(acme):
    acme.faults(status=0x45)
    with owner(acme.options(statuses={"0x45": "message"})) as us:
        us.send(text(1))
        assert us.until_results(1)[0].fault is Fault.MESSAGE


def test_a_throttled_account_slows_down_and_says_so(acme):
    acme.faults(rate=100.0, burst=5.0)
    with owner(acme.options(window=20)) as us:
        waiting, accepted = list(range(300)), 0
        us.send(*(text(token) for token in waiting))
        tokens = iter(range(1000, 100_000))
        while accepted < 300:
            for event in us.listen(0.05):
                if isinstance(event, Result) and event.outcome is Outcome.REFUSED:
                    us.send(text(next(tokens)))
                elif isinstance(event, Result):
                    accepted += 1
        refused = [result for result in us.results() if result.outcome is Outcome.REFUSED]
        assert min(h.rate_factor for h in us.of(Health)) < 1
    assert all(result.fault is Fault.THROTTLED for result in refused)
    assert len(refused) < 60


def test_a_wrong_password_blocks_and_is_not_tried_again(acme):
    with owner(acme.options(password="wrong", reconnect=0.1), up=False) as us:
        health = us.until_state(State.BLOCKED)
        assert "password" in health.reason
        us.send(text(1))
        (result,) = us.until_results(1)
        assert result.outcome is Outcome.NOT_SENT
        us.until(lambda: acme.status()["connections"] == 0)
    assert sum(h.state is State.STARTING for h in us.of(Health)) <= 1


def test_resuming_tries_a_blocked_account_again(acme):
    acme.faults(bind_status=0x0E)
    with owner(acme.options(), up=False) as us:
        us.until_state(State.BLOCKED)
        acme.faults(bind_status=0)
        us.send(Pause(on=True))
        us.until_state(State.PAUSED)
        us.send(Pause(on=False))
        us.until_state(State.UP)


def test_foreign_pdus_before_the_bind_answer_are_no_answer(acme):
    acme.faults(bind_noise=True)
    with owner(acme.options()) as us:
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED


def test_a_bind_that_is_never_answered_is_given_up(acme):
    acme.faults(bind_mute=True)
    with owner(acme.options(response_timeout=0.5), up=False) as us:
        health = us.until_state(State.DOWN)
        assert "does not answer the bind" in health.reason
        acme.faults(bind_mute=False)
        us.until_state(State.UP)


def test_a_half_open_connection_is_found(acme):
    acme.faults(mute_enquire=True)
    with owner(acme.options(enquire_link=0.4)) as us:
        health = us.until_state(State.DOWN, 3)
        assert "enquire_link" in health.reason
        acme.faults(mute_enquire=False)
        us.until_state(State.UP)


def test_an_unbind_of_the_carrier_is_obeyed_and_the_account_comes_back(acme):
    with owner(acme.options()) as us:
        acme.control.do("unbind")
        us.until_state(State.DOWN)
        us.until_state(State.UP)


def test_the_first_session_repeats_only_what_a_dead_process_left(acme):
    suspects = []
    for may_repeat in (False, True, False):
        with owner(acme.options(suspects=suspects)) as us:
            acme.control.deliver("+254700000001", "hello")
            (incoming,) = us.until(lambda: us.of(Incoming))
            assert incoming.may_repeat is may_repeat
            suspects = [] if may_repeat else [(incoming.session, incoming.fingerprint)]


@pytest.mark.parametrize("octets", ["00000000", "00000003", "0000000f80000004", "ffffffff", "7fffffff00000004"])
def test_garbage_ends_the_session_and_the_account_comes_back(acme, octets):
    with owner(acme.options()) as us:
        acme.control.do("say", octets=octets)
        us.until_state(State.DOWN)
        us.until_state(State.UP)
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED


def test_an_unknown_command_is_refused_and_the_session_goes_on(acme):
    with owner(acme.options()) as us:
        acme.control.do("say", octets="00000010000099990000000000000007")
        us.until(lambda: any("unknown command" in notice.text for notice in us.of(Notice)))
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED
        assert us.health.state is State.UP


def test_octets_that_drip_in_lose_nothing(acme):
    acme.faults(drip=0.002)
    with owner(acme.options()) as us:
        us.send(*(text(token) for token in range(5)))
        results = us.until_results(5, 30)
    assert all(result.outcome is Outcome.ACCEPTED for result in results)


def test_a_receipt_before_the_answer_is_given_on(acme):
    acme.faults(receipt_first=True, latency=0.2)
    with owner(acme.options()) as us:
        us.send(text(1))
        us.until_results(1)
        us.until(lambda: us.of(Receipt))
        kinds = [type(event) for event in us.heard if isinstance(event, (Receipt, Result))]
    assert kinds == [Receipt, Result]
    assert us.results()[0].reference in us.of(Receipt)[0].references


@pytest.mark.parametrize("form", ["hex", "HEX", "dec", "padded", "upper"])
@pytest.mark.parametrize("tlvs", [True, False])
def test_a_receipt_fits_its_message_however_it_calls_it(tmp_path, form, tlvs):
    with carrier(tmp_path, receipt_id=form, receipt_tlvs=tlvs, receipt_nul=False) as acme, owner(acme.options()) as us:
        us.send(text(1))
        us.until_results(1)
        (receipt,) = us.until(lambda: us.of(Receipt))
    assert us.results()[0].reference in receipt.references


@pytest.mark.parametrize("bind", ["pair", "transmitter", "transceiver"])
def test_every_kind_of_bind_sends(acme, bind):
    with owner(acme.options(bind=bind)) as us:
        if bind == "pair":
            us.until(lambda: us.health.details["bound"] == 2)
        us.send(text(1))
        us.until_results(1)
        if bind == "pair":
            us.until(lambda: us.of(Receipt))
    assert us.results()[0].outcome is Outcome.ACCEPTED


def test_a_receiver_hears_and_hands_back_what_it_cannot_send(acme):
    with owner(acme.options(bind="receiver")) as us:
        acme.control.deliver("+254700000001", "in")
        us.until(lambda: us.of(Incoming))
        us.send(text(1))
        (result,) = us.until_results(1)
    assert result.outcome is Outcome.NOT_SENT


def test_several_binds_share_the_work(acme):
    acme.faults(latency=0.1)
    with owner(acme.options(binds=3, window=2)) as us:
        us.until(lambda: us.health.details["bound"] == 3)
        assert us.health.details["window"] == 2
        us.send(*(text(token) for token in range(6)))
        us.until(lambda: len(us.left()) == 6)
        us.until_results(6)
        assert us.results() and all(result.outcome is Outcome.ACCEPTED for result in us.results())


def test_too_many_binds_wait_and_the_others_work(acme):
    with owner(acme.options(binds=6)) as us:
        us.until(lambda: us.health.details["bound"] == 4 and "already bound" in us.health.reason)
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED


def test_closing_finishes_what_has_left_and_hands_back_the_rest(acme):
    acme.faults(latency=0.4)
    with owner(acme.options(window=2)) as us:
        us.send(*(text(token) for token in range(4)))
        us.until(lambda: len(us.left()) == 2)
        us.heard += us.device.stop(5)
    results = check_rules(us.heard, range(4))
    outcomes = sorted(result.outcome for result in results.values())
    assert outcomes == [Outcome.ACCEPTED] * 2 + [Outcome.NOT_SENT] * 2


def test_pausing_unbinds_and_hands_back(acme):
    with owner(acme.options()) as us:
        us.send(Pause(on=True))
        us.until(lambda: acme.status()["binds"]["acme"] == 0)
        us.send(text(1))
        (result,) = us.until_results(1)
        assert result.outcome is Outcome.NOT_SENT
        us.send(Pause(on=False))
        us.until(lambda: acme.status()["binds"]["acme"] == 1)


def test_a_carrier_that_is_not_there_is_down_with_the_reason(tmp_path):
    options = {"name": "acme", "host": "127.0.0.1", "port": 1, "system_id": "a", "password": "b", "reconnect": 0.2}
    with owner(options, up=False) as us:
        assert "refused" in us.until_state(State.DOWN).reason


def test_a_name_without_address_is_down_with_the_reason(tmp_path):
    options = {"name": "acme", "host": "no-such-host.invalid", "system_id": "a", "password": "b", "response_timeout": 8}
    with owner(options, up=False) as us:
        assert "no-such-host.invalid" in us.until_state(State.DOWN).reason


def test_wrong_options_block_with_one_sentence():
    with owner({"name": "acme", "host": "127.0.0.1", "system_id": "a" * 16, "password": "b"}, up=False) as us:
        assert "system_id is 16 characters long" in us.until_state(State.BLOCKED).reason


def test_a_virtual_host_with_wrong_options_blocks_with_one_sentence():
    options = {"name": "acme", "host": "virtual", "system_id": "a", "password": "b", "virtual": {"numbr": "1"}}
    with owner(options, up=False) as us:
        assert "no 'numbr'" in us.until_state(State.BLOCKED).reason


def test_a_virtual_host_is_a_carrier_of_its_own():
    options = {"name": "acme", "host": "virtual", "system_id": "a", "password": "b", "source": NUMBER}
    with owner(options) as us:
        us.send(text(1, to=NUMBER))
        (incoming,) = us.until(lambda: us.of(Incoming))
        us.until(lambda: us.of(Receipt))
    assert incoming.payload == b"hello"
