"""What goes out and what comes in, octet by octet."""

import dataclasses

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import DriverError, Encoding, Incoming, Part, Submit
from drivers.smpp import codec, content, incoming, names, outgoing
from drivers.smpp.account import account
from drivers.smpp.references import Learner
from drivers.text import alphabet as gsm

OPTIONS = {"name": "acme", "host": "localhost", "system_id": "a", "password": "b", "source": "ACME"}


def submitted(part: Part, options=None, **submit) -> smpp34.SubmitSm:
    """A part as smpp34 reads it."""
    out = outgoing.Outgoing(account({**OPTIONS, **(options or {})}))
    command = Submit(1, submit.pop("to", "+254700000001"), (part,), **submit)
    ((_, unit_part),) = out.units(command)
    return smpp34.decode(codec.pdu(names.SUBMIT_SM, 1, 0, out.body(command, unit_part)))


def gsm_part(text="hello", **more) -> Part:
    return Part(1, 1, Encoding.GSM7, gsm.encode(text), **more)


def test_a_plain_message():
    pdu = submitted(gsm_part("pay £5 €"))
    assert pdu.short_message == b"pay \x015 \x1b\x65"
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("ACME", 5, 0)
    assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == ("254700000001", 1, 1)
    assert (pdu.data_coding, pdu.esm_class, pdu.registered_delivery, pdu.validity_period) == (0, 0, 1, "")


@pytest.mark.parametrize(
    ("alphabet", "coding", "octets"),
    [
        ("gsm7", 0, b"\x00\x01_\x1b\x65\x05".replace(b"_", b"\x11")),
        ("gsm7-packed", 0, gsm.pack(b"\x00\x01\x11\x1b\x65\x05")),
        ("latin1", 8, "@£_€é".encode("utf-16-be")),
        ("ascii", 8, "@£_€é".encode("utf-16-be")),
        ("utf8", 0, "@£_€é".encode()),
    ],
)
def test_what_data_coding_0_means_is_the_accounts_affair(alphabet, coding, octets):
    pdu = submitted(gsm_part("@£_€é"), {"alphabet": alphabet})
    assert (pdu.data_coding, pdu.short_message) == (coding, octets)


def test_latin1_that_fits_stays_latin1():
    pdu = submitted(gsm_part("£é"), {"alphabet": "latin1"})
    assert (pdu.data_coding, pdu.short_message) == (0, "£é".encode("latin-1"))


def test_ucs2_and_binary():
    assert submitted(Part(1, 1, Encoding.UCS2, "Ω".encode("utf-16-be"))).data_coding == 8
    assert submitted(Part(1, 1, Encoding.BINARY, b"\1\2")).data_coding == 4


def test_a_header_is_announced_and_counted():
    pdu = submitted(gsm_part(udh=b"\0\3\7\2\1", reference=7))
    assert pdu.esm_class == 0x40
    assert pdu.short_message == b"\5\0\3\7\2\1hello"


def test_packed_text_behind_a_header_keeps_step():
    pdu = submitted(gsm_part(udh=b"\0\3\7\2\1"), {"alphabet": "gsm7-packed"})
    assert gsm.unpack(pdu.short_message[6:], 5, 1) == b"hello"


def test_sar_takes_the_place_of_the_header():
    part = dataclasses.replace(gsm_part(udh=b"\0\3\7\2\1", reference=7), total=2)
    pdu = submitted(part, {"long": "sar"})
    assert (pdu.esm_class, pdu.short_message) == (0, b"hello")
    assert [(t.tag, t.as_int()) for t in pdu.tlvs] == [(0x20C, 7), (0x20E, 2), (0x20F, 1)]


def test_what_is_too_long_for_short_message_goes_as_payload():
    pdu = submitted(Part(1, 1, Encoding.GSM7, b"\x1b\x65" * 70), {"alphabet": "latin1"})
    assert pdu.sm_length == 0 or len(pdu.short_message) <= 254
    long = submitted(gsm_part("£" * 140), {"alphabet": "utf8"})
    assert long.sm_length == 0
    assert [(t.tag, t.value) for t in long.tlvs] == [(0x424, ("£" * 140).encode())]


