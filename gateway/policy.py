"""What to do after an attempt. Pure: time and chance are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.base import Result
from gateway.store.types import Status


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """How a device's config says attempts are repeated."""

    attempts: int = 5
    retry_s: float = 30.0
    on_unknown: str = "resend"
    settle_s: float = 60.0


@dataclass(frozen=True, slots=True)
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
) -> Decision:
    """Decide from the results of all parts of attempt number ``attempt`` (from 1). ``jitter`` is 0 to 1."""
    raise NotImplementedError
