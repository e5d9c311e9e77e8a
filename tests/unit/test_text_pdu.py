"""PDUs both ways: round trips, foreign encoders and decoders, real PDUs, garbage."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import gammu
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smspdudecoder.easy import read_incoming_sms

from drivers.base import Encoding, ReceiptStatus
from drivers.text import alphabet as gsm
from drivers.text import elements, split, split_binary
from drivers.text.coding import WAITING_KINDS, Coding, Waiting, read_coding, write_coding
from drivers.text.pdu import Content, Deliver, PduError, StatusReport, SubmitPdu, decode, encode, tpdu_length
from drivers.text.udh import ports

numbers = st.from_regex(r"\A\+?[0-9]{1,20}\Z")
names = st.text(st.sampled_from("abcXYZ _@é"), min_size=1, max_size=11).filter(lambda name: not name.endswith("@"))
times = st.builds(
    lambda seconds, quarters: datetime.fromtimestamp(seconds, timezone(timedelta(minutes=15 * quarters))).isoformat(),
    st.integers(694_310_400, 3_786_825_600),  # 1992 to 2089, the years that two digits can say
    st.integers(-48, 56),
)
contents = st.one_of(
    st.text(max_size=400).map(lambda text: split(text, reference=3)),
    st.text(st.sampled_from(sorted(gsm.encoder())), max_size=400).map(
        lambda text: split(text, reference=300, wide_reference=True)
    ),
    st.text(st.sampled_from(sorted(gsm.encoder(1, 1))), max_size=400).map(
        lambda text: split(text, reference=1, locking=1, single=1)
    ),
    st.binary(max_size=300).map(lambda data: split_binary(data, ports(2948), reference=4)),
).flatmap(lambda parts: st.builds(Content.of, st.sampled_from(parts), st.sampled_from([None, 0, 1, 2, 3])))
protocols = st.integers(0, 255)
centres = st.one_of(st.none(), numbers)

delivers = st.builds(
    Deliver,
    sender=st.one_of(numbers, names),
    content=contents,
    timestamp=times,
    protocol=protocols,
    more_messages=st.booleans(),
    report=st.booleans(),
    reply_path=st.booleans(),
    smsc=centres,
)
submits = st.builds(
    SubmitPdu,
    destination=numbers,
    content=contents,
    reference=st.integers(0, 255),
    validity_s=st.one_of(st.none(), st.integers(0, 255).map(elements.read_validity)),
    protocol=protocols,
    report=st.booleans(),
    reject_duplicates=st.booleans(),
    reply_path=st.booleans(),
    smsc=centres,
)
reports = st.builds(
    StatusReport,
    reference=st.integers(0, 255),
    recipient=numbers,
    timestamp=times,
    discharged=times,
    status=st.integers(0, 255),
    more_messages=st.booleans(),
    smsc=centres,
)


@given(st.one_of(delivers, submits, reports))
def test_round_trip(pdu: Deliver | SubmitPdu | StatusReport) -> None:
    octets = encode(pdu)
    assert decode(octets) == pdu
    assert decode(octets.hex()) == pdu
    assert tpdu_length(octets) == len(octets) - (1 if pdu.smsc is None else 2 + (len(pdu.smsc.lstrip("+")) + 1) // 2)


@given(delivers, st.data())
def test_a_pdu_that_was_cut_is_read_or_refused(pdu: Deliver, data: st.DataObject) -> None:
    octets = encode(pdu)
    cut = octets[: data.draw(st.integers(0, len(octets) - 1))]
    try:
        read = decode(cut)
    except PduError as error:
        assert str(error)
    else:
        assert isinstance(read, Deliver)
        assert read.content.text is not None


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_but_pdu_errors(octets: bytes) -> None:
    for pdu in (octets, b"\x00" + octets, octets.hex()):
        try:
            read = decode(pdu)
        except PduError as error:
            assert str(error)
            continue
        if isinstance(read, StatusReport):
            assert read.reason
        else:
            assert isinstance(read.content.text, str)
            assert read.content.header.total >= 1


@pytest.mark.parametrize("text", ["", "0", "zz", "00zz", "AT+CMGR", "é"])
def test_what_is_not_hexadecimal(text: str) -> None:
    with pytest.raises(PduError):
        decode(text)


# --- foreign implementations


def foreign(octets: bytes) -> dict[str, Any]:
    read: dict[str, Any] = gammu.DecodePDU(octets, True)
    return read


gammu_texts = st.text(
    st.sampled_from("abcdefghijklmnopqrstuvwxyz ABC@£$éùøåΔ_ΦΓ!?ÄÖÑ§ü0123456789"), min_size=1, max_size=300
)


@given(gammu_texts, numbers.filter(lambda n: len(n) > 4), st.booleans())
def test_gammu_reads_our_submit(text: str, number: str, report: bool) -> None:
    for part in split(text, reference=77):
        read = foreign(encode(SubmitPdu(number, Content.of(part), validity_s=3600, report=report, smsc="+254733")))
        assert read["Text"] == gsm.decode(part.payload)
        assert (read["Number"], read["SMSC"]["Number"], read["SMSC"]["Validity"]) == (number, "+254733", "60M")
        assert read["Type"] == "Submit"
        if part.total > 1:
            assert (read["UDH"]["ID8bit"], read["UDH"]["AllParts"], read["UDH"]["PartNumber"]) == (
                77,
                part.total,
                part.index,
            )


@given(st.text(st.characters(min_codepoint=0x400, max_codepoint=0x4FF), min_size=1, max_size=150))
def test_gammu_reads_our_ucs2(text: str) -> None:
    read = [
        foreign(encode(SubmitPdu("+254733", Content.of(part, 0))))
        for part in split(text, reference=1, wide_reference=True)
    ]
    assert "".join(part["Text"] for part in read) == text
    assert {part["Class"] for part in read} == {0}


def test_gammu_reads_our_deliver_and_status_report() -> None:
    part = split("hello", reference=1)[0]
    read = foreign(encode(Deliver("+254733", Content.of(part), "2026-03-04T05:06:07+03:00")))
    assert (read["Type"], read["Text"], read["Number"]) == ("Deliver", "hello", "+254733")
    assert read["DateTime"].isoformat() == "2026-03-04T05:06:07+03:00"
    report = StatusReport(77, "+254733", "2026-03-04T05:06:07+03:00", "2026-03-04T05:07:07-03:30", 0x46)
    read = foreign(encode(report))
    assert (read["Type"], read["MessageReference"], read["DeliveryStatus"]) == ("Status_Report", 77, 0x46)
    assert read["SMSCDateTime"].isoformat() == report.discharged


@given(
    gammu_texts.filter(lambda text: len(text) <= 160),
    st.sampled_from(["Default_No_Compression", "Unicode_No_Compression"]),
)
def test_we_read_gammus_submit(text: str, coding: str) -> None:
    if coding.startswith("Unicode"):
        text = text[:70]
    template = foreign(encode(SubmitPdu("+254700000001", Content.of(split("x", reference=1)[0]))))
    template |= {"Text": text, "Coding": coding, "SMSC": template["SMSC"] | {"Number": "+254733000000"}}
    read = decode(b"\x00" + gammu.EncodePDU(template, "Submit")[8:])
    assert isinstance(read, SubmitPdu)
    assert (read.content.text, read.destination) == (text, "+254700000001")


@given(gammu_texts, times)
def test_a_second_foreign_decoder_reads_our_deliver(text: str, when: str) -> None:
    for part in split(text, reference=9):
        pdu = encode(Deliver("+254733", Content.of(part), when, smsc="+254700"))
        read = read_incoming_sms(pdu.hex().upper())
        assert read["sender"].lstrip("+") == "254733"
        assert read["content"] == gsm.decode(part.payload)


# --- real PDUs


def vectors() -> list[dict[str, Any]]:
    """The test data of other projects, from a folder beside the repository or in SMS_GATEWAY_VECTORS."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
    file = Path(os.environ.get("SMS_GATEWAY_VECTORS", beside)) / "sms-deliver.json"
    if not file.is_file():
        return []
    read: list[dict[str, Any]] = json.loads(file.read_text())
    return read


