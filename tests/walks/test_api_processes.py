"""The API between real processes: what survives ``kill -9``, who gets what, and how often."""

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from gateway import (
    StoreError,
    api,
    configure,
    get_message,
    get_router,
    listen,
    lookup_connections,
    messages,
    receive,
    send,
    wake,
)

LEASE_S = 2
STARTED = []
APP = """
import os, pathlib, signal, sys
from gateway import App, BackendBase

HERE = pathlib.Path(__file__).parent


def note(name, text):
    with (HERE / name).open("a") as file:
        file.write(text + "\\n")


class Clinic(App):
    def handle(self, msg):
        note("seen", f"{msg.text} {msg.redelivered}")
        if msg.text == "die" and not msg.redelivered:
            os.kill(os.getpid(), signal.SIGKILL)
        msg.respond(f"re {msg.text}", fields={"of": msg.text})
        return True


class Web(BackendBase):
    def send(self, id_, text, identities, context):
        note("sent", f"{text} {len(identities)} {context.get('external_id')}")
        if text == "kill me" and not (HERE / "killed").exists():
            note("killed", "")
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path):
    package = tmp_path / "clinic_walk"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "app.py").write_text(APP)
    (tmp_path / "gateway.toml").write_text(
        textwrap.dedent("""\
        [gateway]
        state = "state"
        apps  = ["clinic_walk"]
        lease = "2s"
        [modem.mtn]
        port = "virtual"
        [backend.web]
        class = "clinic_walk.app:Web"
        """)
    )
    sys.path.insert(0, str(tmp_path))
    configure(tmp_path / "gateway.toml")
    yield tmp_path
    while STARTED:
        process = STARTED.pop()
        if process.returncode is None:
            process.kill()
            process.communicate(timeout=30)
    api.adopt(None)
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("clinic_walk")]:
        del sys.modules[name]


def start(place, code, **streams):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **streams,
    )
    STARTED.append(process)
    return process


def run(place, code):
    process = start(place, code)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def lines(place, name):
    path = place / "clinic_walk" / name
    return path.read_text().splitlines() if path.exists() else []


def until(condition, seconds=30):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def stop_between_commits(process):
    """Stop a process at a moment when it doesn't hold the database's lock, which nobody could take from it."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            lookup_connections("probe", [str(time.monotonic_ns())])
        except StoreError:
            os.kill(process.pid, signal.SIGCONT)
        else:
            return


def test_another_process_sends_and_is_known_here(place):
    id_ = run(
        place,
        """
        from gateway import send, lookup_connections
        print(send("hello", lookup_connections("mtn", ["+1"]), fields={"a": 1}).id)
    """,
    )
    message = get_message(id_)
    assert (message.text, message.fields, message.status) == ("hello", {"a": 1}, "queued")


def test_a_poke_follows_the_commit(place):
    (place / "state").mkdir()
    listener = wake.Listener(place / "state")
    run(place, 'from gateway import send, lookup_connections; send("x", lookup_connections("mtn", ["+1"]))')
    assert listener.clear() >= 1
    listener.close()


def test_what_was_sent_survives_kill_9(place):
    process = start(
        place,
        """
        import itertools
        from gateway import send, lookup_connections
        to = lookup_connections("mtn", ["+1"])
        for i in itertools.count():
            print(send(str(i), to).id, flush=True)
    """,
    )
    ids = [process.stdout.readline().strip() for _ in range(20)]
    process.kill()
    rest, _ = process.communicate(timeout=30)
    ids += [line for line in rest.splitlines() if len(line) == 32]
    assert all(get_message(id_).status == "queued" for id_ in ids)


def test_an_answer_knows_its_question_over_processes(place):
    receive("hi", lookup_connections("web", ["+1"])[0], id_="question", fields={"external_id": "e1"})
    run(place, "from gateway import get_router; print(get_router().drain())")
    (answer,) = messages(direction="out")
    assert answer.in_response_to.id == "question"
    assert answer.in_response_to.text == "hi"
    assert answer.fields == {"of": "hi"}
    assert lines(place, "sent") == ["re hi 1 e1"]


def test_two_processes_drain_and_each_message_is_run_once(place):
    # Two that live: on a busy machine one may well be kept from the processor for longer than the lease of this walk.
    config = place / "gateway.toml"
    config.write_text(config.read_text().replace(f'lease = "{LEASE_S}s"', 'lease = "60s"'))
    configure(config)
    connections = lookup_connections("web", ["+1", "+2", "+3"])
    for i in range(60):
        receive(str(i), connections[i % 3])
    drains = [start(place, "from gateway import get_router; print(get_router().drain())") for _ in range(2)]
    for process in drains:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    get_router().drain()
    assert sorted(lines(place, "seen"), key=lambda line: int(line.split()[0])) == [f"{i} False" for i in range(60)]
    assert sorted(lines(place, "sent")) == sorted(f"re {i} 1 None" for i in range(60))


