"""The command line and messages, with a real database and without the service."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cli_runs import TRANSMISSION, Folder

from gateway.cli import output
from gateway.store import nodes, outbox, queries
from gateway.store.engine import Store


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    folder.write()
    return folder


def listed(folder, *args):
    """What the command lists."""
    return folder.good("messages", "--json", *args).json


def rows(folder):
    """The same, read without the command, which takes a while on a small computer."""
    path = folder.path / "state" / "gateway.db"
    if not path.exists():
        return []
    with contextlib.closing(Store.open(f"sqlite:///{path}")) as store, store.read() as c:
        return [output.transmission(*each) for each in queries.messages(c, queries.MessageFilter())]


def test_send_prints_the_id_alone(folder):
    ran = folder.good("send", "mtn", "hello", "0700000001", "+254700000002", "+254 700 000 001")
    assert ran.err == ""
    (message_id,) = ran.out.split()
    found = listed(folder)
    assert [(each["id"], each["identity"], each["status"]) for each in found] == [
        (message_id, "+254700000001", "queued"), (message_id, "+254700000002", "queued"),
    ]  # fmt: skip
    assert [list(each) for each in found] == [TRANSMISSION] * 2
    assert datetime.fromisoformat(found[0]["created_at"]).utcoffset() == timedelta(0)


def test_send_json_prints_the_transmissions(folder):
    due = datetime.now(UTC) + timedelta(hours=3)
    ran = folder.good("send", "pool", "héllo €", "22141", "--json", "--at", due.isoformat(), "--expires", "+1d")
    (found,) = ran.json
    assert list(found) == TRANSMISSION
    assert (found["backend"], found["identity"], found["encoding"], found["parts"]) == ("pool", "22141", "gsm7", 1)
    assert abs(datetime.fromisoformat(found["due_at"]) - due) < timedelta(milliseconds=2)
    assert (found["direction"], found["text"], found["device"], found["complete"]) == ("out", "héllo €", None, True)


def test_the_text_may_come_from_stdin(folder):
    folder.good("send", "mtn", "-", "+254700000001", stdin="two\nlines\n")
    assert [each["text"] for each in rows(folder)] == ["two\nlines"]
    assert "two⏎lines" in folder.good("messages").out


def test_the_same_key_gives_the_first_message(folder):
    first = folder.good("send", "mtn", "hello", "+254700000001", "--key", "k1").out
    assert folder.good("send", "mtn", "hello", "+254700000001", "--key", "k1").out == first
    ran = folder.run("send", "mtn", "other", "+254700000001", "--key", "k1")
    assert (ran.status, ran.out) == (1, "")
    assert first.strip() in ran.err
    assert len(rows(folder)) == 1


def test_a_backend_that_does_not_exist(folder):
    ran = folder.run("send", "nobody", "hello", "+254700000001")
    assert ran.status == 1
    assert "'nobody'" in ran.err
    assert [each["status"] for each in rows(folder)] == ["failed"]


def test_text_that_cannot_be_sent_is_refused_before_anything_is_stored(folder):
    ran = folder.run("send", "mtn", "x" * 153 * 256, "+254700000001")
    assert (ran.status, ran.out) == (2, "")
    assert "255" in ran.err
    assert rows(folder) == []


def test_wait_fails_when_nothing_was_sent(folder):
    ran = folder.run("send", "mtn", "hello", "+254700000001", "--wait", "0.1")
    assert ran.status == 1
    assert len(ran.out.split()) == 1
    assert "queued" in ran.err


def test_dry_run_stores_nothing(folder):
    ran = folder.good("send", "auto", "hello", "0700000001", "+447700900123", "--dry-run", "--json")
    first, second = ran.json
    assert (first["identity"], first["encoding"], first["parts"], first["device"]) == (
        "+254700000001",
        "gsm7",
        1,
        "mtn",
    )
    assert (second["device"], second["when"]) == (None, "never: no route for +447700900123: no [[route]] rule fits it")
    assert not (folder.path / "state").exists()


class TestCsv:
    def test_every_row_is_sent(self, folder):
        folder.write('to,text,backend\n0700000001,"two\nlines",\n0700000002,hello,acme\n', "rows.csv")
        ran = folder.good("send", "mtn", "--file", "rows.csv")
        assert len(ran.out.split()) == 2
        assert [(each["backend"], each["identity"], each["text"]) for each in rows(folder)] == [
            ("mtn", "+254700000001", "two\nlines"), ("acme", "+254700000002", "hello"),
        ]  # fmt: skip

    def test_a_file_with_a_key_can_be_sent_again(self, folder):
        folder.write("text,to\nhello,0700000001\nhello,0700000002\n", "rows.csv")
        first = folder.good("send", "mtn", "--file", "rows.csv", "--key", "monday").out
        assert folder.good("send", "mtn", "--file", "rows.csv", "--key", "monday").out == first
        assert len(rows(folder)) == 2

    def test_every_bad_row_is_reported_and_nothing_is_stored(self, folder):
        folder.write(
            'to,text,backend\n1,"a\nb",mtn\n,hello,mtn\n2,hello,mtm\n3,hello,mtn,x\n4,hello\n5,"open\n', "rows.csv"
        )
        ran = folder.run("send", "--file", "rows.csv")
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.splitlines() == [
            "sms-gateway: nothing was sent",
            "rows.csv:4: has no number in the column to",
            "rows.csv:5: there is no backend 'mtm'; did you mean 'mtn'?",
            "rows.csv:6: has 1 field too many",
            "rows.csv:7: has 1 field too few",
            "rows.csv:8: is not CSV: unexpected end of data",
        ]
        assert not (folder.path / "state").exists()

    def test_it_needs_its_header(self, folder):
        folder.write("0700000001,hello\n", "rows.csv")
        ran = folder.run("send", "mtn", "--file", "rows.csv")
        assert ran.status == 1
        assert "rows.csv:1: " in ran.err
        assert "to,text" in ran.err


def test_receive_and_the_filters(folder):
    message_id = folder.good("receive", "mtn", "0700000009", "ping").out.strip()
    folder.good("send", "acme", "hello", "+254700000001")
    assert [each["direction"] for each in rows(folder)] == ["in", "out"]
    (found,) = listed(folder, "--in")
    assert list(found) == TRANSMISSION
    assert (found["id"], found["status"], found["identity"]) == (message_id, "received", "+254700000009")
    assert found["received_at"]
    assert [each["backend"] for each in listed(folder, "--out")] == ["acme"]
    assert [each["backend"] for each in listed(folder, "--status", "received")] == ["mtn"]
    assert [each["status"] for each in listed(folder, "--backend", "acme")] == ["queued"]
    assert [each["direction"] for each in listed(folder, "--limit", "1")] == ["out"]
    ran = folder.run("receive", "mtm", "0700000009", "ping")
    assert ran.status == 2
    assert "did you mean 'mtn'?" in ran.err


def test_a_priority_out_of_range_is_said_with_what_is_allowed(folder):
    ran = folder.run("send", "mtn", "hello", "+254700000001", "--priority", "1000")
    assert ran.status == 2
    assert "1000 is not allowed; write a whole number from -100 to 100" in ran.err
    assert rows(folder) == []


def test_verbs(folder):
    message_id = folder.good("send", "mtn", "hello", "+254700000001").out.strip()
    for verb, status in (("hold", "held"), ("hold", "held"), ("release", "queued"), ("cancel", "cancelled"),
                         ("cancel", "cancelled"), ("resend", "queued")):  # fmt: skip
        assert folder.good(verb, message_id).out == f"{message_id} {status}\n"
    (found,) = folder.good("cancel", message_id, "--json").json
    assert (list(found), found["status"]) == (TRANSMISSION, "cancelled")
    ran = folder.run("hold", message_id)
    assert ran.status == 1
    assert message_id in ran.err
    ran = folder.run("cancel", "nonsense", message_id)
    assert (ran.status, ran.out) == (1, f"{message_id} cancelled\n")
    assert "there is no message nonsense" in ran.err


def test_show_and_explain(folder):
    message_id = folder.good("send", "mtn", "hello", "+254700000001", "--at", "+2h").out.strip()
    (found,) = folder.good("show", message_id, "--json").json
    assert {"id", "text", "status", "transmissions", "parts", "attempts", "receipts", "responses"} <= set(found)
    assert [list(each) for each in found["transmissions"]] == [TRANSMISSION]
    assert "hello" in folder.good("show", message_id).out
    due = found["transmissions"][0]["due_at"]
    said = folder.good("explain", message_id).out
    assert f"is due at {due}" in said
    assert "the service doesn't run" in said
    (reasons,) = folder.good("explain", message_id, "--json").json
    assert (reasons["id"], reasons["status"]) == (message_id, "queued")
    folder.good("pause", "mtn")
    assert "is paused" in folder.good("explain", message_id).out
    for command in ("show", "explain"):
        ran = folder.run(command, "nonsense")
        assert (ran.status, ran.out, ran.err) == (1, "", "sms-gateway: there is no message nonsense\n")


def test_show_has_attempts_and_parts(folder):
    message_id = folder.good("send", "mtn", "hello", "+254700000001").out.strip()
    with contextlib.closing(Store.open(f"sqlite:///{folder.path}/state/gateway.db")) as store:
        now_ms = int(time.time() * 1000) + 1000
        epoch = store.write(lambda c: nodes.start(c, "pi", "service", 30_000, now_ms))
        request = outbox.ClaimRequest("mtn", ("mtn",), epoch=epoch)
        store.write(lambda c: outbox.claim(c, request, now_ms))
    (found,) = folder.good("show", message_id, "--json").json
    assert [(each["device"], each["number"]) for each in found["attempts"]] == [("mtn", 1)]
    assert [each["status"] for each in found["transmissions"]] == ["sending"]
    assert "is with mtn" in folder.good("explain", message_id).out


def test_a_message_cannot_drive_the_terminal(folder):
    folder.good("receive", "mtn", "0700000009", "red \x1b[31m \u202e end")
    out = folder.good("messages").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert [each["text"] for each in rows(folder)] == ["red \x1b[31m \u202e end"]


def test_follow_goes_on_with_what_is_new(folder):
    folder.good("send", "mtn", "old", "+254700000001")
    watcher = subprocess.Popen(
        folder.command("messages", "--follow", "--json"), cwd=folder.path, env=folder.environment({}),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    stop = threading.Timer(60, watcher.kill)
    stop.start()
    try:
        assert '"old"' in watcher.stdout.readline()
        folder.good("send", "mtn", "new", "+254700000001")
        assert '"new"' in watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        _, err = watcher.communicate(timeout=30)
        assert (watcher.returncode, err) == (130, "")
    finally:
        stop.cancel()
        watcher.kill()
        watcher.communicate()


def test_a_reader_that_goes_away_is_no_trouble(folder):
    folder.good("send", "mtn", "hello", *(f"+2547000{number:05}" for number in range(300)))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            folder.command("messages"), cwd=folder.path, env=folder.environment({}), stdout=closed,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


def test_status_without_the_service(folder):
    found = folder.good("status", "--json").json
    assert [(each["name"], each["kind"], each["driver"], each["state"]) for each in found] == [
        ("mtn", "modem", "at", "down"), ("acme", "smpp", "smpp", "down"),
    ]  # fmt: skip
    folder.good("send", "mtn", "hello", "+254700000001", "+254700000002")
    assert [each["queued"] for each in folder.good("status", "--json").json] == [2, 0]
    out = folder.good("status").out
    assert "10/minute, 200/day" in out
    assert "the oldest queued message" in out


def test_control_without_the_service(folder):
    for verb in ("pause", "resume", "unlock"):
        ran = folder.good(verb, "mtn")
        assert (ran.out, ran.err) == ("", "the service doesn't run; it will find this when it starts\n")
    ran = folder.run("ussd", "mtn", "*100#")
    assert (ran.status, ran.out) == (1, "")
    assert "the service doesn't run" in ran.err
    ran = folder.run("pause", "mtm")
    assert ran.status == 1
    assert "did you mean 'mtn'?" in ran.err


def test_the_database(folder):
    for command in (["db", "check"], ["db", "backup", "copy.db"]):
        ran = folder.run(*command)
        assert (ran.status, ran.out) == (1, "")
        assert "there is no database" in ran.err
    folder.good("db", "upgrade")
    assert folder.good("db", "check").out == f"{folder.path}/state/gateway.db: good\n"
    folder.good("send", "mtn", "hello", "+254700000001")
    assert folder.good("db", "backup", "copy.db").out == "copy.db\n"
    assert folder.run("db", "backup", "copy.db").status == 1
    copy = folder.write(
        f'[gateway]\ndatabase = "sqlite:///{folder.path}/copy.db"\n[modem.mtn]\nport = "virtual"\n', "copy.toml"
    )
    assert [each["text"] for each in folder.good("-c", str(copy), "messages", "--json").json] == ["hello"]


def test_a_file_that_is_no_database_is_left_alone(folder):
    state = folder.path / "state"
    state.mkdir()
    (state / "gateway.db").write_bytes(b"not a database at all, but somebody's letters\n" * 40)
    before = (state / "gateway.db").read_bytes()
    for command in (["send", "mtn", "hello", "+254700000001"], ["messages"], ["db", "check"]):
        ran = folder.run(*command)
        assert (ran.status, ran.out) == (78, "")
        assert len(ran.err.splitlines()) == 1
    assert (state / "gateway.db").read_bytes() == before