VECTORS = vectors()


@pytest.mark.skipif(not VECTORS, reason="no folder of vectors (SMS_GATEWAY_VECTORS)")
def test_real_pdus() -> None:
    for vector in VECTORS:
        read = decode(vector["pdu"])
        assert isinstance(read, Deliver), vector
        header = read.content.header
        assert read.sender == vector["sender"], vector
        assert {"8bit": "binary"}.get(vector["coding"], vector["coding"]) == read.content.encoding, vector
        if "text" in vector:
            assert read.content.text == vector["text"], vector
        if "data" in vector:
            assert read.content.payload.hex() == vector["data"].lower(), vector
        if "concat" in vector:
            assert [header.reference, header.total, header.index] == vector["concat"], vector
        else:
            assert header.total == 1, vector
        assert read.timestamp is not None
        # The year has two digits there; the vectors put all of them into this century.
        assert (vector["time"] or "")[4:] == read.timestamp[4:], vector
        assert vector["cls"] == (
            -1 if read.content.coding.message_class is None else read.content.coding.message_class
        ), vector


@pytest.mark.skipif(not VECTORS, reason="no folder of vectors (SMS_GATEWAY_VECTORS)")
def test_real_pdus_that_we_write_again() -> None:
    for vector in VECTORS:
        read = decode(vector["pdu"])
        assert decode(encode(read)) == read, vector


