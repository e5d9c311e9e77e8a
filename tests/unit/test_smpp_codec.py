"""PDUs: against smpplib's own writer, against smpp34's reader, and against damage."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from drivers.smpp import addresses, codec, names
from drivers.smpp.framing import FrameBuffer, FramingError

latin = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20)
octet = st.integers(0, 255)
tlv = st.tuples(st.integers(0x1400, 0x3FFF), st.binary(max_size=40))


@given(latin, latin, st.binary(max_size=254), st.lists(octet, min_size=10, max_size=10), st.lists(tlv, max_size=3))
def test_the_fast_way_writes_what_smpplib_and_smpp34_read(source, destination, message, numbers, tlvs):
    ston, snpi, dton, dnpi, esm, pid, priority, registered, replace, coding = numbers
    fast = codec.submit_body(
        codec.SubmitFields(
            destination=(dton, dnpi, destination.encode("latin-1") + b"\0"),
            source=(ston, snpi, source.encode("latin-1") + b"\0"),
            short_message=message,
            esm_class=esm,
            protocol_id=pid,
            priority=priority,
            registered_delivery=registered,
            replace_if_present=replace,
            data_coding=coding,
            tlvs=tuple(tlvs),
        )
    )
    fields = {
        "source_addr_ton": ston, "source_addr_npi": snpi, "source_addr": source, "dest_addr_ton": dton,
        "dest_addr_npi": dnpi, "destination_addr": destination, "esm_class": esm, "protocol_id": pid,
        "priority_flag": priority, "registered_delivery": registered, "replace_if_present_flag": replace,
        "data_coding": coding, "sm_length": len(message), "short_message": message,
    }  # fmt: skip
    assert fast == codec.body(names.SUBMIT_SM, fields, tlvs)
    frame = codec.pdu(names.SUBMIT_SM, 7, 0, fast)
    pdu = codec.decode(frame)
    assert (pdu.octets("short_message"), pdu.number("data_coding"), pdu.tlvs) == (message, coding, tuple(tlvs))
    if source.isascii() and destination.isascii():
        theirs = smpp34.decode(frame)
        assert (theirs.short_message, theirs.data_coding, theirs.esm_class) == (message, coding, esm)
        assert (theirs.source_addr, theirs.destination_addr) == (source, destination)
        assert [(t.tag, t.value) for t in theirs.tlvs] == tlvs


@given(
    st.sampled_from([names.DELIVER_SM, names.DATA_SM, names.SUBMIT_SM, names.BIND_TRANSCEIVER]), st.binary(max_size=120)
)
def test_any_body_is_read_or_refused_with_a_status(command, body):
    try:
        pdu = codec.decode(codec.pdu(command, 1, 0, body))
    except codec.DecodeError as error:
        assert error.status in (names.RINVCMDLEN, names.RINVMSGLEN)
    else:
        assert pdu.command == command


def deliver(tlvs: bytes) -> codec.Pdu:
    return codec.decode(codec.pdu(names.DELIVER_SM, 1, 0, codec.body(names.DELIVER_SM, {"short_message": b""}) + tlvs))


def test_an_identifier_without_nul_keeps_its_last_character():
    assert deliver(codec.tlv_octets([(0x1E, b"ABC123")])).tlv_text(0x1E) == "ABC123"
    assert deliver(codec.tlv_octets([(0x1E, b"ABC123\0")])).tlv_text(0x1E) == "ABC123"


def test_an_integer_of_an_unexpected_length_loses_nothing_behind_it():
    pdu = deliver(codec.tlv_octets([(0x0427, b"\0\0\0\2"), (0x1401, b"vendor"), (0x0005, b"\1"), (0x1E, b"x\0")]))
    assert pdu.tlv_number(0x0427) == 2
    assert pdu.tlv(0x1401) == b"vendor"
    assert pdu.tlv_text(0x1E) == "x"


def test_a_damaged_optional_part_is_read_as_far_as_it_goes():
    pdu = deliver(codec.tlv_octets([(0x1E, b"x\0")]) + b"\x04\x24\xff\xff12")
    assert pdu.tlvs == ((0x1E, b"x\0"),)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"system_id": "a" * 16}, "system_id is 16 characters long; SMPP allows 15"),
        ({"password": "123456789"}, "password is 9 characters long; SMPP allows 8"),
        ({"system_id": "€"}, "system_id holds a character that SMPP cannot carry"),
        ({"interface_version": 256}, "interface_version is 256"),
        ({"sytem_id": "x"}, "sytem_id is no parameter of bind_transceiver"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_cut(fields, words):
    with pytest.raises(codec.EncodeError, match=words):
        codec.body(names.BIND_TRANSCEIVER, fields)


def test_the_interface_version_is_the_one_that_was_asked_for():
    body = codec.body(names.BIND_TRANSMITTER, {"system_id": "a", "interface_version": 0x50})
    assert codec.decode(codec.pdu(names.BIND_TRANSMITTER, 1, 0, body)).number("interface_version") == 0x50


def test_a_response_without_identifier_has_none():
    assert codec.message_id(codec.pdu(0x80000004, 1, 0x58)) is None
    assert codec.message_id(codec.pdu(0x80000004, 1, 0, b"\0")) is None
    assert codec.message_id(codec.pdu(0x80000004, 1, 0, b"abc")) == "abc"


@given(st.lists(st.binary(max_size=50), max_size=8), st.data())
def test_torn_streams_come_out_whole(bodies, data):
    frames = [codec.pdu(names.DELIVER_SM, number, 0, body) for number, body in enumerate(bodies)]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    buffer = FrameBuffer()
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += buffer.feed(stream[begin:end])
    assert found == frames
    assert len(buffer) == 0


@pytest.mark.parametrize("length", [0, 3, 15, 65537, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_is_an_error_after_what_was_whole(length):
    good = codec.pdu(names.ENQUIRE_LINK, 1)
    buffer, found = FrameBuffer(), []
    with pytest.raises(FramingError, match=str(length)):
        for frame in buffer.feed(good + length.to_bytes(4, "big")):
            found.append(frame)
    assert found == [good]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+254700000001", (1, 1, b"254700000001\0")),
        ("0700000001", (2, 1, b"0700000001\0")),
        ("12345", (3, 0, b"12345\0")),
        ("ACME", (5, 0, b"ACME\0")),
        ("", (0, 0, b"\0")),
        ("+ACME", (5, 0, b"+ACME\0")),
    ],
)
def test_addresses_get_the_type_of_number_that_fits(text, expected):
    assert addresses.encode(text) == expected
    if text:
        assert addresses.decode(expected[2].rstrip(b"\0"), expected[0]) == text


def test_an_address_that_is_too_long_is_refused():
    with pytest.raises(codec.EncodeError, match="21 octets"):
        addresses.encode("1" * 21)