def test_a_message_comes_again_marked_only_if_the_process_died_in_an_app(place):
    connection = lookup_connections("web", ["+1"])[0]
    first, fatal, behind = (receive(text, connection) for text in ("first", "die", "behind"))
    process = start(place, "from gateway import get_router; get_router().drain()")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert lines(place, "seen") == ["first False", "die False"]
    assert first.refresh().status == "handled"
    until(lambda: get_router().drain() and fatal.refresh().status == "handled")
    get_router().drain()
    assert sorted(lines(place, "seen")[2:]) == ["behind False", "die True"]
    assert [each.refresh().status for each in (first, fatal, behind)] == ["handled"] * 3
    assert get_message(fatal.id).redelivered
    assert not get_message(behind.id).redelivered
    assert sorted(lines(place, "sent")) == ["re behind 1 None", "re die 1 None", "re first 1 None"]


def test_a_call_of_a_backend_that_died_is_marked_as_a_possible_duplicate(place):
    message = send("kill me", lookup_connections("web", ["+1"]))
    process = start(place, "from gateway import get_router; get_router().drain()")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert message.refresh().status == "sending"
    until(lambda: get_router().drain() or message.refresh().status == "sent")
    assert message.refresh().transmissions[0].possible_duplicate
    assert len(lines(place, "sent")) == 2


def test_a_stopped_process_that_comes_back_late_changes_nothing(place):
    connection = lookup_connections("web", ["+1"])[0]
    message = receive("slow", connection)
    (place / "clinic_walk" / "slow.py").write_text(
        "import clinic_walk.app as app, sys\n"
        "real = app.Clinic.handle\n"
        "def handle(self, msg):\n"
        "    print('in', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    return real(self, msg)\n"
        "app.Clinic.handle = handle\n"
    )
    process = start(place, """
        import clinic_walk.slow
        from gateway import get_router
        get_router().drain()
        print("out")
    """, stdin=subprocess.PIPE)  # fmt: skip
    assert process.stdout.readline() == "in\n"
    assert select.select([process.stdout], [], [], 1.5 * LEASE_S)[0] == []
    assert get_router().drain() == 0, "a live process keeps its lease, however slow its app is"
    stop_between_commits(process)
    until(lambda: get_router().drain() and message.refresh().status == "handled")
    os.kill(process.pid, signal.SIGCONT)
    out, _ = process.communicate("go\n", timeout=60)
    assert out == "out\n"
    assert lines(place, "seen") == ["slow True", "slow False"]
    assert [each.text for each in messages(direction="out")] == ["re slow"]


def test_a_listener_gets_each_message_and_again_what_it_had_not_acknowledged(place):
    connection = lookup_connections("web", ["+1"])[0]
    for text in "abc":
        receive(text, connection)
    get_router().drain()
    process = start(
        place,
        """
        from gateway import listen
        for message in listen("crm"):
            print(message.text, flush=True)
            if message.text == "b":
                input()
    """,
    )
    assert process.stdout.readline() == "a\n"
    assert process.stdout.readline() == "b\n"
    process.kill()
    process.communicate(timeout=30)
    assert [message.text for message in listen("crm", timeout=2)] == ["b", "c"]
    assert [message.text for message in listen("crm", timeout=0)] == []
    assert [message.text for message in listen("other", timeout=0)] == ["a", "b", "c"]


def test_readers_with_one_name_share_the_messages(place):
    connection = lookup_connections("web", ["+1"])[0]
    code = """
        import json
        from gateway import listen
        print(json.dumps([message.text for message in listen("crm", timeout=2)]))
    """
    readers = [start(place, code) for _ in range(2)]
    for i in range(40):
        receive(str(i), connection)
    get_router().drain()
    shares = []
    for process in readers:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        shares.append(json.loads(out))
    assert sorted(int(text) for share in shares for text in share) == list(range(40))


def test_a_reader_that_stops_early_leaves_its_last_message(place):
    connection = lookup_connections("web", ["+1"])[0]
    for text in "ab":
        receive(text, connection)
    get_router().drain()
    reader = listen("crm")
    assert next(reader).text == "a"
    reader.close()
    assert [message.text for message in listen("crm", timeout=0)] == ["a", "b"]