# --- elements


def test_a_well_known_pdu() -> None:
    read = decode("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
    assert isinstance(read, Deliver)
    assert (read.sender, read.smsc, read.content.text) == ("+31641600986", "+31624000000", "How are you?")
    assert read.timestamp == "2002-08-26T19:37:41+00:00"


@pytest.mark.parametrize(
    ("number", "field"),
    [
        ("+254700000001", "0c91527400000010"),
        ("+27381000015", "0b917283010010f5"),
        ("0700", "04817000"),
        ("12345", "05812143f5"),
        ("*100#", "05811a00fb"),
        ("Acme", "07d0" + gsm.pack(b"Acme").hex()),
        ("", "00d0"),
    ],
)
def test_addresses(number: str, field: str) -> None:
    written = elements.write_address(number)
    assert written.hex() == field
    assert elements.Reader(written).address("x") == number


@pytest.mark.parametrize("number", ["+" + "1" * 21, "twelve chars", "naïve", "\u4e2d"])
def test_addresses_that_do_not_fit(number: str) -> None:
    with pytest.raises(PduError):
        elements.write_address(number)


def test_a_national_number_keeps_its_digits() -> None:
    assert elements.Reader(bytes.fromhex("0aa17000000010")).address("x") == "0700000001"


def test_a_name_of_seven_letters_whose_sender_counted_eight() -> None:
    assert elements.Reader(bytes.fromhex("0ed0") + gsm.pack(b"GATEWAY")).address("x") == "GATEWAY"


def test_a_service_centre_is_a_number() -> None:
    with pytest.raises(PduError, match="isn't a number"):
        elements.write_service_centre("Acme")


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        ("11609232239180", "2011-06-29T23:32:19+02:00"),
        ("2140529165056a", "2012-04-25T19:56:50-06:30"),
        ("99309251619580", "1999-03-29T15:16:59+02:00"),
        ("00000000000000", None),
        ("ffffffffffffff", None),
        ("a1609232239180", None),
        ("62200300000000", None),
    ],
)
def test_time_stamps(octets: str, moment: str | None) -> None:
    assert elements.read_timestamp(bytes.fromhex(octets)) == moment


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-04T05:06:07+23:00"])
def test_times_that_cannot_be_written(moment: str) -> None:
    with pytest.raises(PduError):
        elements.write_timestamp(moment)


@pytest.mark.parametrize(
    ("seconds", "octet"),
    [(0, 0), (300, 0), (599, 0), (600, 1), (43_200, 143), (45_000, 144), (86_400, 167), (172_800, 168), (10**9, 255)],
)
def test_validity_never_outlives_what_was_asked(seconds: float, octet: int) -> None:
    assert elements.write_validity(seconds) == octet


