"""Text to parts and back: borders, whole characters, healing, counting."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Encoding, Part
from drivers.text import alphabet as gsm
from drivers.text import choose, count, join, split, split_binary, transliterate
from drivers.text.graphemes import clusters, is_mark
from drivers.text.national import LOCKING, SINGLE
from drivers.text.segments import capacity
from drivers.text.udh import Header, concatenation, national, parse_udh, ports
from drivers.text.userdata import Content, write_content

FAMILY = "\u200d".join("👨👩👧👦")
TROUBLE = ["€", "{", "é", "e\u0301", FAMILY, "🇰🇪", "👍🏽", "❤️", "\r\n", "नमस्ते", "각", "\u0301", "a", "ş", "\x00"]

texts = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from(sorted(gsm.encoder())), max_size=800),
    st.lists(st.sampled_from(TROUBLE), max_size=150).map("".join),
)


def joined(parts: Sequence[Part]) -> str:
    headers = [parse_udh(part.udh) for part in parts]
    pieces = [(part.payload, header.locking, header.single) for part, header in zip(parts, headers, strict=True)]
    return join(parts[0].encoding, pieces)


def check(parts: Sequence[Part]) -> None:
    """What holds for every part that is ever made."""
    for index, part in enumerate(parts, start=1):
        assert (part.index, part.total) == (index, len(parts))
        assert len(write_content(Content.of(part))) <= 141
        header = parse_udh(part.udh)
        assert header.reference == part.reference
        if len(parts) > 1:
            assert (header.total, header.index) == (len(parts), index)
        if part.encoding is Encoding.GSM7:
            escapes = len(part.payload) - len(part.payload.rstrip(b"\x1b"))
            assert escapes == 0
        if part.encoding is Encoding.UCS2:
            part.payload.decode("utf-16-be")


@given(texts, st.integers(0, 70_000), st.booleans(), st.booleans())
def test_round_trip(text: str, reference: int, wide: bool, whole: bool) -> None:
    parts = split(text, reference=reference, wide_reference=wide, whole_graphemes=whole)
    check(parts)
    assert joined(parts) == text
    assert parts == split(text, reference=reference, wide_reference=wide, whole_graphemes=whole)
    if len(parts) > 1:
        assert {part.reference for part in parts} == {reference % (65_536 if wide else 256)}


@given(st.data(), st.sampled_from([0, *LOCKING]), st.sampled_from([0, *SINGLE]), st.booleans())
def test_national_round_trip(data: st.DataObject, locking: int, single: int, wide: bool) -> None:
    text = data.draw(st.text(st.sampled_from(sorted(gsm.encoder(locking, single))), max_size=500))
    parts = split(text, reference=1, locking=locking, single=single, wide_reference=wide)
    check(parts)
    assert {part.encoding for part in parts} == {Encoding.GSM7}
    assert joined(parts) == text
    assert all(parse_udh(part.udh).locking == locking for part in parts)
    assert all(parse_udh(part.udh).single == single for part in parts)


@pytest.mark.parametrize(
    ("text", "wide", "sizes"),
    [
        ("", False, [0]),
        ("a" * 160, False, [160]),
        ("a" * 161, False, [153, 8]),
        ("a" * 306, False, [153, 153]),
        ("a" * 307, False, [153, 153, 1]),
        ("a" * 161, True, [152, 9]),
        ("€" * 80, False, [160]),
        ("a" * 159 + "€", False, [153, 8]),
        ("a" * 152 + "€" + "a" * 10, False, [152, 12]),
        ("a" * 151 + "€" + "a" * 10, False, [153, 10]),
        ("ż" * 70, False, [140]),
        ("ż" * 71, False, [134, 8]),
        ("ż" * 71, True, [132, 10]),
        ("ż" * 69 + "😀", False, [134, 8]),
        ("ż" * 66 + "😀" + "ż" * 10, False, [132, 24]),
        ("ż" * 68 + "🇰🇪", False, [134, 10]),
        ("ż" * 66 + "🇰🇪" + "ż", False, [132, 10]),
    ],
)
def test_borders(text: str, wide: bool, sizes: list[int]) -> None:
    parts = split(text, reference=1, wide_reference=wide)
    assert [len(part.payload) for part in parts] == sizes
    counted = count(text, wide_reference=wide)
    width = 2 if counted.encoding is Encoding.UCS2 else 1
    assert (counted.parts, counted.units) == (len(sizes), sum(sizes) // width)
    assert counted.left * width == capacity(counted.encoding, parts[-1].udh) - sizes[-1]


def test_the_header_of_each_kind_of_reference() -> None:
    assert [part.udh.hex() for part in split("a" * 200, reference=300)] == ["00032c0201", "00032c0202"]
    wide = split("a" * 200, reference=300, wide_reference=True)
    assert [part.udh.hex() for part in wide] == ["0804012c0201", "0804012c0202"]
    assert split("a", reference=5)[0].reference is None


def test_national_tables_cost_three_octets_each() -> None:
    single = split("ş" * 200, reference=1, single=1)
    assert single[0].udh.hex() == "000301" + f"{single[0].total:02x}" + "01" + "240101"
    assert capacity(Encoding.GSM7, national(1, 1)) == 152
    assert split("a" * 153, reference=1, locking=1, single=1)[0].total == 2
    assert split("a" * 152, reference=1, locking=1, single=1)[0].udh.hex() == "240101250101"


def test_whole_characters_move_to_the_next_part() -> None:
    text = "ż" * 60 + FAMILY + "ż" * 10
    assert [p.payload.decode("utf-16-be") for p in split(text, reference=1)] == ["ż" * 60, FAMILY + "ż" * 10]
    loose = split(text, reference=1, whole_graphemes=False)
    assert len(loose[0].payload) == 132


def test_a_character_larger_than_a_part_is_cut_but_not_lost() -> None:
    text = "e" + "\u0301" * 200
    parts = split(text, reference=1)
    check(parts)
    assert joined(parts) == text


def test_255_parts_are_the_most() -> None:
    assert len(split("a" * 153 * 255, reference=1)) == 255
    with pytest.raises(ValueError, match="needs 256 parts, and 255 is the most"):
        split("a" * 153 * 255 + "a", reference=1)
    assert count("a" * 153 * 255 + "a").parts == 256


@pytest.mark.parametrize("text", ["\ud800", "abc\udfff", "\ude00\ud83d"])
def test_a_lone_surrogate_is_named(text: str) -> None:
    for function in (choose, count, lambda t: split(t, reference=1)):
        with pytest.raises(ValueError, match=r"lone surrogate, U\+D"):
            function(text)


def test_choice_of_encoding() -> None:
    assert choose("hello €") is Encoding.GSM7
    assert choose("hello", "ucs2") is Encoding.UCS2
    assert choose("żółw") is Encoding.UCS2
    assert choose("ş", single=1) is Encoding.GSM7
    with pytest.raises(ValueError, match=r"'ż' \(U\+017C\) can't be sent as GSM 7 bit"):
        choose("żółw", Encoding.GSM7)
    with pytest.raises(ValueError, match="binary"):
        choose("a", "binary")
    with pytest.raises(ValueError, match="'utf7' isn't an encoding; known are gsm7, ucs2, binary"):
        choose("a", "utf7")


@pytest.mark.parametrize(
    ("alphabet", "fits", "needs_ucs2"),
    [
        ("gsm7", "Δ€é", "`"),
        ("gsm7-packed", "Δ€é", "`"),
        ("latin1", "é§", "€"),
        ("ascii", "abc{", "é"),
        ("utf8", "Δ€é", "`"),
    ],
)
def test_what_a_carriers_alphabet_carries(alphabet: str, fits: str, needs_ucs2: str) -> None:
    assert choose(fits, alphabet=alphabet) is Encoding.GSM7
    assert choose(needs_ucs2, alphabet=alphabet) is Encoding.UCS2
    with pytest.raises(ValueError, match="isn't an alphabet"):
        choose("a", alphabet="ebcdic")


def test_count_names_what_forces_ucs2() -> None:
    assert count("żółw 👍żó").offending == ("ż", "ó", "ł", "👍")
    assert count("hello").offending == ()


@given(st.binary(max_size=2000), st.booleans(), st.booleans())
def test_binary_round_trip(data: bytes, wide: bool, with_ports: bool) -> None:
    header = ports(2948, 9200) if with_ports else b""
    parts = split_binary(data, header, reference=9, wide_reference=wide)
    check(parts)
    assert b"".join(part.payload for part in parts) == data
    assert all(parse_udh(part.udh).destination_port == (2948 if with_ports else None) for part in parts)


def test_binary_borders() -> None:
    assert [len(p.payload) for p in split_binary(bytes(140), reference=1)] == [140]
    assert [len(p.payload) for p in split_binary(bytes(141), reference=1)] == [134, 7]
    assert [len(p.payload) for p in split_binary(bytes(141), reference=1, wide_reference=True)] == [133, 8]
    with pytest.raises(ValueError, match="leaves no room"):
        split_binary(b"a", bytes(139), reference=1)


@given(st.text(max_size=300), st.integers(1, 20))
def test_units_cut_by_a_foreign_sender_heal(text: str, size: int) -> None:
    octets = text.encode("utf-16-be")
    pieces = [(octets[at : at + size], 0, 0) for at in range(0, len(octets), size)]
    assert join(Encoding.UCS2, pieces) == text


@given(st.text(st.sampled_from(sorted(gsm.encoder())), max_size=300), st.integers(1, 20))
def test_escapes_cut_by_a_foreign_sender_heal(text: str, size: int) -> None:
    octets = gsm.encode(text)
    pieces = [(octets[at : at + size], 0, 0) for at in range(0, len(octets), size)]
    assert join(Encoding.GSM7, pieces) == text


def test_an_escape_heals_over_a_change_of_tables() -> None:
    assert join(Encoding.GSM7, [(b"a\x1b", 0, 0), (b"\x73b", 0, 1)]) == "aşb"
    assert join(Encoding.GSM7, [(b"a\x1b\x1b", 0, 0), (b"\x65", 0, 1)]) == "a e"
    assert join(Encoding.GSM7, [(b"a\x1b", 0, 0)]) == "a "


def test_a_truncated_part_spoils_only_itself() -> None:
    assert join(Encoding.UCS2, [(b"\0a\0b\0", 0, 0), (b"\0c\0d", 0, 0)]) == "ab\ufffdcd"
    assert join(Encoding.UCS2, [(b"\xd8\x3d", 0, 0), (b"\0c", 0, 0)]) == "\ufffdc"


@given(
    st.sampled_from(Encoding),
    st.lists(st.tuples(st.binary(max_size=160), st.integers(0, 255), st.integers(0, 255)), max_size=5),
)
def test_joining_never_fails(encoding: Encoding, pieces: list[tuple[bytes, int, int]]) -> None:
    join(encoding, pieces).encode()


def test_binary_is_joined_as_hexadecimal() -> None:
    assert join(Encoding.BINARY, [(b"\x01\xab", 0, 0), (b"\xff", 0, 0)]) == "01ABFF"


@given(st.lists(st.sampled_from([*TROUBLE, "🇰", "\u200d", "\u093f", "\u0e33"])).map("".join))
def test_clusters_are_the_text(text: str) -> None:
    found = clusters(text)
    assert "".join(found) == text
    assert all(found)
    assert not any(is_mark(ord(cluster[0])) for cluster in found[1:])


def test_clusters() -> None:
    expected = ["a", "e\u0301", FAMILY, "🇰🇪", "🇹🇿", "👍🏽", "❤️", "\r\n", "न", "म", "स्ते", "x"]
    assert clusters("".join(expected)) == expected
    assert clusters("🇰🇪🇹") == ["🇰🇪", "🇹"]


def test_the_marks_are_those_of_the_standard() -> None:
    """Of Unicode 14; a later interpreter knows more characters, and none of the old ones otherwise."""
    for point in range(0x300, 0x1_0000):
        if unicodedata.category(chr(point)) in {"Mn", "Me"} and unicodedata.ucd_3_2_0.category(chr(point)) != "Cn":
            assert is_mark(point)
        if unicodedata.category(chr(point)) in {"Lu", "Ll", "Nd", "Po"}:
            assert not is_mark(point)


@pytest.mark.parametrize(
    ("udh", "header"),
    [
        ("", Header()),
        ("0003070201", Header(7, 2, 1, elements=((0, b"\7\2\1"),))),
        ("0804012c0302", Header(300, 3, 2, wide=True, elements=((8, b"\1\x2c\3\2"),))),
        ("0003070203", Header(elements=((0, b"\7\2\3"),))),
        ("0003070200", Header(elements=((0, b"\7\2\0"),))),
        ("00030702", Header()),
        ("00020702", Header(elements=((0, b"\7\2"),))),
        ("05040b8423f0", Header(destination_port=2948, source_port=9200, elements=((5, b"\x0b\x84\x23\xf0"),))),
        ("0402f0e1", Header(destination_port=240, source_port=225, elements=((4, b"\xf0\xe1"),))),
        ("240101250103", Header(single=1, locking=3, elements=((0x24, b"\1"), (0x25, b"\3")))),
        ("00030702010003090302", Header(9, 3, 2, elements=((0, b"\7\2\1"), (0, b"\x09\3\2")))),
    ],
)
def test_reading_headers(udh: str, header: Header) -> None:
    assert parse_udh(bytes.fromhex(udh)) == header


@given(st.binary(max_size=140))
def test_reading_headers_never_fails(udh: bytes) -> None:
    header = parse_udh(udh)
    assert 1 <= header.index <= header.total <= 255


@given(st.integers(0, 65_535), st.integers(1, 255), st.booleans())
def test_header_round_trip(reference: int, total: int, wide: bool) -> None:
    header = parse_udh(concatenation(reference, total, total, wide=wide) + national(1, 3) + ports(80, 443))
    assert (header.reference, header.total, header.index) == (reference if wide else reference % 256, total, total)
    assert (header.locking, header.single, header.destination_port, header.source_port) == (1, 3, 80, 443)


def test_transliteration() -> None:
    assert (
        transliterate("\u201cCaf\u00e9\u201d \u2013 \u00e7a\u00a0va\u2026 e\u0301 \u0141\u00f3d\u017a")
        == '"Café" - ca va... é Lodz'
    )
    assert transliterate("привет 👍 €") == "привет 👍 €"
    assert count(transliterate("it\u2019s \u201cfine\u201d")).encoding is Encoding.GSM7


@given(st.text(st.sampled_from(sorted(gsm.encoder()))))
def test_transliteration_leaves_the_alphabet_alone(text: str) -> None:
    assert transliterate(text) == text
