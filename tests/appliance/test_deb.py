"""The package on a real systemd: installed, used, abused, upgraded, removed. The tests run in order on one machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
import trees
from conftest import booted
from machine import Machine, eventually

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(1200), pytest.mark.xdist_group("deb")]
CONFIG = "/etc/sms-gateway/gateway.toml"
NUMBER = "+254700000001"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def bare(
    request: pytest.FixtureRequest, packages: trees.Packages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine without the package, with two users, and without network."""
    folder = tmp_path_factory.mktemp("machine")
    debs = folder / "debs"
    debs.mkdir()
    shutil.copy(packages.deb(), debs / "first.deb")
    shutil.copy(packages.deb(source=trees.next_version(folder / "next")), debs / "next.deb")
    for machine in booted(packages, request.param, folder, debs=debs):
        machine.sh("useradd -m alice; useradd -m bob")
        yield machine


@pytest.fixture(scope="module")
def before(bare: Machine) -> set[str]:
    """What was there before the package."""
    return bare.files()


@pytest.fixture(scope="module")
def box(bare: Machine, before: set[str]) -> Machine:
    """The machine with the package, and alice in the group."""
    assert before
    bare.run("dpkg", "-i", "/debs/first.deb")
    bare.run("usermod", "-aG", "sms-gateway", "alice")
    return bare


def sent(box: Machine, *options: str, user: str = "alice") -> list[dict[str, object]]:
    """Send one message and wait until it has gone."""
    out = box.run("sms-gateway", "send", "try", "hello", NUMBER, "--wait", "60", "--json", *options, user=user).out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["status"] in ("sent", "delivered") for row in rows] == [True], rows
    return rows


def configure(box: Machine, text: str) -> None:
    box.write(CONFIG, text)


GOOD = '[gateway]\nstate = "/var/lib/sms-gateway"\napps = ["gateway.apps.echo"]\n[modem.try]\nport = "virtual"\n'


def test_it_runs_as_its_own_user_with_a_virtual_modem(box: Machine) -> None:
    pid = box.running()
    assert box.run("stat", "-c", "%U", f"/proc/{pid}").out.strip() == "sms-gateway"
    assert box.run("systemctl", "is-enabled", "sms-gateway").out.strip() == "enabled"
    eventually(lambda: box.show("StatusText")["StatusText"] == "1 of 1 devices up", 60)


def test_the_host_needs_no_tools_and_gets_every_file(box: Machine) -> None:
    box.lacks("cc", "gcc", "curl", "wget", "ps", "modprobe")
    for name in ("modules-load.d/sms-gateway", "sysusers.d/sms-gateway", "tmpfiles.d/sms-gateway"):
        assert box.run("test", "-s", f"/usr/lib/{name}.conf").status == 0
    assert "dialout" in box.run("id", "-nG", "sms-gateway").out.split()
    rules = "/usr/lib/udev/rules.d/77-sms-gateway.rules"
    # systemd 254 and newer.
    verify = "udevadm verify --help >/dev/null 2>&1 || exit 0; udevadm verify --resolve-names=never"
    box.sh(f"test -s {rules}; {verify} {rules}")


def test_who_may_read_what(box: Machine) -> None:
    modes = box.sh(
        "stat -c '%a %U %G %n' /etc/sms-gateway /etc/sms-gateway/gateway.toml /etc/sms-gateway/credentials "
        "/var/lib/sms-gateway /var/lib/sms-gateway/gateway.db /var/lib/sms-gateway/wake.sock"
    )
    assert modes.splitlines() == [
        "750 root sms-gateway /etc/sms-gateway",
        "640 root sms-gateway /etc/sms-gateway/gateway.toml",
        "700 root root /etc/sms-gateway/credentials",
        "2770 sms-gateway sms-gateway /var/lib/sms-gateway",
        "660 sms-gateway sms-gateway /var/lib/sms-gateway/gateway.db",
        "660 sms-gateway sms-gateway /var/lib/sms-gateway/wake.sock",
    ]


def test_the_service_is_hardened(box: Machine) -> None:
    out = box.run("systemd-analyze", "security", "--no-pager", "--threshold=20", "sms-gateway").out
    assert "Overall exposure level" in out