def test_validity_in_the_other_forms() -> None:
    tail = "0b911346610089f60000"
    absolute = decode("00" + "1900" + tail + "11609232239180" + "0161")
    assert isinstance(absolute, SubmitPdu)
    assert (absolute.valid_until, absolute.validity_s) == ("2011-06-29T23:32:19+02:00", None)
    assert decode(encode(absolute)) == absolute
    for field, seconds in (
        ("010b0000000000", 3600),
        ("021e0000000000", 30),
        ("03102030000000", 3723),
        ("00000000000000", None),
        ("03ffffff000000", None),
    ):
        enhanced = decode("00" + "0900" + tail + field + "0161")
        assert isinstance(enhanced, SubmitPdu)
        assert (enhanced.validity_s, enhanced.content.text) == (seconds, "a")


@pytest.mark.parametrize(
    ("octet", "coding"),
    [
        (0x00, Coding()),
        (0x04, Coding(Encoding.BINARY)),
        (0x08, Coding(Encoding.UCS2)),
        (0x0C, Coding()),
        (0x10, Coding(message_class=0)),
        (0x18, Coding(Encoding.UCS2, message_class=0)),
        (0x20, Coding(compressed=True)),
        (0x48, Coding(Encoding.UCS2, delete_after_reading=True)),
        (0x80, Coding()),
        (0xC8, Coding(waiting=Waiting("voicemail", active=True, store=False))),
        (0xD1, Coding(waiting=Waiting("fax", active=False, store=True))),
        (0xEA, Coding(Encoding.UCS2, waiting=Waiting("email", active=True, store=True))),
        (0xF0, Coding(message_class=0)),
        (0xF6, Coding(Encoding.BINARY, message_class=2)),
    ],
)
def test_data_coding_schemes(octet: int, coding: Coding) -> None:
    assert read_coding(octet) == coding
    assert read_coding(write_coding(coding)) == coding


def test_every_data_coding_scheme_can_be_written_again() -> None:
    assert {read_coding(octet).waiting.kind for octet in range(0xC0, 0xC4)} == set(WAITING_KINDS)
    for octet in range(256):
        assert read_coding(write_coding(read_coding(octet))) == read_coding(octet)


def test_compressed_text_is_given_as_octets() -> None:
    content = Content(b"\x01\x02", coding=Coding(compressed=True))
    read = decode(encode(Deliver("+1", content, "2026-03-04T05:06:07+03:00")))
    assert isinstance(read, Deliver)
    assert (read.content.encoding, read.content.payload) == (Encoding.BINARY, b"\x01\x02")


def test_a_header_longer_than_the_user_data_is_text() -> None:
    read = decode("00" + "44" + "0b911346610089f6" + "0004" + "11609232239180" + "03" + "050003")
    assert isinstance(read, Deliver)
    assert (read.content.udh, read.content.payload) == (b"", b"\x05\x00\x03")


def test_too_much_user_data() -> None:
    with pytest.raises(PduError, match="141 octets, and 140 is the most"):
        encode(SubmitPdu("+1", Content(bytes(141), coding=Coding(Encoding.BINARY))))


def test_the_reserved_type_is_a_deliver() -> None:
    octets = bytearray(encode(Deliver("+1", Content(b"a"), "2026-03-04T05:06:07+03:00")))
    octets[1] |= 3
    assert isinstance(decode(bytes(octets)), Deliver)


def test_a_status_report_with_optional_fields() -> None:
    report = StatusReport(7, "+254733", "2026-03-04T05:06:07+03:00", "2026-03-04T05:07:07+03:00", 0x00)
    read = decode(encode(report) + bytes.fromhex("07000003a1b2c3"))
    assert read == report
    assert (report.receipt_status, report.reason) == (
        ReceiptStatus.DELIVERED,
        "short message received by the recipient",
    )


def test_reading_octets() -> None:
    reader = elements.Reader(b"abc")
    assert (reader.take(2, "x"), reader.left, reader.rest(10), reader.left) == (b"ab", 1, b"c", 0)
    with pytest.raises(PduError, match="ends inside the end: 1 octets are needed and 0 are there"):
        reader.octet("the end")
