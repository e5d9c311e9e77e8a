"""What every message passes: by send, by a response, by a backend in Python; and the verbs by filter."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from gateway import (
    App,
    BackendBase,
    change_messages,
    configure,
    get_router,
    lookup_connections,
    messages,
    receive,
    send,
)
from gateway.session import now_ms
from gateway.store import optouts

NUMBER, OTHER = "+254700000001", "+254700000002"


class Web(BackendBase):
    """Keeps what it is given."""

    def configure(self, **_):
        self.sent = []

    def send(self, id_, text, identities, context):
        self.sent.append((text, identities))


@pytest.fixture
def started(tmp_path):
    from gateway import api

    def start(**tables):
        gateway = {"state": str(tmp_path / "state"), "durability": "fast", **tables.pop("gateway", {})}
        web = {"class": f"{__name__}:Web", **tables.pop("web", {})}
        configure({"gateway": gateway, "modem": {"mtn": {"port": "virtual"}}, "backend": {"web": web}, **tables})
        return get_router()

    yield start
    api.adopt(None)


def opt_out(router, number):
    router.session.store.write(lambda c: optouts.add(c, number, "by hand", now_ms()))


def test_who_opted_out_gets_nothing_whichever_way_it_goes(started):
    router = started()
    opt_out(router, NUMBER)

    class Answer(App):
        def handle(self, msg):
            msg.respond("answer")
            return True

    router.apps[:] = [Answer(router)]
    sent = send("hello", lookup_connections("mtn", [NUMBER, OTHER]))
    assert [str(each.status) for each in sent.transmissions] == ["cancelled", "queued"]
    assert sent.errors == ["the recipient has opted out"]
    receive("hi", lookup_connections("web", [NUMBER])[0])
    router.drain()
    (answer,) = [each for each in messages(direction="out") if each.text == "answer"]
    assert (answer.status, answer.errors) == ("cancelled", ["the recipient has opted out"])
    assert router.backends["web"].sent == []


def test_a_message_that_waits_in_a_python_backend_is_cancelled_when_they_opt_out(started):
    router = started()
    waiting = send("later", lookup_connections("web", [NUMBER]), at=timedelta(seconds=0.2))
    opt_out(router, NUMBER)
    until = datetime.now(UTC) + timedelta(seconds=20)
    while waiting.refresh().status == "queued" and datetime.now(UTC) < until:
        router.drain()
    assert (waiting.status, router.backends["web"].sent) == ("cancelled", [])


def test_quiet_hours_hold_for_a_python_backend_and_urgent_messages_pass(started):
    router = started(gateway={"quiet": "00:00-23:59"})
    calm = send("calm", lookup_connections("web", [NUMBER]))
    send("urgent", lookup_connections("web", [NUMBER]), priority=50)
    router.drain()
    assert [text for text, _ in router.backends["web"].sent] in (["urgent"], ["calm", "urgent"])
    if datetime.now(UTC).strftime("%H:%M") not in ("20:58", "20:59", "21:00"):
        assert calm.refresh().status == "queued"
        assert calm.transmissions[0].due_at > datetime.now(UTC)


def test_a_rate_of_a_python_backend_is_kept_over_restarts(started):
    router = started(web={"rate": "2/hour"})
    for number in range(4):
        send(f"text {number}", lookup_connections("web", [NUMBER]))
    router.drain()
    assert len(router.backends["web"].sent) == 2
    again = started(web={"rate": "2/hour"})
    again.drain()
    assert again.backends["web"].sent == []
    more = started(web={"rate": "3/hour"})
    more.drain()
    assert len(more.backends["web"].sent) == 1


def test_the_verbs_by_filter(started):
    started()
    for number in (NUMBER, OTHER, "+447700900001"):
        send("hello", lookup_connections("mtn", [number]))
    assert change_messages("hold", to="+254") == 2
    assert change_messages("cancel", status="held", backend="mtn") == 2
    assert change_messages("cancel", before=datetime.now(UTC) - timedelta(hours=1)) == 0
    assert sorted(str(each.status) for each in messages()) == ["cancelled", "cancelled", "queued"]
    with pytest.raises(ValueError, match="verb must be one of cancel, hold, release, resend"):
        change_messages("delete", to="+254")
    with pytest.raises(ValueError, match="a filter is needed"):
        change_messages("cancel")
    with pytest.raises(ValueError, match="before must be an aware datetime"):
        change_messages("cancel", before=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_one_key_at_once_in_four_processes_is_one_message(started, tmp_path):
    started()
    program = (
        "import sys; from gateway import *; "
        f"configure({{'gateway': {{'state': {str(tmp_path / 'state')!r}}}, "
        "'modem': {'mtn': {'port': 'virtual'}}}); "
        "sys.stdin.readline(); "
        f"print(send('hello', lookup_connections('mtn', [{NUMBER!r}, {OTHER!r}]), key='order 7').id)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    ids = {worker.communicate(timeout=60)[0].strip() for worker in workers}
    assert [worker.returncode for worker in workers] == [0] * 4
    assert len(ids) == 1
    assert [each.id for each in messages()] == list(ids)
