import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Fault, Outcome, Result
from gateway.policy import LONGEST_S, TROUBLE_S, Decision, DevicePolicy, after
from gateway.store.transitions import TRANSITIONS
from gateway.store.types import Status

T0 = 1_800_000_000_000
POLICY = DevicePolicy(attempts=3, retry_s=30.0)
ACCEPTED = Result(1, 1, Outcome.ACCEPTED, "17")
UNKNOWN = Result(1, 1, Outcome.UNKNOWN, reason="no answer in 60 s")
NOT_SENT = Result(1, 1, Outcome.NOT_SENT, reason="the line was closed")


def refused(fault: Fault | None, reason: str = "", **more) -> Result:
    return Result(1, 1, Outcome.REFUSED, fault=fault, reason=reason, **more)


def decide(*results: Result, attempt: int = 1, expires_ms: int | None = None, jitter: float = 0.5) -> Decision:
    return after(results, attempt, POLICY, expires_ms, T0, jitter)


def test_accepted() -> None:
    assert decide(ACCEPTED, ACCEPTED) == Decision(Status.SENT)


def test_the_messages_fault_is_final() -> None:
    assert decide(refused(Fault.MESSAGE, "unassigned number")) == Decision(Status.FAILED, "unassigned number")
    assert decide(refused(Fault.MESSAGE, code=21)).error == "refused with code 21"
    assert decide(refused(Fault.MESSAGE)).error == "refused"


@pytest.mark.parametrize("fault", [Fault.TEMPORARY, Fault.UNCLEAR, None])
def test_again_later_and_in_the_end_not(fault: Fault | None) -> None:
    busy = refused(fault, "busy")
    assert decide(busy, attempt=1) == Decision(Status.QUEUED, "busy", T0 + 30_000)
    assert decide(busy, attempt=2) == Decision(Status.QUEUED, "busy", T0 + 60_000)
    assert decide(busy, attempt=3) == Decision(Status.FAILED, "busy; given up after 3 attempts")


def test_the_pause_has_jitter_and_an_end() -> None:
    busy = refused(Fault.TEMPORARY)
    assert decide(busy, jitter=0.0).retry_at_ms == T0 + 22_500
    assert decide(busy, jitter=1.0).retry_at_ms == T0 + 37_500
    long = after([busy], 400, DevicePolicy(attempts=1000), None, T0, 1.0)
    assert long.retry_at_ms == T0 + LONGEST_S * 1000


def test_no_time_is_left() -> None:
    decision = decide(refused(Fault.TEMPORARY, "busy"), expires_ms=T0 + 30_000)
    assert decision == Decision(Status.EXPIRED, "busy; no time is left for another attempt")
    assert decide(refused(Fault.TEMPORARY), expires_ms=T0 + 30_001).status is Status.QUEUED


def test_trouble_of_the_device_costs_the_message_nothing_and_lets_others_try() -> None:
    pause = round(TROUBLE_S * 1000)
    trouble = decide(refused(Fault.DEVICE, "no network"), attempt=99)
    assert trouble == Decision(Status.QUEUED, "no network", T0 + pause, counted=False, front=True)
    assert decide(NOT_SENT, attempt=99) == Decision(Status.QUEUED, NOT_SENT.reason, counted=False, front=True)
    assert decide() == Decision(Status.QUEUED, counted=False, front=True)


def test_a_message_that_a_working_device_refuses_as_its_own_trouble_has_its_attempts_counted() -> None:
    trouble = [refused(Fault.DEVICE, "facility rejected")]
    again = after(trouble, 1, POLICY, None, T0, works=True)
    assert (again.status, again.counted, again.front) == (Status.QUEUED, True, False)
    end = after(trouble, 3, POLICY, None, T0, works=True)
    assert (end.status, end.error) == (Status.FAILED, "facility rejected; given up after 3 attempts")


def test_throttled_goes_first_after_a_pause() -> None:
    slow = refused(Fault.THROTTLED, "too fast")
    assert decide(slow, attempt=99) == Decision(Status.QUEUED, "too fast", T0 + 1000, counted=False, front=True)
    assert decide(slow, refused(Fault.THROTTLED, retry_after_s=7.5)).retry_at_ms == T0 + 7500


def test_in_doubt() -> None:
    assert decide(UNKNOWN) == Decision(Status.UNKNOWN, "no answer came (no answer in 60 s)")
    assert decide(ACCEPTED, Result(1, 2, Outcome.UNKNOWN)).error == "no answer came for 1 of 2 parts"


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((ACCEPTED, refused(Fault.MESSAGE)), Status.FAILED),
        ((UNKNOWN, refused(Fault.MESSAGE)), Status.FAILED),
        ((UNKNOWN, refused(Fault.TEMPORARY)), Status.UNKNOWN),
        ((UNKNOWN, refused(Fault.THROTTLED), NOT_SENT), Status.UNKNOWN),
        ((ACCEPTED, refused(Fault.TEMPORARY), NOT_SENT), Status.QUEUED),
        ((ACCEPTED, NOT_SENT), Status.QUEUED),
    ],
)
def test_parts_that_fare_differently(results: tuple[Result, ...], status: Status) -> None:
    for order in itertools.permutations(results):
        assert decide(*order).status is status


RESULTS = st.builds(
    Result,
    st.just(1),
    st.just(1),
    st.sampled_from(Outcome),
    fault=st.sampled_from([None, *Fault]),
    reason=st.sampled_from(["", "because"]),
)


@given(st.lists(RESULTS, max_size=5), st.integers(1, 10), st.none() | st.integers(T0 - 10, T0 + 10**7), st.floats(0, 1))
def test_every_decision_is_one_the_table_allows(
    results: list[Result], attempt: int, expires_ms: int | None, jitter: float
) -> None:
    decision = after(results, attempt, POLICY, expires_ms, T0, jitter)
    assert decision.status in TRANSITIONS[Status.SENDING]
    assert (decision.status is Status.SENT) == bool(
        results and all(result.outcome is Outcome.ACCEPTED for result in results)
    )
    assert decision.retry_at_ms is None or T0 < decision.retry_at_ms <= T0 + LONGEST_S * 1000
    assert decision.counted or decision.status is Status.QUEUED
    if decision.status in {Status.FAILED, Status.EXPIRED}:
        assert decision.error
        assert not any(result.outcome is Outcome.UNKNOWN for result in results) or any(
            result.outcome is Outcome.REFUSED and result.fault is Fault.MESSAGE for result in results
        )
