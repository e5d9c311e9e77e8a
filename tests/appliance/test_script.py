"""install.sh and uninstall.sh from a checkout that can't be written to, on a real systemd without network."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import trees
from conftest import booted
from machine import Machine, eventually

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(1200), pytest.mark.xdist_group("script")]
CONFIG = "/etc/sms-gateway/gateway.toml"
NUMBER = "+254700000001"
# The registry is a folder here; the hashes of the lock are checked all the same.
INSTALL = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels /checkout/systemd/install.sh"

INSTALL_S = 600.0


@pytest.fixture(scope="module")
def bare(packages: trees.Packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that sees the checkout, read only."""
    folder = tmp_path_factory.mktemp("script")
    for machine in booted(packages, "bookworm", folder, wheels=packages.wheels(), checkout=trees.ROOT):
        machine.sh("useradd -m alice")
        yield machine


@pytest.fixture(scope="module")
def before(bare: Machine) -> set[str]:
    return bare.files()


@pytest.fixture(scope="module")
def box(bare: Machine, before: set[str]) -> Machine:
    assert before
    bare.sh(INSTALL, limit_s=INSTALL_S)
    bare.run("usermod", "-aG", "sms-gateway", "alice")
    return bare


def test_the_host_needs_no_tools_and_the_checkout_stays_clean(box: Machine) -> None:
    box.lacks("cc", "gcc", "curl", "wget", "ps", "modprobe", "git")
    # Nothing could have been written there: it is mounted read only, also for root.
    box.run("touch", "/checkout/systemd/anything", status=1)
    for path in ("modules-load.d/sms-gateway.conf", "sysusers.d/sms-gateway.conf", "tmpfiles.d/sms-gateway.conf",
                 "udev/rules.d/77-sms-gateway.rules", "systemd/system/sms-gateway.service"):  # fmt: skip
        box.run("test", "-s", f"/etc/{path}")


def test_it_runs_and_sends_for_a_member_of_the_group(box: Machine) -> None:
    box.running()
    out = box.run("sms-gateway", "send", "try", "hello", NUMBER, "--wait", "60", "--json", user="alice").out
    assert json.loads(out)["status"] in ("sent", "delivered")


def test_a_second_install_keeps_config_and_messages(box: Machine) -> None:
    box.sh(f"echo '# mine' >>{CONFIG}; {INSTALL}", limit_s=INSTALL_S)
    box.running()
    assert "# mine" in box.run("cat", CONFIG).out
    assert len(box.run("sms-gateway", "messages", "--json").out.splitlines()) >= 1


def test_a_config_with_faults_stops_the_install_with_every_fault(box: Machine) -> None:
    box.sh(f"cp {CONFIG} /root/good.toml; echo nonsense >>{CONFIG}")
    ran = box.run("sh", "-c", INSTALL, status=1, limit_s=INSTALL_S)
    assert "gateway.toml has faults (see above)" in ran.err
    box.sh(f"cat /root/good.toml >{CONFIG}; rm /root/good.toml; {INSTALL}", limit_s=INSTALL_S)
    box.running()


def test_a_factory_reset_brings_the_example_back(box: Machine) -> None:
    box.run("systemctl", "stop", "sms-gateway")
    box.run("sms-gateway", "factory-reset", "--yes")
    assert "# mine" not in box.run("cat", CONFIG).out
    assert box.sh(f"stat -c '%a %U %G' {CONFIG}").strip() == "640 root sms-gateway"
    box.run("systemctl", "start", "sms-gateway")
    box.running()
    assert box.run("sms-gateway", "messages", "--json", user="alice").out == ""


def test_a_copy_is_restored_for_the_service(box: Machine) -> None:
    sent = box.run("sms-gateway", "send", "try", "kept", NUMBER, "--wait", "60", user="alice").out
    box.run("sms-gateway", "db", "backup", "/home/alice/copy.db", user="alice")
    box.run("systemctl", "stop", "sms-gateway")
    box.run("sms-gateway", "db", "restore", "/home/alice/copy.db", "--force")
    mode = box.sh("stat -c '%a %U %G' /var/lib/sms-gateway/gateway.db").strip()
    assert mode == "660 sms-gateway sms-gateway"
    box.run("systemctl", "start", "sms-gateway")
    box.running()
    assert sent.strip() in box.run("sms-gateway", "messages", "--json", user="alice").out


def test_the_journal_has_the_fields(box: Machine) -> None:
    found = eventually(lambda: box.journal("-o", "json", "SMS_DEVICE=try"), 30)
    entry = json.loads(found.splitlines()[-1])
    assert entry["_SYSTEMD_UNIT"] == "sms-gateway.service"
    assert entry["SYSLOG_IDENTIFIER"] == "sms-gateway"
    assert NUMBER not in box.journal("-n", "10000", "-o", "cat")


def test_doctor_and_its_bundle(box: Machine) -> None:
    box.run("sms-gateway", "doctor", "--bundle", "/root/bundle.tar.gz", status=None)
    everything = box.sh("tar -xzOf /root/bundle.tar.gz; rm /root/bundle.tar.gz")
    assert NUMBER not in everything
    assert "kept" not in everything
    assert "the service is ready" in everything


def test_an_uninstall_keeps_the_data_and_a_later_purge_leaves_nothing(box: Machine, before: set[str]) -> None:
    box.run("/checkout/systemd/uninstall.sh")
    left = {path for path in box.files() - before if not path.startswith(("/etc/sms-gateway", "/var/lib/sms-gateway"))}
    assert left == set()
    assert {CONFIG, "/var/lib/sms-gateway/gateway.db"} <= box.files()
    box.run("/checkout/systemd/uninstall.sh", "--purge")
    assert box.files() - before == set()
    assert "sms-gateway" not in box.sh("cat /etc/passwd /etc/group /etc/shadow /etc/gshadow")
