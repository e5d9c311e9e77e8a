"""Orders by SMS: who is obeyed, once, and what is answered."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from gateway import ConfigurationError, get_message, lookup_connections, receive, send
from gateway.apps.control import AHEAD, ControlApp, hotp
from gateway.apps.loading import build
from gateway.store import control
from gateway.store.control import LOCKED_MS, MOST_FAILURES, Verdict
from gateway.testing import create_connection

KEY = b"12345678901234567890"
SECRET = base64.b32encode(KEY).decode()
ADMIN = "+254700000009"


@pytest.fixture
def router(gateway_router):
    gateway_router.add_app(ControlApp, {"admin": {"amina": {"number": ADMIN, "secret": SECRET}}})
    return gateway_router


def order(text, identity=ADMIN):
    return receive(text, create_connection({"identity": identity}))


def answers(router):
    return [message.text for message in router.outbound]


def test_an_order_with_the_next_code_is_obeyed_once(router):
    message = order(f"Gw {hotp(KEY, 0)} Status")
    assert message.filtered
    assert answers(router) == ["no devices. Nothing waits."]
    order(f"gw {hotp(KEY, 0)} status")
    assert len(answers(router)) == 1, "a code that was used is a wrong one"
    order(f"gw {hotp(KEY, 3)} status")
    order(f"gw {hotp(KEY, 2)} status")
    assert len(answers(router)) == 2, "codes before a used one are used up with it"
    order(f"gw {hotp(KEY, 4 + AHEAD)} status")
    assert len(answers(router)) == 2, "too far ahead"


def test_others_are_not_obeyed_and_their_messages_are_messages(router):
    message = order(f"gw {hotp(KEY, 0)} status", "+254700000001")
    assert (message.filtered, answers(router)) == (False, [])
    assert order("gw is a nice word").filtered is False


def test_guessing_locks_out_for_an_hour(router, store):
    for _ in range(MOST_FAILURES):
        assert order("gw 000000 status").filtered
    order(f"gw {hotp(KEY, 0)} status")
    assert answers(router) == []

    def redeem(now_ms, good):
        return store.write(lambda c: control.redeem(c, "a", lambda counter: counter if good else None, now_ms))

    verdicts = [redeem(1000, good=False) for _ in range(MOST_FAILURES)]
    assert verdicts == [Verdict.WRONG] * (MOST_FAILURES - 1) + [Verdict.LOCKED]
    assert redeem(1000 + LOCKED_MS - 1, good=True) is Verdict.LOCKED
    assert redeem(1000 + LOCKED_MS, good=True) is Verdict.GOOD
    assert redeem(0, good=True) is Verdict.GOOD, "a clock that fell back locks nobody out"


def test_hold_and_release(router):
    waiting = send("later", lookup_connections("mockbackend", "+1"), at=_tomorrow())
    order(f"gw {hotp(KEY, 0)} hold")
    assert get_message(waiting.id).transmissions[0].status == "held"
    order(f"gw {hotp(KEY, 1)} release")
    assert get_message(waiting.id).transmissions[0].status == "queued"
    assert answers(router)[1:] == ["1 held.", "1 released."]


def test_what_can_not_be_done_is_said(router):
    order(f"gw {hotp(KEY, 0)} dance")
    order(f"gw {hotp(KEY, 1)} restart nothing")
    assert answers(router) == [
        "There is no order 'dance'; the orders are status, hold, release, restart, pause, resume.",
        "restart: name one device: ",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keyword": "two words"}, "one word"),
        ({"admin": "amina"}, "a table"),
        ({"admin": {"amina": {"number": ADMIN}}}, "number and secret"),
        ({"admin": {"amina": {"number": 254, "secret": SECRET}}}, "must be a string"),
    ],
)
def test_options_that_can_not_be_used(gateway_router, options, said):
    with pytest.raises(ConfigurationError, match=said):
        build(ControlApp, gateway_router, options)


@pytest.mark.parametrize(("secret", "said"), [("1!", "not base32"), ("ABCDEFGH", "too short")])
def test_a_secret_that_is_none_is_a_fault(gateway_router, secret, said):
    app = build(ControlApp, gateway_router, {"admin": {"amina": {"number": ADMIN, "secret": secret}}})
    (fault,) = app.faults(gateway_router.config)
    assert fault.startswith("admin.amina.secret: ")
    assert said in fault


def _tomorrow():

    return datetime.now(UTC) + timedelta(days=1)
