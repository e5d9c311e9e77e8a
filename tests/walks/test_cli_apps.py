"""The commands around apps: tester, handlers, contacts, and what a failing app looks like."""

from __future__ import annotations

import pytest
from cli_runs import Folder

from gateway import api, configure, get_router

CONFIG = """\
[gateway]
router = "blocking"
apps = ["mine", "gateway.apps.echo", "gateway.apps.handlers"]
region = "KE"
[modem.mtn]
port = "virtual"
[app.handlers]
handlers = ["mine.Echo", "mine.Other"]
"""
MINE = """\
from datetime import timedelta
from gateway import App, KeywordHandler, PatternHandler

class Mine(App):
    def handle(self, msg):
        if msg.text == "boom":
            raise ValueError("bad luck")
        if msg.text == "later":
            msg.respond("at last", at=timedelta(milliseconds=200))
            return True

class Echo(KeywordHandler):
    keyword = "repeat|echo"

class Other(PatternHandler):
    pattern = "[0-9]+$"
"""


@pytest.fixture
def place(tmp_path):
    folder = Folder(tmp_path)
    folder.write(CONFIG)
    folder.write(MINE, "mine.py")
    return folder


def test_an_app_that_raises_is_named_in_one_sentence(place):
    ran = place.run("receive", "mtn", "0700000001", "boom")
    assert (ran.status, ran.out) == (1, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("sms-gateway: message ")
    assert line.endswith(" is kept, and failed: the app mine raised ValueError: bad luck")
    assert [row["status"] for row in place.good("messages", "--json").json] == ["failed"]


def test_an_app_that_is_not_found_is_named_and_the_others_go_on(place):
    (place.path / "mine.py").unlink()
    ran = place.run("receive", "mtn", "0700000001", "ping")
    assert ran.status == 0
    assert "sms-gateway: went on without the app mine: mine can't be loaded: ModuleNotFoundError" in ran.err


def test_code_is_not_looked_for_where_everybody_may_write(place):
    place.path.chmod(0o777)
    ran = place.run("check", PYTHONSAFEPATH="1")
    assert ran.status == 78
    assert "mine can't be loaded" in ran.err
    place.path.chmod(0o755)
    assert place.run("check", PYTHONSAFEPATH="1").status == 0


def test_code_beside_the_config_is_found_from_anywhere(place):
    config = str(place.path / "gateway.toml")
    elsewhere = Folder(place.path / "elsewhere")
    elsewhere.path.mkdir()
    assert elsewhere.run("-c", config, "check").status == 0


def test_installed_modules_are_not_replaced_by_files_beside_the_config(place):
    place.write("raise SystemExit('mine')", "typer.py")
    place.write("raise SystemExit('mine')", "json.py")
    assert place.run("check", PYTHONSAFEPATH="1").status == 0


def test_the_tester_plays_a_phone(place):
    ran = place.run("tester", "0700000001", stdin="ping\nboom\nwhat\n/number 0700000002\necho hi\n")
    assert ran.out.splitlines() == ["+254700000001 < pong", "+254700000002 < hi"]
    assert ran.err.splitlines()[0].endswith("the app mine raised ValueError: bad luck")
    assert ran.err.splitlines()[1:] == ["(no answer)"]
    assert len(place.good("messages", "--in", "--json").json) == 4


def test_the_tester_apart_leaves_nothing(place):
    assert place.run("tester", "--apart", stdin="ping\n").out == "+15550000001 < pong\n"
    assert not (place.path / "state").exists()


def test_handlers_are_listed_with_their_clashes(place):
    lines = place.good("handlers").out.splitlines()
    assert [line.split() for line in lines] == [
        ["APP", "KIND", "WORD", "HANDLER"],
        ["echo", "keyword", "echo", "gateway.apps.echo.EchoHandler"],
        ["echo", "own", "gateway.apps.echo.PingHandler"],
        ["handlers", "keyword", "repeat|echo", "mine.Echo"],
        ["handlers", "pattern", "[0-9]+$", "mine.Other"],
        ["clash:", "'echo'", "goes", "to", "gateway.apps.echo.EchoHandler,", "not", "mine.Echo"],
    ]
    assert place.good("handlers", "--json").json[-1] == {
        "clash": "echo", "taken_by": "gateway.apps.echo.EchoHandler", "missed_by": "mine.Echo",
    }  # fmt: skip


def test_contacts_are_imported_whole_or_not_at_all_and_exported(place):
    place.write("name,backend,identity\nAnn,mtn,0700000001\nBob,mtm,0700000002\n", "people.csv")
    ran = place.run("contacts", "import", "people.csv")
    assert (ran.status, ran.out) == (1, "")
    assert "people.csv:3: there is no backend 'mtm'; did you mean 'mtn'?" in ran.err
    place.write("name,backend,identity,language\nAnn,mtn,0700000001,sw\nBob,mtn,0700000002,\n", "people.csv")
    assert place.good("contacts", "import", "people.csv", "--dry-run").out == ""
    assert place.good("contacts", "import", "people.csv").out.splitlines() == [
        "2: created Ann (+254700000001 via mtn)",
        "3: created Bob (+254700000002 via mtn)",
    ]
    exported = place.good("contacts", "export").out
    assert exported == (
        "name,backend,identity,language,contact\nAnn,mtn,+254700000001,sw,1\nBob,mtn,+254700000002,,2\n"
    )
    ran = place.run("contacts", "import", "-", "--json", stdin=exported)
    assert [row["outcome"] for row in ran.json] == ["unchanged", "unchanged"]


def test_posts_that_failed_are_replayed(place):
    hook = '[app.webhook.crm]\nurl = "http://127.0.0.1:9/"\n[app.webhook.erp]\nurl = "http://127.0.0.1:9/"\n'
    own = CONFIG.replace('"mine", ', '"mine", "gateway.apps.webhook", ')
    place.write(own.replace("[gateway]\n", f'[gateway]\nstate = "{place.path}/state"\n') + hook)
    message = place.good("receive", "mtn", "0700000001", "hello").out.strip()
    posts = {row["identity"]: row for row in place.good("messages", "--backend", "webhook", "--json").json}
    assert {name: (row["status"], row["in_response_to"]) for name, row in posts.items()} == {
        "crm": ("queued", message),
        "erp": ("queued", message),
    }
    assert place.good("webhooks", "replay").out == "", "what is still being tried is left alone"
    configure(place.path / "gateway.toml")
    for name, row in posts.items():
        get_router().report(row["id"], name, "failed", "gave up")
    api.adopt(None)
    assert place.good("webhooks", "replay", "--since", "2100-01-01T00:00Z").out == ""
    assert place.good("webhooks", "replay", "--hook", "crm").out.strip() == posts["crm"]["id"]
    assert [row["identity"] for row in place.good("messages", "--status", "failed", "--json").json] == ["erp"]
    ran = place.run("webhooks", "replay", "nonesuch")
    assert (ran.status, ran.err) == (1, "sms-gateway: there is no message nonesuch\n")
