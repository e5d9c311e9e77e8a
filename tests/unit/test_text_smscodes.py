"""Error numbers of modems, and TP-Status: words and whose fault."""

from __future__ import annotations

import pytest

from drivers.base import Fault, ReceiptStatus
from drivers.text.smscodes import cme_error, cms_error
from drivers.text.tpstatus import receipt_status, status_sentence


@pytest.mark.parametrize(
    "code", [17, 22, 38, 41, 42, 47, 314, 331, 332, 8, 10, 28, 29, 30, 50, 310, 311, 313, 315, 316, 322, 330]
)
def test_trouble_of_network_and_sim_keeps_the_message(code: int) -> None:
    assert cms_error(code).fault is Fault.DEVICE


@pytest.mark.parametrize("code", [1, 21, 304, 305, 196])
def test_trouble_of_the_message_fails_it(code: int) -> None:
    assert cms_error(code).fault is Fault.MESSAGE


def test_a_destination_out_of_order_delays_the_message() -> None:
    assert cms_error(27) == ("destination out of order", Fault.TEMPORARY)


@pytest.mark.parametrize("code", [500, 512, -1, 99_999])
def test_a_code_that_says_nothing_is_unclear(code: int) -> None:
    assert cms_error(code).fault is Fault.UNCLEAR
    assert cms_error(code).sentence


@pytest.mark.parametrize("code", [10, 11, 12, 13, 14, 15, 30, 31, 32])
def test_equipment_errors_keep_the_message(code: int) -> None:
    assert cme_error(code).fault is Fault.DEVICE


def test_words() -> None:
    assert cms_error(38).sentence == "network out of order"
    assert cme_error(14).sentence == "SIM busy"
    assert cms_error(777).sentence == "unknown +CMS ERROR 777"
    assert cme_error(777) == ("unknown +CME ERROR 777", Fault.UNCLEAR)


@pytest.mark.parametrize("status", range(256))
def test_every_status_has_a_meaning_and_a_sentence(status: int) -> None:
    expected = (
        ReceiptStatus.DELIVERED if status < 0x20 else ReceiptStatus.PENDING if status < 0x40 else ReceiptStatus.FAILED
    )
    assert receipt_status(status) is expected
    assert status_sentence(status)


def test_status_words() -> None:
    assert status_sentence(0x46) == "validity period expired"
    assert status_sentence(0x55) == "permanent error (TP-Status 0x55)"
    assert status_sentence(0x30) == "temporary error; the service centre still tries (TP-Status 0x30)"
    with pytest.raises(ValueError, match="isn't an octet"):
        status_sentence(-1)
