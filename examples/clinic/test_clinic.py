"""The reminders, played through."""
# ruff: noqa: D103 - the names of the tests say it

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clinic import ClinicApp, remind

from gateway import OutgoingMessage
from gateway.testing import TestRouter, run_script

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def sent(gateway_router: TestRouter, tmp_path: Path) -> list[OutgoingMessage]:
    """Three appointments: in an hour, in two days, and one that is over."""
    gateway_router.add_app(ClinicApp, {"desk": "+447700900199"})
    file = tmp_path / "appointments.csv"
    times = [NOW + timedelta(hours=1), NOW + timedelta(days=2), NOW - timedelta(hours=1)]
    rows = [f"{n},+44770090010{n},Patient {n},{when.isoformat()}" for n, when in enumerate(times, 1)]
    file.write_text("\n".join(["id,number,name,time", *rows]), encoding="utf-8")
    first = remind(file, "mockbackend", NOW)
    assert [each.id for each in remind(file, "mockbackend", NOW)] == [each.id for each in first]
    return first


def test_each_goes_out_a_day_before_and_once(sent: list[OutgoingMessage]) -> None:
    soon, later = sent
    assert (soon.at, later.at) == (NOW, NOW + timedelta(days=1))
    assert (soon.refresh().status, later.refresh().status) == ("sent", "queued")
    assert soon.expires == NOW + timedelta(hours=1)


@pytest.mark.usefixtures("sent")
def test_answers() -> None:
    run_script("""
        +447700900101 > Yes!
        +447700900101 < Thank you. See you then.
        +447700900102 > no sorry, work
        +447700900102 < Thank you for telling us. We will call you for another time.
        +447700900199 < Appointment 2 is free: +447700900102 can't come. sorry, work
        +447700900109 > yes
        +447700900109 < We don't know of an appointment of yours.
    """)
