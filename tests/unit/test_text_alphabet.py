"""The GSM 7 bit alphabet against the standard's own words and a foreign decoder (3GPP TS 23.038 §6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smspdudecoder.codecs import GSM as FOREIGN

from drivers.text import alphabet
from drivers.text.national import ESCAPE, LOCKING, SINGLE

TABLES = [(locking, single) for locking in (0, *LOCKING) for single in (0, *SINGLE)]

# §6.2.1, read row by row off the standard's table.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


def texts(locking: int = 0, single: int = 0, **kwargs: int) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(sorted(alphabet.encoder(locking, single))), **kwargs)


def test_every_septet_of_the_default_alphabet() -> None:
    for septet, character in enumerate(DEFAULT):
        if septet != ESCAPE:
            assert alphabet.encode(character) == bytes([septet])
            assert alphabet.decode(bytes([septet])) == character


def test_every_character_of_the_extension() -> None:
    for septet, character in EXTENSION.items():
        assert alphabet.encode(character) == bytes([ESCAPE, septet])
        assert alphabet.decode(bytes([ESCAPE, septet])) == character


def test_no_character_beside_those_is_in_the_alphabet() -> None:
    assert set(alphabet.encoder()) == set(DEFAULT.replace("\x1b", "")) | set(EXTENSION.values())


def test_the_section_sign_is_not_a_backtick() -> None:
    assert alphabet.encode("§") == b"\x5f"
    with pytest.raises(UnicodeEncodeError, match=r"U\+0060"):
        alphabet.encode("a`")


def test_the_error_names_the_first_strange_character() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        alphabet.encode("abcşdę")
    assert (caught.value.start, caught.value.end, caught.value.object[3]) == (3, 4, "ş")


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        (b"a\x1b", "a "),
        (b"\x1b\x1bA", " A"),
        (b"\x1bA", "A"),
        (b"\x1b\x65\x1b\x65", "€€"),
        (b"\x1b\x0d", "\r"),
        (b"\xe9A", "\ufffdA"),
        (b"", ""),
    ],
)
def test_what_a_receiver_shows_for_odd_escapes(septets: bytes, text: str) -> None:
    assert alphabet.decode(septets) == text


@pytest.mark.parametrize(("locking", "single"), TABLES)
def test_national_tables_give_back_each_character(locking: int, single: int) -> None:
    for character, septets in alphabet.encoder(locking, single).items():
        assert alphabet.decode(septets, locking, single) == character


def test_a_free_place_is_a_replacement_character() -> None:
    assert alphabet.decode(b"\x0c", locking=4) == "\ufffd"


@pytest.mark.parametrize(
    ("text", "locking", "single", "septets"),
    [
        ("ğĞıİşŞç", 0, 1, "1b671b471b691b491b731b531b63"),
        ("ğĞıİşŞç€", 1, 0, "0c0b07401d1c6004"),
        ("áÁíóú", 0, 2, "1b611b411b691b6f1b75"),
        ("ãõ∞`", 3, 0, "7b7c157d"),
        ("नमस्ते।", 6, 6, "2f424c5f27591b19"),
        ("ಡ,€", 7, 0, "242c1b65"),
        ("౧€", 12, 12, "1b1d1b65"),
        ("سلام", 13, 0, "3d4d004e"),
    ],
)
def test_national_examples(text: str, locking: int, single: int, septets: str) -> None:
    assert alphabet.encode(text, locking, single).hex() == septets


def test_unknown_tables() -> None:
    for locking, single in ((2, 0), (14, 0), (0, 14), (255, 255)):
        with pytest.raises(ValueError, match="defines no"):
            alphabet.encode("a", locking, single)
        assert alphabet.decode(b"A\x1b\x65", locking, single) == "A€"


def test_the_standards_example_of_packing() -> None:
    assert alphabet.pack(alphabet.encode("hellohello")).hex().upper() == "E8329BFD4697D9EC37"


@given(st.binary(max_size=200), st.integers(0, 6))
def test_packing_round_trip(octets: bytes, fill_bits: int) -> None:
    septets = bytes(octet & 0x7F for octet in octets)
    packed = alphabet.pack(septets, fill_bits)
    assert len(packed) == (7 * len(septets) + fill_bits + 7) // 8
    assert alphabet.unpack(packed, len(septets), fill_bits) == septets
    assert (
        alphabet.unpack(packed[:-1], len(septets), fill_bits)
        == septets[: max(0, (8 * len(packed) - 8 - fill_bits) // 7)]
    )


@given(st.data(), st.sampled_from(TABLES))
def test_text_round_trip(data: st.DataObject, tables: tuple[int, int]) -> None:
    text = data.draw(texts(*tables))
    assert alphabet.decode(alphabet.encode(text, *tables), *tables) == text


@given(st.binary(), st.integers(0, 255), st.integers(0, 255))
def test_decoding_never_fails(octets: bytes, locking: int, single: int) -> None:
    assert isinstance(alphabet.decode(octets, locking, single), str)


@given(texts(max_size=160))
def test_a_foreign_decoder_agrees(text: str) -> None:
    septets = alphabet.encode(text)
    read = FOREIGN.decode(alphabet.pack(septets).hex())
    # It doesn't know the number of septets, so it may take padding for an @.
    assert read == text or read == f"{text}@"
