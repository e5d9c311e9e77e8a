"""Why is it not sent? ``explain``, ``send --dry-run``, and the verbs by filter, with a real database."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from cli_runs import Folder

from gateway.session import now_ms
from gateway.store import nodes, optouts, outbox, queries, usage
from gateway.store.engine import Store
from gateway.store.types import Settlement, Status, UsageRow

NUMBER = "+254700000001"
CONFIG = """\
[gateway]
state = "state"
routes = "cost"

[modem.mtn]
port = "virtual"
rate = "2/minute"
cost = 0.8

[modem.air]
port = "virtual"
cost = 0.3
hours = "HOURS"
timezone = "UTC"

[modem.slow]
port = "virtual"
spacing = "1h"
recipients = "1/day"
quota = ["200/day"]

[backend.pool]
devices = ["mtn", "air"]
strategy = "cost"
rate = "1/hour"

[source."12345"]
rate = "1/hour"

[[route]]
parts = "1"
backend = "mtn"

[[route]]
backend = "air"
"""


def shut_hours():
    """Hours that are not now, whenever now is."""
    later = datetime.now(UTC) + timedelta(hours=6)
    return f"{later:%H}:00-{(later + timedelta(hours=1)):%H}:30"


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    folder.write(CONFIG.replace("HOURS", shut_hours()))
    return folder


@contextlib.contextmanager
def opened(folder):
    with contextlib.closing(Store.open(f"sqlite:///{folder.path}/state/gateway.db")) as store:
        yield store


def queue(folder, backend, *more, text="hello"):
    return folder.good("send", backend, text, NUMBER, *more).out.strip()


def why(folder, what):
    (found,) = folder.good("explain", what, "--json").json
    return found["reasons"]


def use(folder, subject, parts):
    with opened(folder) as store:
        store.write(lambda c: usage.add(c, subject, [UsageRow(now_ms(), parts, parts)]))


def said(folder, what, words):
    """The one reason with these words in it."""
    (reason,) = [each for each in why(folder, what) if words in each]
    return reason


def test_a_rate_a_pause_hours_and_recipients(folder):
    fast, night, slow = queue(folder, "mtn"), queue(folder, "air"), queue(folder, "slow")
    use(folder, "mtn", 2)
    use(folder, "slow", 1)
    with opened(folder) as store:
        store.write(lambda c: usage.add_recipients(c, "slow", {"+254700000009": now_ms()}))
    assert said(folder, fast, "2/minute").startswith("mtn: its rate of 2/minute is used up until 20")
    assert "it is outside its hours until 20" in said(folder, night, "air: ")
    assert "it pauses between two parts until 20" in said(folder, slow, "slow: ")


def test_recipients(folder):
    folder.write(CONFIG.replace("HOURS", shut_hours()).replace('spacing = "1h"\n', ""))
    message = queue(folder, "slow")
    with opened(folder) as store:
        store.write(lambda c: usage.add_recipients(c, "slow", {"+254700000009": now_ms()}))
    assert "its limit of 1/day on different recipients is used up until 20" in said(folder, message, "slow: ")


def test_the_limits_of_a_pool_and_of_a_sender(folder):
    message = queue(folder, "pool")
    use(folder, "backend pool", 1)
    assert said(folder, message, "backend pool").startswith(
        "the limit of the backend pool (1/hour) is used up until 20"
    )
    with opened(folder) as store, store.read() as c:
        assert queries.message(c, message).transmissions[0].lane == "pool"


def test_an_opt_out_quiet_hours_and_those_that_go_first(folder):
    folder.write(CONFIG.replace("HOURS", shut_hours()).replace("[gateway]\n", '[gateway]\nquiet = "00:00-23:59"\n'))
    first, second = queue(folder, "mtn"), queue(folder, "mtn")
    assert "1 that waited longer or are more urgent goes first" in why(folder, second)
    assert not any("first" in each for each in why(folder, first))
    assert said(folder, second, "quiet").startswith("the recipient's quiet hours (00:00-23:59) last until 20")
    with opened(folder) as store:
        store.write(lambda c: optouts.add(c, NUMBER, "by hand", now_ms()))
    assert said(folder, second, "opted out")
    (sent,) = folder.good("send", "mtn", "hello", NUMBER, "--json").json
    assert (sent["status"], sent["error"]) == ("cancelled", "the recipient has opted out")


def test_a_device(folder):
    queue(folder, "mtn")
    use(folder, "mtn", 1)
    (found,) = folder.good("explain", "mtn", "--json").json
    assert (found["device"], found["state"], found["queued"]) == ("mtn", "down", 1)
    assert found["oldest_queued_at"] is not None
    assert found["limits"] == [{"limit": "2/minute", "kind": "rate", "left": 1}]
    assert any("the service doesn't run" in each for each in found["reasons"])
    out = folder.good("explain", "mtn").out
    assert "1 queued, the oldest since 20" in out
    assert "1 left of the rate of 2/minute" in out
    (status, *_) = folder.good("status", "--json").json
    assert status["oldest_queued_at"] == found["oldest_queued_at"]
    assert status["waits_for"] == "the service doesn't run"


def test_the_sentence_of_a_failure(folder):
    message = queue(folder, "mtn")
    error = "the network refused the message: unassigned (unallocated) number (+CMS ERROR 1, 3GPP TS 24.011 annex E)"
    with opened(folder) as store:

        def fail(c):
            mine = nodes.start(c, "pi", "service", 30_000, now_ms())
            (one,) = outbox.claim(c, outbox.ClaimRequest("mtn", ("mtn",), mine), now_ms())
            outbox.settle(c, mine, [], [Settlement(one.attempt, one.transmission, Status.FAILED, error)], now_ms())

        store.write(fail)
    assert why(folder, message) == [f"failed: {error}; sms-gateway resend {message} tries again"]


def test_a_rehearsal_says_route_device_time_and_cost(folder):
    numbers = (NUMBER, "+254700000002", "+254700000003")
    ran = folder.good("send", "auto", "hello", *numbers, "--dry-run", "--json", "--at", "+1s")
    first, _, third = ran.json
    assert (first["route"], first["device"], first["parts"], first["cost"]) == ("air", "air", 1, 0.3)
    long = folder.good("send", "mtn", "x" * 200, NUMBER, "--dry-run", "--json", "--at", "+1s").json
    assert [(each["parts"], each["cost"], each["device"]) for each in long] == [(2, 1.6, "mtn")]
    assert not (folder.path / "state").exists()
    assert third["when"]


def test_a_rehearsal_under_a_limit(folder):
    queue(folder, "mtn")
    use(folder, "mtn", 1)
    numbers = [f"+25470000000{n}" for n in range(4)]
    rows = folder.good("send", "mtn", "hello", *numbers, "--dry-run", "--json", "--at", "+1s").json
    # A second may have gone by before the command has started; then the first goes now.
    start = datetime.now(UTC).isoformat()
    whens = [datetime.fromisoformat(start if each["when"] == "now" else each["when"]) for each in rows]
    assert whens == sorted(whens)
    assert timedelta(seconds=50) < whens[1] - whens[0] <= timedelta(seconds=61)
    assert whens[3] - whens[1] >= timedelta(seconds=59)


def test_the_verbs_by_filter(folder):
    for number in (NUMBER, "+254700000002", "+447700900001"):
        folder.good("send", "mtn", "hello", number)
    ran = folder.run("cancel", "--status", "queued", "--to", "+254")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "sms-gateway: 2 transmissions would be cancelled; --yes does it\n"
    assert folder.good("hold", "--to", "+447").out == "1 held\n"
    assert folder.good("cancel", "--backend", "mtn", "--to", "+254", "--yes", "--json").json == [
        {"verb": "cancel", "changed": 2}
    ]
    assert folder.good("cancel", "--backend", "air").out == "0 cancelled\n"
    assert folder.good("resend", "--status", "cancelled", "--before", "+1h", "--yes").out == "2 sent again\n"
    for wrong in (["cancel"], ["cancel", "x", "--to", "+254"], ["cancel", "--status", "quued"]):
        assert folder.run(*wrong).status == 2
