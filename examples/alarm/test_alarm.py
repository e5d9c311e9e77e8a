"""The alarm, played through."""
# ruff: noqa: D103 - the names of the tests say it

from __future__ import annotations

from alarm import AlarmApp, alarm

from gateway.testing import TestRouter, run_script

PEOPLE = ["+447700900101", "+447700900102", "+447700900103"]


def statuses(number: int = 17) -> list[str]:
    return [str(each.refresh().status) for each in alarm(number, "pump 2 stands still", "mockbackend", PEOPLE)]


def test_the_first_answers_and_nobody_else_is_woken(gateway_router: TestRouter) -> None:
    gateway_router.add_app(AlarmApp)
    assert statuses() == ["sent", "queued", "queued"]
    run_script("""
        +447700900101 > ack 17
        +447700900101 < Alarm 17 is yours.
    """)
    assert statuses() == ["sent", "cancelled", "cancelled"]


def test_who_was_told_and_did_not_answer_hears_of_it(gateway_router: TestRouter) -> None:
    gateway_router.add_app(AlarmApp)
    assert statuses() == ["sent", "queued", "queued"]
    run_script("""
        +447700900102 > Ack: 17
        +447700900102 < Alarm 17 is yours.
        +447700900101 < +447700900102 has alarm 17.
    """)


def test_wrong_answers(gateway_router: TestRouter) -> None:
    gateway_router.add_app(AlarmApp)
    run_script("""
        +447700900101 > ack
        +447700900101 < Send ACK and the number of the alarm.
        +447700900101 > ack 18
        +447700900101 < There is no alarm 18.
        +447700900101 > ack what
        +447700900101 < 'what' is not a valid number.
    """)
