"""The OTP service, played through."""
# ruff: noqa: D103 - the names of the tests say it

from __future__ import annotations

from pathlib import Path

from otp import LIFE_S, Codes, OtpApp, issue

from gateway.testing import MockBackend, TestRouter, run_script

ANN = "+447700900101"


def test_a_code_by_sms(gateway_router: TestRouter, tmp_path: Path) -> None:
    app = gateway_router.add_app(OtpApp, {"file": str(tmp_path / "codes.db"), "draw": lambda: "123456"})
    run_script("""
        +447700900101 > Code
        +447700900101 < 123456 is your code. It is good for five minutes. We never ask for it.
        +447700900101 > what is this
    """)
    assert isinstance(app, OtpApp)
    assert gateway_router.outbound[0].priority == 100


def test_a_code_is_good_once(mock_backend: MockBackend, tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.db")
    message = issue(codes, "mockbackend", ANN, now=0)
    code = message.text.split()[0]
    assert [each["text"] for each in mock_backend.sent_messages] == [message.text]
    assert codes.check(ANN, code, now=1)
    assert not codes.check(ANN, code, now=2)


def test_three_tries_and_five_minutes(tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.db", draw=lambda: "123456")
    codes.new(ANN, now=0)
    assert not codes.check(ANN, "123456", now=LIFE_S)
    codes.new(ANN, now=0)
    assert [codes.check(ANN, guess, now=1) for guess in ("1", "2", "3", "123456")] == [False] * 4
