"""query_sm, cancel_sm and replace_sm at carriers that have them, and at one that does not."""

import pytest
from smpp_rig import NUMBER, carrier, owner, text

from drivers.base import Ask, Incoming, Inquiry, Outcome, Receipt, ReceiptStatus, Told

PHONE = "+254700000001"
LATER = {"smpp": {"schedule": "000000001000000R"}}


@pytest.fixture
def acme(tmp_path):
    with carrier(tmp_path) as running:
        yield running


def asked(us, what, reference, token=9, words=None, source=None):
    us.send(Ask(token, what, reference, PHONE, source, words))
    (told,) = us.until(lambda: [each for each in us.of(Told) if each.token == token])
    return told


def test_a_query_brings_the_receipt_that_never_came(acme):
    acme.faults(receipt_lost=True)
    with owner(acme.options()) as us:
        us.send(text(1))
        (result,) = us.until_results(1)
        us.until(lambda: asked(us, Inquiry.QUERY, result.reference, len(us.of(Told)) + 10).text == "delivered")
        (receipt, *_) = us.of(Receipt)
    assert (receipt.status, receipt.references) == (ReceiptStatus.DELIVERED, (result.reference,))
    assert (receipt.number, receipt.code) == (PHONE, "DELIVRD")
    assert receipt.network_time is not None


def test_a_query_of_what_is_on_its_way_changes_nothing(acme):
    with owner(acme.options()) as us:
        us.send(text(1, fields=LATER))
        (result,) = us.until_results(1)
        told = asked(us, Inquiry.QUERY, result.reference)
        assert (told.done, told.text) == (True, "on its way")
        assert not us.of(Receipt)


def test_what_waits_at_the_carrier_is_cancelled_there_once(acme):
    with owner(acme.options()) as us:
        us.send(text(1, to=NUMBER, fields=LATER))
        (result,) = us.until_results(1)
        told = asked(us, Inquiry.CANCEL, result.reference)
        assert (told.done, told.text) == (True, "cancelled at the carrier")
        (receipt,) = us.of(Receipt)
        assert (receipt.status, receipt.code) == (ReceiptStatus.FAILED, "DELETED")
        again = asked(us, Inquiry.CANCEL, result.reference, 10)
        assert not again.done
        assert again.text.startswith("the message could not be cancelled (")
        assert asked(us, Inquiry.QUERY, result.reference, 11).text == "deleted at the carrier"


def test_a_text_is_replaced_at_the_carrier_and_the_new_one_arrives(acme):
    soon = {"smpp": {"schedule": "000000000002000R"}}
    with owner(acme.options()) as us:
        us.send(text(1, "the old text", to=NUMBER, fields=soon))
        (result,) = us.until_results(1)
        told = asked(us, Inquiry.REPLACE, result.reference, words="the new text {1}")
        assert (told.done, told.text) == (True, "replaced at the carrier")
        (incoming,) = us.until(lambda: us.of(Incoming))
    assert incoming.payload == b"the new text \x1b(1\x1b)"


def test_a_text_that_replace_sm_cannot_carry_is_not_sent(acme):
    with owner(acme.options()) as us:
        told = asked(us, Inquiry.REPLACE, "1", words="новый")
        assert not told.done
        assert "other letters" in told.text
        assert "160" in asked(us, Inquiry.REPLACE, "1", 10, words="x" * 161).text


def test_another_sender_s_message_is_not_found(acme):
    with owner(acme.options()) as us:
        us.send(text(1, fields=LATER))
        (result,) = us.until_results(1)
        assert not asked(us, Inquiry.CANCEL, result.reference, source="999").done
        assert asked(us, Inquiry.QUERY, "unheard-of", 10).text.startswith("the query failed (")


def test_a_carrier_without_these_commands_is_named(acme):
    acme.faults(unoffered=True)
    with owner(acme.options()) as us:
        told = asked(us, Inquiry.QUERY, "1")
        assert (told.done, told.text) == (False, "the carrier has no query_sm")
        us.send(text(1))
        (result,) = us.until_results(1)
        assert result.outcome is Outcome.ACCEPTED


def test_a_question_without_an_answer_is_given_up_and_the_next_is_asked(acme):
    with owner(acme.options(response_timeout=0.5)) as us:
        acme.faults(mute=True)
        assert asked(us, Inquiry.QUERY, "1").text == "the carrier did not answer in time"
        acme.faults(mute=False)
        assert asked(us, Inquiry.QUERY, "2", 10).text.startswith("the query failed (")


def test_what_somebody_waits_for_is_asked_first(acme):
    with owner(acme.options()) as us:
        patient = [Ask(-token, Inquiry.QUERY, f"{token}", PHONE, patient=True) for token in range(1, 6)]
        us.send(*patient, Ask(9, Inquiry.QUERY, "9", PHONE))
        us.until(lambda: len(us.of(Told)) == 6)
    assert [each.token for each in us.of(Told)] == [9, -1, -2, -3, -4, -5]


def test_a_question_ends_with_its_session(acme):
    with owner(acme.options()) as us:
        acme.faults(mute=True)
        us.send(Ask(9, Inquiry.QUERY, "1", PHONE), Ask(10, Inquiry.QUERY, "2", PHONE))
        # What was sent after the questions was taken: so the first of them is under way.
        us.send(text(1))
        us.until(lambda: acme.sent())
        acme.control.do("reset")
        us.until(lambda: len(us.of(Told)) == 2)
    assert {each.token: each.done for each in us.of(Told)} == {9: False, 10: False}