@pytest.mark.parametrize(
    ("part", "options", "coding", "tlvs"),
    [
        (gsm_part(), {}, 0x10, []),
        (Part(1, 1, Encoding.UCS2, b"\0a"), {}, 0x18, []),
        (gsm_part(), {"flash": "subunit"}, 0, [(5, b"\1")]),
        (gsm_part(), {"alphabet": "latin1"}, 0, [(5, b"\1")]),
    ],
)
def test_flash(part, options, coding, tlvs):
    pdu = submitted(part, options, flash=True)
    assert pdu.data_coding == coding
    assert [(t.tag, t.value) for t in pdu.tlvs] == tlvs


def test_wishes_of_the_sender_and_of_the_account():
    fields = {"smpp": {"tlvs": {"0x1401": "0x0102"}, "service_type": "CMT", "protocol_id": 65}}
    pdu = submitted(
        gsm_part(), {"tlvs": {"0x1400": "text"}}, fields=fields, priority=100, validity_s=90061, receipt=False
    )
    assert [(t.tag, t.value) for t in pdu.tlvs] == [(0x1400, b"text"), (0x1401, b"\1\2")]
    assert (pdu.service_type, pdu.protocol_id, pdu.priority_flag, pdu.registered_delivery) == ("CMT", 65, 3, 0)
    assert pdu.validity_period == "000001010101000R"


def test_receipts_can_be_switched_off():
    assert submitted(gsm_part(), {"receipts": False}).registered_delivery == 0


def test_a_destination_that_smpp_cannot_carry_is_refused_in_words():
    with pytest.raises(DriverError, match="the address is 30 octets long"):
        submitted(gsm_part(), to="9" * 30)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"alphabet": "ebcdic"}, "alphabet is 'ebcdic'; it may be gsm7, gsm7-packed, latin1, ascii, utf8"),
        ({"bind": "both"}, "bind is 'both'"),
        ({"window": 0}, "window is 0"),
        ({"tlvs": {"x": 1}}, "'x'"),
        ({"statuses": {"0x45": "nobody"}}, "a fault one of message, temporary"),
        ({"interface_version": "9"}, "interface_version is '9'"),
    ],
)
def test_wrong_options_are_named(option, words):
    with pytest.raises(DriverError, match=words):
        account({**OPTIONS, **option})


def heard(options=None, tlvs=(), **fields) -> Incoming:
    message = fields.get("short_message", b"")
    fields = {"source_addr": "254700000001", "source_addr_ton": 1, "sm_length": len(message), **fields}
    frame = codec.pdu(names.DELIVER_SM, 1, 0, codec.body(names.DELIVER_SM, fields, tlvs))
    ours = account({**OPTIONS, **(options or {})})
    found = incoming.understand(codec.decode(frame), frame, "k", "s", ours, Learner())
    assert isinstance(found, Incoming)
    return found


def words(message: Incoming) -> str:
    return message.payload.decode("utf-16-be") if message.encoding is Encoding.UCS2 else gsm.decode(message.payload)


@pytest.mark.parametrize(
    ("coding", "alphabet", "octets", "expected"),
    [
        (0, "gsm7", b"\x00\x01", "@£"),
        (0, "gsm7-packed", gsm.pack(b"hello"), "hello"),
        (0, "gsm7-packed", gsm.pack(b"seven77"), "seven77"),
        (0, "latin1", b"\xa3\xe9", "£é"),
        (0, "utf8", "£é".encode(), "£é"),
        (1, "gsm7", b"a@b", "a@b"),
        (3, "gsm7", b"\xa3\xe9", "£é"),
        (6, "gsm7", "Привет".encode("iso8859-5"), "Привет"),
        (7, "gsm7", "שלום".encode("iso8859-8"), "שלום"),
        (8, "gsm7", "Ω😀".encode("utf-16-be"), "Ω😀"),
        (0x0E, "gsm7", "안녕".encode("euc_kr"), "안녕"),
        (0x18, "gsm7", "Ω".encode("utf-16-be"), "Ω"),
        (0xF0, "gsm7", b"hello", "hello"),
    ],
)
def test_every_coding_is_read(coding, alphabet, octets, expected):
    assert words(heard({"alphabet": alphabet}, data_coding=coding, short_message=octets)) == expected


