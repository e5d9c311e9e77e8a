"""What to do after an attempt. Pure: time and chance are arguments.

A transmission of several parts is decided as one. What decides, the first that fits:

1. All parts accepted: ``sent``.
2. A part refused for the message's fault: ``failed``; no other part's fate can mend it.
3. A part in doubt: ``unknown``, until evidence comes or ``on_unknown`` applies.
4. The device is too fast, or in trouble: back to its place in the queue after a short pause, no attempt counted; other
   refusals of such a device say nothing of the message. Meanwhile the next one is tried, or another device of the pool;
   a device that takes others is in no trouble, and its refusal counts as 5.
5. A part refused for a while, or for no clear reason: again later, until the attempts are used up.
6. Parts that never left: back to its place in the queue, no attempt counted.

Parts that were accepted don't go again; the store remembers them (``Claimed.accepted``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.base import Fault, Outcome, Result
from drivers.value import value
from gateway.store.types import Status

LONGEST_S = 3600.0
"""No pause between two attempts is longer."""
THROTTLE_S = 1.0
"""Pause after a refusal for speed that doesn't say how long."""
TROUBLE_S = 5.0
"""Pause of a message after trouble of its device, in which others are tried."""


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """How a device's config says attempts are repeated."""

    attempts: int = 5
    retry_s: float = 30.0
    on_unknown: str = "resend"
    settle_s: float = 60.0


@value
class Decision:
    """What becomes of a transmission; ``Settlement`` is this with the attempt's names."""

    status: Status
    error: str | None = None
    retry_at_ms: int | None = None
    counted: bool = True
    front: bool = False


def after(
    results: Sequence[Result],
    attempt: int,
    policy: DevicePolicy,
    expires_ms: int | None,
    now_ms: int,
    jitter: float = 0.5,
    *,
    works: bool = False,
) -> Decision:
    """Decide from the results of all parts of attempt number ``attempt`` (from 1). ``jitter`` is 0 to 1.

    ``works``: since the device last refused this message for trouble of its own, it has taken others.

    ``expires_ms``: when there is no time for another attempt before it, it has expired.
    """
    if results and all(result.outcome is Outcome.ACCEPTED for result in results):
        return Decision(Status.SENT)
    if message := _first(results, Fault.MESSAGE):
        return Decision(Status.FAILED, _sentence(message))
    doubtful = [result for result in results if result.outcome is Outcome.UNKNOWN]
    if doubtful:
        return Decision(Status.UNKNOWN, _in_doubt(doubtful, len(results)))
    if throttled := _first(results, Fault.THROTTLED):
        return _throttled(results, throttled, now_ms)
    if not works and (trouble := _first(results, Fault.DEVICE)):
        retry_at_ms = now_ms + round(TROUBLE_S * (0.75 + jitter / 2) * 1000)
        return Decision(Status.QUEUED, _sentence(trouble), retry_at_ms, counted=False, front=True)
    return _again(results, attempt, policy, expires_ms, now_ms, jitter)


def _first(results: Sequence[Result], *faults: Fault | None) -> Result | None:
    refused = (result for result in results if result.outcome is Outcome.REFUSED and result.fault in faults)
    return next(refused, None)


def _sentence(result: Result) -> str:
    if result.reason:
        return result.reason
    return "refused" if result.code is None else f"refused with code {result.code}"


def _in_doubt(doubtful: Sequence[Result], total: int) -> str:
    what = "no answer came" if total == 1 else f"no answer came for {len(doubtful)} of {total} parts"
    return f"{what} ({doubtful[0].reason})" if doubtful[0].reason else what


def _throttled(results: Sequence[Result], throttled: Result, now_ms: int) -> Decision:
    pause_s = max((result.retry_after_s for result in results if result.retry_after_s is not None), default=THROTTLE_S)
    return Decision(Status.QUEUED, _sentence(throttled), now_ms + round(pause_s * 1000), counted=False, front=True)


def _again(
    results: Sequence[Result],
    attempt: int,
    policy: DevicePolicy,
    expires_ms: int | None,
    now_ms: int,
    jitter: float,
) -> Decision:
    refused = _first(results, Fault.TEMPORARY, Fault.UNCLEAR, Fault.DEVICE, None)
    if refused is None:
        reasons = [result.reason for result in results if result.outcome is Outcome.NOT_SENT and result.reason]
        return Decision(Status.QUEUED, reasons[0] if reasons else None, counted=False, front=True)
    if attempt >= policy.attempts:
        return Decision(Status.FAILED, f"{_sentence(refused)}; given up after {attempt} attempts")
    pause_s = min(LONGEST_S, policy.retry_s * 2.0 ** min(attempt - 1, 30) * (0.75 + jitter / 2))
    retry_at_ms = now_ms + round(pause_s * 1000)
    if expires_ms is not None and retry_at_ms >= expires_ms:
        return Decision(Status.EXPIRED, f"{_sentence(refused)}; no time is left for another attempt")
    return Decision(Status.QUEUED, _sentence(refused), retry_at_ms)
