"""The command line and the config: faults, exit statuses, secrets, what is imported."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest
from cli_runs import Folder


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    folder.write()
    return folder


def test_a_good_config(folder):
    ran = folder.good("check")
    assert (ran.out, ran.err) == ("gateway.toml: good\n", "")
    assert not (folder.path / "state").exists()


def test_every_fault_on_stderr_with_its_line_and_the_nearest_name(folder):
    path = folder.write(
        "[gateway]\nregon = 'KE'\n[modem.mtn]\nport = 'virtual'\nrate = '10/minut'\npin = 'hunter2!'\n"
        "[[route]]\nbackend = 'mtm'\n[smpp.acme]\nhost = 'h'\nsystem_id = 'x'\npasword = 'hunter2!'\n"
    )
    for command in (["check"], ["send", "mtn", "hi", "+254700000001"], ["status", "--json"], ["run"]):
        ran = folder.run("-c", str(path), *command)
        assert ran.status == 78
        assert ran.out == ""
        starts = [line.split(" ")[0] for line in ran.err.splitlines()]
        assert starts == [f"{path}:{line}:" for line in (2, 5, 6, 8, 9, 12)]
        for hint in ("'region'", "'minute'", "'mtn'", "'password'"):
            assert f"did you mean {hint}?" in ran.err
        assert "hunter2" not in ran.err


def test_code_that_cannot_be_loaded_is_a_fault_for_check(folder):
    folder.write(
        "[gateway]\napps = [\n  'gateway.apps.echo',\n  'nowhere.app',\n]\nrouter = 'no.where'\n"
        "[backend.web]\nclass = 'no.where:Backend'\n"
    )
    ran = folder.run("check")
    assert ran.status == 78
    assert [line.partition(": ")[0] for line in ran.err.splitlines()] == [
        "gateway.toml:4", "gateway.toml:6", "gateway.toml:8",
    ]  # fmt: skip


def test_what_an_app_can_not_work_with_is_a_fault_for_check(folder):
    folder.write(
        "[gateway]\napps = ['gateway.apps.forward', 'gateway.apps.webhook', 'gateway.apps.email']\n"
        "[modem.mtn]\nport = 'virtual'\n"
        "[[app.forward.rule]]\nto = '+254700000001'\nthrough = 'mtm'\n"
        "[app.webhook.crm]\nurl = 'https://crm.example/'\nsecret = { file = 'crm.secret' }\n"
        "[app.email]\nhost = 'mail.example'\nsender = 'a@mail.example'\nuser = 'a'\npassword = { env = 'NOT_SET' }\n"
    )
    ran = folder.run("check")
    assert (ran.status, ran.out) == (78, "")
    forward, hook, mail = ran.err.splitlines()
    assert forward.endswith("app.forward: rule 1: there is no backend 'mtm'; did you mean 'mtn'?")
    assert "app.webhook: crm.secret: the secret file" in hook
    assert f"{folder.path}/crm.secret can't be read" in hook
    assert mail.endswith("app.email: password: the environment variable NOT_SET is not set")
    (folder.path / "crm.secret").write_text("s3cr3t")
    ran = folder.run("check", NOT_SET="set")
    assert len(ran.err.splitlines()) == 1
    assert "s3cr3t" not in ran.out + ran.err


def test_warnings_do_not_fail(folder):
    folder.write("[backend.pool]\ndevices = ['elsewhere']\n")
    ran = folder.good("check")
    assert ran.out == "gateway.toml: good\n"
    assert ran.err.startswith("gateway.toml:2: backend.pool.devices[0]: no device 'elsewhere'")


def test_where_the_config_comes_from(folder):
    assert folder.good("check").out == "gateway.toml: good\n"
    other = folder.write("[gateway]\n", "other.toml")
    assert folder.good("check", SMS_GATEWAY_CONFIG=str(other)).out == f"{other}: good\n"
    assert folder.good("-c", "gateway.toml", "check", SMS_GATEWAY_CONFIG=str(other)).out == "gateway.toml: good\n"
    ran = folder.run("-c", "absent.toml", "check")
    assert (ran.status, ran.out) == (78, "")
    assert "absent.toml" in ran.err


def test_wrong_usage_is_2(folder):
    for args, hint in (
        (["sned"], "'send'"),
        (["send", "mtn", "hi"], "NUMBER"),
        (["send", "mtn", "hi", "+254700000001", "--at", "tomorrow"], "ISO 8601"),
        (["send", "mtn", "hi", "+254700000001", "--at", "2030-01-01T00:00:00"], "zone"),
        (["send", "mtn", "hi", "+254700000001", "--priority", "101"], "100"),
        (["send", "mtn", "hi", "+254700000001", "--encoding", "ucs3"], "'ucs2'"),
        (["messages", "--status", "quued"], "'queued'"),
    ):
        ran = folder.run(*args)
        assert ran.status == 2, ran
        assert ran.out == ""
        assert hint in ran.err
    assert not (folder.path / "state").exists()


def test_a_secret_is_never_printed(folder):
    for command in (["check"], ["doctor"], ["status"], ["--debug", "check"], ["run", "--help"]):
        ran = folder.run(*command)
        assert "s3cr3t" not in ran.out + ran.err


def test_count_needs_no_config_and_no_database_library(tmp_path):
    folder = Folder(tmp_path)
    assert folder.good("count", "hello").out == "gsm7, 1 part, 155 characters left\n"
    ran = folder.good("count", "--json", "-", stdin="žluť" * 20 + "\n")
    assert [(each["encoding"], each["parts"], each["left"]) for each in ran.json] == [("ucs2", 2, 54)]
    script = (
        "import sys, gateway.cli\nsys.argv = ['sms-gateway', 'count', 'hi']\ngateway.cli.main()\n"
        "heavy = ('sqlalchemy', 'alembic', 'gammu', 'smpplib', 'rich', 'gateway.config', 'gateway.store')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_count_refuses_what_cannot_be_sent(tmp_path):
    ran = Folder(tmp_path).run("count", "--encoding", "gsm7", "č")
    assert (ran.status, ran.out) == (2, "")
    assert "U+010D" in ran.err


def test_doctor_gives_a_fix_with_every_finding(folder):
    ran = folder.run("doctor", "--json")
    assert {each["check"] for each in ran.json} >= {"config", "disk", "database", "service", "ModemManager"}
    assert all(each["fix"] for each in ran.json if each["level"] != "ok" and each["check"] != "config")
    assert ran.status == any(each["level"] == "FAIL" for each in ran.json)


def test_doctor_works_with_a_broken_config(folder):
    folder.write("[gateway]\nnope = 1\n")
    ran = folder.run("doctor")
    assert ran.status == 1
    assert "gateway.toml:2: gateway.nope" in ran.out


def test_discover_prints_ready_toml(folder):
    folder.write('[gateway]\nports = ["/nowhere/tty*"]\n')
    ran = folder.good("discover")
    assert ran.out == ""
    assert "/nowhere/tty*" in ran.err
    port = folder.path / "ttyUSB0"
    command = folder.command("virtual", "modem", "--link", str(port), "--imei", "490154203237518")
    modem = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(modem.stdout.readline())["imei"] == "490154203237518"
        folder.write(f'[gateway]\nports = ["{folder.path}/tty*"]\n')
        (found,) = tomllib.loads(folder.good("discover").out)["modem"].values()
        assert found == {"imei": "490154203237518"}
    finally:
        modem.terminate()
        modem.communicate(timeout=30)


def test_a_state_folder_that_cannot_be_made(folder):
    path = folder.write("", "letter")
    folder.write(f'[gateway]\nstate = "{path}"\n[modem.mtn]\nport = "virtual"\n')
    ran = folder.run("send", "mtn", "hello", "+254700000001")
    assert (ran.status, ran.out, ran.err) == (1, "", f"sms-gateway: {path} can't be used: File exists\n")
