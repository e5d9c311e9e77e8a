"""Times on the command line: ISO 8601 with its zone, or from now on: ``+2h``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse(text: str | None, option: str, now: datetime) -> datetime | None:
    """The time that an option means, in UTC. Raises typer.BadParameter.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> parse("+1h30m", "--at", noon).isoformat(), parse("2026-01-01T15:00+03:00", "--at", noon).isoformat()
    ('2026-01-01T13:30:00+00:00', '2026-01-01T12:00:00+00:00')
    """
    if text is None:
        return None
    if text.startswith("+"):
        return _from_now(text, option, now)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time; {_allowed()}", param_hint=option) from None
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no zone; add Z for UTC, or the offset: {text}Z", param_hint=option)
    return found.astimezone(UTC)


def _from_now(text: str, option: str, now: datetime) -> datetime:
    if not re.fullmatch(r"\+(\d+[smhd])+", text, re.ASCII):
        raise typer.BadParameter(f"{text!r} is not a time from now; {_allowed()}", param_hint=option)
    seconds = sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhd])", text))
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is too far away", param_hint=option) from None


def _allowed() -> str:
    return "write ISO 8601 with a zone, such as 2026-01-31T09:30:00Z, or a time from now, such as +2h"
