"""Receipts as carriers really write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import ReceiptStatus
from drivers.smpp import codec, names, receipts
from drivers.smpp.references import Form, Learner, candidates

STANDARD = (
    "id:0123456789 sub:001 dlvrd:001 submit date:0610190851 done date:0610190951 stat:DELIVRD err:000 text:hello id:7"
)


def pdu(text="", esm_class=4, tlvs=()) -> codec.Pdu:
    message = text.encode("latin-1")
    fields = {"esm_class": esm_class, "sm_length": len(message), "short_message": message}
    return codec.decode(codec.pdu(names.DELIVER_SM, 1, 0, codec.body(names.DELIVER_SM, fields, tlvs)))


@pytest.mark.parametrize(
    ("text", "identifier", "stat", "err", "done"),
    [
        (STANDARD, "0123456789", "DELIVRD", "000", "0610190951"),
        ("id:1 sub:1 done date:061019095100 stat:UNDELIV err:8", "1", "UNDELIV", "8", "061019095100"),
        ("id:1 submitdate:0610190851 donedate:0610190951 stat:EXPIRED err:000", "1", "EXPIRED", "000", "0610190951"),
        ("id:aB-3f stat:REJECTD", "aB-3f", "REJECTD", "", ""),
        ("ID:77 STAT:delivrd ERR:0 Text:stat:FAILED", "77", "DELIVRD", "0", ""),
        ("id:5 sub:001dlvrd:001done date:0610190951stat:DELIVRDerr:000text:x", "5", "DELIVRD", "000", "0610190951"),
        ("id: 5 stat: DELIVRD err: 0", "5", "DELIVRD", "0", ""),
        ("stat:DELIVRD id:5", "5", "DELIVRD", "", ""),
        ("id=5 stat=DELIVRD error=10", "5", "DELIVRD", "10", ""),
        ("id:5 submit_date:0610190851 done_date:0000000000 status:ENROUTE", "5", "ENROUTE", "", "0000000000"),
        ("", "", "", "", ""),
    ],
)  # fmt: skip
def test_the_text_is_read_in_all_its_forms(text, identifier, stat, err, done):
    said = receipts.parse_text(text)
    assert (said.id, said.stat, said.err, said.done_date) == (identifier, stat, err, done)


@given(st.text(max_size=100))
def test_any_text_is_read(text):
    receipts.parse_text(text)


@pytest.mark.parametrize(
    ("stat", "status"),
    [
        ("DELIVRD", ReceiptStatus.DELIVERED),
        ("DELIVERED", ReceiptStatus.DELIVERED),
        ("UNDELIV", ReceiptStatus.FAILED),
        ("EXPIRED", ReceiptStatus.FAILED),
        ("DELETED", ReceiptStatus.FAILED),
        ("REJECTD", ReceiptStatus.FAILED),
        ("UNKNOWN", ReceiptStatus.FAILED),
        ("ACCEPTD", ReceiptStatus.PENDING),
        ("ENROUTE", ReceiptStatus.PENDING),
        ("BUFFERED", ReceiptStatus.PENDING),
        ("WHATEVER", ReceiptStatus.PENDING),
    ],
)
def test_states(stat, status):
    assert receipts.report(pdu(f"id:1 stat:{stat}"), f"id:1 stat:{stat}").status is status


def test_parameters_win_over_text():
    tlvs = [
        (names.TLV_RECEIPTED_MESSAGE_ID, b"real"),
        (names.TLV_MESSAGE_STATE, b"\5"),
        (names.TLV_NETWORK_ERROR_CODE, b"\3\0\x21"),
    ]
    said = receipts.report(pdu(STANDARD, tlvs=tlvs), STANDARD)
    assert said.references[0] == "real"
    assert "0123456789" in said.references
    assert said.status is ReceiptStatus.FAILED
    assert said.code == "UNDELIV 33"
    assert said.reason == "undeliverable (error 33)"


def test_parameters_alone_are_enough():
    alone = pdu(esm_class=0, tlvs=[(names.TLV_RECEIPTED_MESSAGE_ID, b"x\0"), (names.TLV_MESSAGE_STATE, b"\2")])
    assert receipts.is_receipt(alone, "")
    assert receipts.report(alone, "").status is ReceiptStatus.DELIVERED


@pytest.mark.parametrize(
    ("esm_class", "text", "expected"),
    [
        (4, "", True),
        (0x20, "id:1 stat:ENROUTE", True),
        (0, STANDARD, True),
        (0, "id:1 stat:ok", False),
        (0, "hello", False),
        (0, "my id: 5, stat: fine", False),
        (0x40, "hello", False),
        (0x08, STANDARD, False),
    ],
)
def test_a_receipt_is_told_from_a_message(esm_class, text, expected):
    assert receipts.is_receipt(pdu(text, esm_class), text) is expected


@pytest.mark.parametrize(
    ("date", "iso"),
    [
        ("0610190951", "2006-10-19T09:51:00"),
        ("061019095133", "2006-10-19T09:51:33"),
        ("20261019095133", "2026-10-19T09:51:33"),
        ("202610190951", "2026-10-19T09:51:00"),
        ("0000000000", None),
        ("junk", None),
    ],
)
def test_dates(date, iso):
    assert receipts.report(pdu(), f"id:1 stat:DELIVRD done date:{date}").network_time == iso


def test_an_intermediate_report_is_pending():
    assert receipts.report(pdu(esm_class=0x20), "id:1 stat:UNDELIV").status is ReceiptStatus.PENDING


@given(st.integers(0, 2**63 - 1), st.sampled_from(["{:d}", "{:010d}", "{:x}", "{:X}", "{:08x}", "{:08X}"]),
       st.sampled_from(["{:d}", "{:010d}", "{:x}", "{:X}"]))  # fmt: skip
def test_a_number_is_found_whatever_the_two_sides_call_it(number, accepted, receipted):
    assert accepted.format(number) in candidates([receipted.format(number)])


def test_what_stands_there_is_surest_and_nothing_comes_twice():
    found = candidates(["00ff", "00FF"])
    assert found[0] == "00ff"
    assert len(found) == len(set(found))
    assert "" not in candidates(["0", "000"])


def test_a_uuid_is_no_number():
    assert candidates(["6ba7b810-9dad-11d1-80b4-00c04fd430c8"])[:1] == ("6ba7b810-9dad-11d1-80b4-00c04fd430c8",)
    assert len(candidates(["6ba7b810-9dad-11d1-80b4-00c04fd430c8"])) == 2


def test_an_account_form_is_learnt_from_ten_receipts_that_agree():
    learner = Learner()
    for number in range(1000, 1010):
        learner.accepted(f"{number:x}")
        assert learner.form is None
        learner.receipt(str(number))
    assert learner.form is Form.DEC_TO_HEX
    assert candidates(["4096"], learner.form)[0] == "1000"


def test_receipts_that_fit_two_messages_or_none_teach_nothing():
    learner = Learner()
    for number in range(1000, 1020):
        learner.accepted(str(number))
        learner.accepted(f"{number:x}")
        learner.receipt(str(number))
        learner.receipt("never")
    assert learner.form is None
