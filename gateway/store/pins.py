"""Tries of SIM PINs, remembered before they are made. The PIN itself is never stored."""

from __future__ import annotations

from sqlalchemy import select, update

from gateway.store import schema as s
from gateway.store.engine import Conn

_p = s.pin_try.c
FULL = 3
"""What a SIM's counter stands at when no wrong PIN was given (ETSI TS 102 221 §9.5)."""


def remember(c: Conn, sim: str, device: str, tries_left: int | None, now_ms: int) -> int:
    """Write down that the PIN is about to be given. ``tries_left``: what the SIM's counter says before it."""
    new = s.pin_try.insert().values(sim=sim, device=device, tries_left=tries_left, tried_ms=now_ms)
    return int(c.execute(new.returning(_p.id)).scalar_one())


def outcome(c: Conn, try_id: int, accepted: bool | None, now_ms: int) -> None:  # noqa: ARG001 - as all of the store
    """What the SIM said; None leaves the outcome unknown."""
    if accepted is not None:
        said = "accepted" if accepted else "refused"
        c.execute(update(s.pin_try).where(_p.id == try_id).values(outcome=said))


def refused(c: Conn, sim: str, tries_left: int | None) -> str | None:
    """Why the PIN must not be given to this SIM now, None when it may be.

    A try whose outcome is not known counts as refused, unless the counter stands where it stood before the try.
    """
    if tries_left is not None and tries_left < FULL:
        return f"the SIM has {tries_left} of {FULL} tries left; enter its PIN in a phone"
    last = c.execute(select(s.pin_try).where(_p.sim == sim).order_by(_p.id.desc()).limit(1)).one_or_none()
    if last is None or last.outcome == "accepted" or last.forgiven_ms is not None:
        return None
    if last.outcome == "refused":
        return f"the SIM refused its PIN; correct it, then `sms-gateway unlock {last.device}`"
    if tries_left is not None:
        return None
    return (
        "the PIN was given once and the SIM's answer is not known, so it may have been refused; "
        f"`sms-gateway unlock {last.device}` allows another try"
    )


def unlock(c: Conn, device: str, now_ms: int) -> None:
    """A person allows another try, on every SIM that this device tried."""
    c.execute(update(s.pin_try).where(_p.device == device, _p.forgiven_ms.is_(None)).values(forgiven_ms=now_ms))