@pytest.mark.parametrize("coding", [0x02, 0x04, 0x14, 0xF4])
def test_binary_stays_as_it_is(coding):
    message = heard(data_coding=coding, short_message=b"\0\xff")
    assert (message.encoding, message.payload) == (Encoding.BINARY, b"\0\xff")


@pytest.mark.parametrize(("coding", "message_class"), [(0, None), (0x10, 0), (0x18, 0), (0xF1, 1), (0xF6, 2)])
def test_message_class(coding, message_class):
    assert heard(data_coding=coding, short_message=b"aa").message_class == message_class


@pytest.mark.parametrize(
    ("fields", "tlvs", "expected"),
    [
        ({"esm_class": 0x40, "short_message": b"\5\0\3\7\2\1hello"}, [], (7, 2, 1)),
        ({"esm_class": 0x40, "short_message": b"\6\x08\4\1\7\2\2hello"}, [], (0x107, 2, 2)),
        ({"esm_class": 0, "short_message": b"\5\0\3\7\2\1hello"}, [], (7, 2, 1)),
        ({"short_message": b"hello"}, [(0x20C, b"\1\7"), (0x20E, b"\2"), (0x20F, b"\2")], (0x107, 2, 2)),
        ({"short_message": b"hello"}, [(0x20C, b"\7"), (0x20E, b"\0\2"), (0x20F, b"\1")], (7, 2, 1)),
        ({"short_message": b"hello"}, [(0x20C, b"\1\7"), (0x20E, b"\2"), (0x20F, b"\3")], (None, 1, 1)),
        ({"short_message": b""}, [(0x424, b"hello")], (None, 1, 1)),
        ({"esm_class": 0x40}, [(0x424, b"\5\0\3\7\2\1hello")], (7, 2, 1)),
        ({"esm_class": 0x40, "short_message": b"\xffhello"}, [], (None, 1, 1)),
    ],
)
def test_long_messages_say_which_part_they_are(fields, tlvs, expected):
    message = heard(tlvs=tlvs, **fields)
    assert (message.reference, message.total, message.index) == expected
    assert message.payload.endswith(b"hello")


def test_addresses_and_odd_parameters_are_kept():
    message = heard(
        tlvs=[(0x1400, b"x")], short_message=b"hi", service_type="CMT", destination_addr="ACME", dest_addr_ton=5
    )
    assert (message.sender, message.to) == ("+254700000001", "ACME")
    assert message.fields == {"tlvs": {"0x1400": "78"}, "service_type": "CMT"}


def test_a_fingerprint_names_the_body_and_not_the_sequence():
    body = codec.body(names.DELIVER_SM, {"short_message": b"hi", "sm_length": 2})
    first, second = (codec.pdu(names.DELIVER_SM, number, 0, body) for number in (1, 2))
    assert incoming.fingerprint(first) == incoming.fingerprint(second)
    assert incoming.fingerprint(first) != incoming.fingerprint(first + b"\x14\0\0\0")


@given(
    st.binary(max_size=60),
    st.integers(0, 255),
    st.sampled_from(["gsm7", "gsm7-packed", "latin1", "ascii", "utf8"]),
    st.booleans(),
)
def test_any_content_is_read(octets, coding, alphabet, has_udh):
    content.decode(octets, coding, alphabet, has_udh=has_udh)


@pytest.mark.parametrize(("priority", "flag"), [(-100, 0), (0, 0), (1, 1), (33, 1), (34, 2), (67, 3), (100, 3)])
def test_priorities(priority, flag):
    assert outgoing.priority_flag(priority) == flag


@pytest.mark.parametrize(
    ("seconds", "period"),
    [
        (None, ""),
        (1, "000000000100000R"),
        (3600, "000000010000000R"),
        (86400 * 45, "000115000000000R"),
        (86400 * 400, "010110000000000R"),
    ],
)
def test_validity_periods(seconds, period):
    assert outgoing.validity_period(seconds) == period.encode() + b"\0"