def test_a_member_of_the_group_sends(box: Machine) -> None:
    sent(box)
    script = "from gateway import lookup_connections, send; print(send('hi', lookup_connections('try', ['+1']), ).id)"
    assert box.run("/opt/sms-gateway/bin/python", "-c", script, user="alice").out.strip()


def test_others_are_refused_in_one_sentence(box: Machine) -> None:
    ran = box.run("sms-gateway", "send", "try", "hello", NUMBER, user="bob", status=None)
    assert ran.status in (1, 78)
    assert ran.out == ""
    assert "Permission denied" in ran.err
    assert ran.err.count("\n") == 1


def test_what_a_killed_command_of_a_member_leaves_does_not_stop_the_service(box: Machine) -> None:
    box.run("systemctl", "stop", "sms-gateway")
    script = (
        "import os, signal\nfrom gateway import lookup_connections, send\n"
        f"send('left behind', lookup_connections('try', ['{NUMBER}']))\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    box.run("/opt/sms-gateway/bin/python", "-c", script, user="alice", status=None)
    left = box.sh("stat -c '%a %U %G' /var/lib/sms-gateway/gateway.db-wal /var/lib/sms-gateway/gateway.db-shm")
    assert left.splitlines() == ["660 alice sms-gateway"] * 2
    restarts = box.show("NRestarts")
    box.run("systemctl", "start", "sms-gateway")
    box.running()
    eventually(lambda: '"left behind", "status": "queued"' not in box.run("sms-gateway", "messages", "--json").out, 60)
    rows = [json.loads(line) for line in box.run("sms-gateway", "messages", "--json").out.splitlines()]
    assert next(row["status"] for row in rows if row["text"] == "left behind") in ("sending", "sent", "delivered")
    assert box.show("NRestarts") == restarts


def test_kill_9_is_followed_by_a_new_start_however_often(box: Machine) -> None:
    # systemd's own limit is five starts in ten seconds.
    box.drop_in("RestartSec=50ms")
    for _ in range(7):
        first = box.running()
        box.sh(f"kill -9 {first}")
        eventually(lambda first=first: box.show("MainPID")["MainPID"] not in ("0", str(first)), 30)
    assert box.running() != first
    sent(box)
    box.drop_in()


def test_a_service_that_stands_still_is_started_again(box: Machine) -> None:
    box.drop_in("WatchdogSec=4", "TimeoutAbortSec=5")
    box.run("systemctl", "restart", "sms-gateway")
    first = box.running()
    box.sh(f"kill -STOP {first}")
    eventually(lambda: box.show("MainPID")["MainPID"] not in ("0", str(first)), 60)
    assert box.running() != first
    assert "Watchdog timeout" in box.journal("-n", "200", "-o", "cat")
    box.drop_in()
    box.run("systemctl", "restart", "sms-gateway")


def test_a_reload_takes_a_good_config_and_refuses_a_bad_one(box: Machine) -> None:
    configure(box, GOOD + '[modem.second]\nport = "virtual"\n')
    pid = box.running()
    box.run("systemctl", "reload", "sms-gateway")
    eventually(lambda: box.show("StatusText")["StatusText"] == "2 of 2 devices up", 60)
    configure(box, GOOD + "nonsense = 1\n")
    box.run("systemctl", "reload", "sms-gateway")
    eventually(lambda: "gateway.toml:6: modem.try.nonsense" in box.journal(), 30)
    assert box.running() == pid
    configure(box, GOOD)
    box.run("systemctl", "reload", "sms-gateway")
    eventually(lambda: box.show("StatusText")["StatusText"] == "1 of 1 devices up", 60)
    assert box.running() == pid


def test_a_bad_config_ends_it_with_78_and_it_stays_down(box: Machine) -> None:
    configure(box, GOOD + "nonsense = 1\n")
    box.run("systemctl", "restart", "sms-gateway", status=1)
    found = box.show("ActiveState", "Result", "ExecMainStatus", "NRestarts")
    assert found == {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "78", "NRestarts": "0"}
    configure(box, GOOD)
    box.run("systemctl", "start", "sms-gateway")
    box.running()


def test_a_secret_is_a_file_that_only_root_can_read(box: Machine) -> None:
    box.write("/etc/sms-gateway/credentials/try-pin", "4321\n", mode="0600", group="root")
    configure(box, GOOD + 'pin = { credential = "try-pin" }\nvirtual = { pin = "4321" }\n')
    box.run("systemctl", "restart", "sms-gateway")
    box.running()
    sent(box)
    assert box.run("cat", "/etc/sms-gateway/credentials/try-pin", user="alice", status=1).out == ""
    assert "4321" not in box.journal("-n", "1000")
    configure(box, GOOD + 'pin = { credential = "absent" }\nvirtual = { pin = "4321" }\n')
    box.run("systemctl", "restart", "sms-gateway", status=1)
    assert box.show("ExecMainStatus")["ExecMainStatus"] == "78"
    assert "absent" in box.journal("-n", "20", "-o", "cat")
    configure(box, GOOD)
    box.sh("rm /etc/sms-gateway/credentials/try-pin; systemctl restart sms-gateway")
    box.running()


def test_a_stop_is_orderly_and_quick(box: Machine) -> None:
    box.run("systemctl", "stop", "sms-gateway", limit_s=130)
    assert box.show("Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    box.run("systemctl", "start", "sms-gateway")
    box.running()


def test_a_second_install_keeps_the_config_and_the_messages(box: Machine) -> None:
    configure(box, GOOD + "# mine\n")
    rows = len(box.run("sms-gateway", "messages", "--json", "--limit", "1000").out.splitlines())
    box.run("dpkg", "-i", "/debs/first.deb")
    box.running()
    assert "# mine" in box.run("cat", CONFIG).out
    assert len(box.run("sms-gateway", "messages", "--json", "--limit", "1000").out.splitlines()) == rows


def test_another_python_means_another_environment(box: Machine) -> None:
    # As after an upgrade of the system: the environment's interpreter can't find its packages any more.
    box.sh("cd /opt/sms-gateway/lib; mv python3* python2.0")
    box.run("dpkg-trigger", "--by-package=python3-minimal", "/usr/bin/python3")
    box.run("dpkg", "--triggers-only", "sms-gateway")
    box.running()
    sent(box)


def test_an_upgrade_steps_the_schema_after_a_copy_of_the_database(box: Machine) -> None:
    configure(box, GOOD + "# mine\n")
    box.run("sms-gateway", "pause", "try", user="alice")
    queued = box.run("sms-gateway", "send", "try", "over the upgrade", NUMBER, user="alice").out.strip()
    box.run("dpkg", "-i", "/debs/next.deb")
    box.running()
    tables = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT name FROM sqlite_master').fetchall())"
    )
    python, state = "/opt/sms-gateway/bin/python", "/var/lib/sms-gateway"
    assert "one_more_step" in box.run(python, "-c", tables, f"{state}/gateway.db", user="sms-gateway").out
    assert box.sh(f"stat -c %a {state}/gateway.db.before-9999").strip() == "660"
    assert "one_more_step" not in box.run(python, "-c", tables, f"{state}/gateway.db.before-9999", user="alice").out
    assert "# mine" in box.run("cat", CONFIG).out
    box.run("sms-gateway", "resume", "try", user="alice")
    shown = box.run("sms-gateway", "show", queued, "--json", user="alice")
    assert json.loads(shown.out.splitlines()[0])["text"] == "over the upgrade"
    eventually(lambda: '"status": "queued"' not in box.run("sms-gateway", "show", queued, "--json").out, 60)


def test_a_removed_package_leaves_config_and_messages_and_a_purged_one_nothing(box: Machine, before: set[str]) -> None:
    configure(box, GOOD + "# mine\n")
    box.run("dpkg", "-r", "sms-gateway")
    left = box.files() - before
    assert {CONFIG, "/var/lib/sms-gateway/gateway.db"} <= left
    assert not [path for path in left if path.startswith(("/opt", "/usr/"))]
    assert box.state() == "inactive/dead"
    box.run("dpkg", "-i", "/debs/next.deb")
    box.running()
    assert "# mine" in box.run("cat", CONFIG).out
    box.run("dpkg", "-P", "sms-gateway")
    assert box.files() - before == set()
    assert "sms-gateway" not in box.sh("cat /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/subuid /etc/subgid")
