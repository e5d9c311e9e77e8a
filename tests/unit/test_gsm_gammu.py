"""A part in libGammu's words, and what has none."""

from __future__ import annotations

import pytest

from drivers.base import Encoding, Part, Submit
from drivers.gsm.composing import Habits, UnsendableError
from drivers.gsm.gammu_driver import message_of, validity
from drivers.gsm.sending import Order
from drivers.text import alphabet


def order(
    payload=b"hello", encoding=Encoding.GSM7, udh=b"", destination="+447700900111", smsc="+4477", **rest
) -> Order:
    part = Part(1, 1, encoding, payload, udh)
    submit = Submit(1, destination, (part,), **rest)
    return Order(
        destination, part, Habits().manner(submit, part), smsc, receipt=True, timeout_s=1.0, more=False,
        leaving=lambda: None, is_mine=lambda _n: True,
    )  # fmt: skip


def test_the_header_gets_its_length():
    message = message_of(order(udh=b"\x00\x03\x07\x02\x01"))
    assert message is not None
    assert message["UDH"] == {"Type": "UserUDH", "Text": b"\x05\x00\x03\x07\x02\x01"}


@pytest.mark.parametrize(
    "unusual",
    [
        order(smsc=None),
        order(fields={"protocol": 0x41}),
        order(payload=alphabet.encode("ğ", single=1), udh=b"\x24\x01\x01"),
    ],
)
def test_what_libgammu_has_no_words_for(unusual):
    assert message_of(unusual) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"destination": "Clinic"}, "numbers and short codes only"),
        ({"fields": {"message_class": 4}}, "message_class"),
        ({"fields": {"replace": True}}, "replace"),
        ({"fields": {"protocol": "0"}}, "protocol"),
    ],
)
def test_what_can_not_be_sent_says_why(wrong, words):
    with pytest.raises(UnsendableError, match=words):
        order(**wrong)


def test_the_message_speaks_before_the_config():
    part = Part(1, 1, Encoding.GSM7, b"hello")
    habits = Habits(flash=True, replace=2, reject_duplicates=True, validity=600.0)
    manner = habits.manner(Submit(1, "1234", (part,), validity_s=60.0), part)
    assert (manner.message_class, manner.protocol, manner.reject_duplicates, manner.validity_s) == (0, 0x42, True, 60.0)
    manner = habits.manner(Submit(1, "1234", (part,), fields={"reject_duplicates": False, "protocol": 0}), part)
    assert (manner.protocol, manner.reject_duplicates, manner.validity_s) == (0, False, 600.0)
    one_of_two = Part(1, 2, Encoding.GSM7, b"hello")
    assert habits.manner(Submit(1, "1234", (one_of_two,)), one_of_two).protocol == 0


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        (None, "Max"),
        (1, "5M"),
        (3600, "60M"),
        (13 * 3600 + 100, "780M"),
        (90_000, "1440M"),
        (3 * 86_400, "3D"),
        (40 * 86_400, "5W"),
    ],
)
def test_validity(seconds, word):
    assert validity(seconds) == word
