"""The unit and what is installed with it, as systemd's own tools see them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway import config
from gateway.cli import hostchecks
from gateway.service import root

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "sms-gateway.service"
NOBODY = 65_534

needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def run(*command: str | Path, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)  # type: ignore[call-overload,no-any-return]


def settings() -> dict[str, list[str]]:
    """Each key of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on every host."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    return copy


@needs_analyze
def test_systemd_accepts_the_unit(unit: Path) -> None:
    result = run("systemd-analyze", "verify", unit)
    assert result.returncode == 0, result.stderr
    assert UNIT.name not in result.stderr


@needs_analyze
def test_the_unit_is_hardened(unit: Path) -> None:
    result = run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", unit)
    assert result.returncode == 0, result.stdout
    assert "Overall exposure level" in result.stdout


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("Type", ["notify"]),
        ("User", ["sms-gateway"]),
        ("ExecStart", ["/opt/sms-gateway/bin/sms-gateway run"]),
        ("Restart", ["always"]),
        ("StartLimitIntervalSec", ["0"]),
        ("RestartPreventExitStatus", ["78"]),
        ("KillMode", ["mixed"]),
        ("StateDirectory", ["sms-gateway"]),
        ("StateDirectoryMode", ["2770"]),
        ("UMask", ["0007"]),
        ("DevicePolicy", ["closed"]),
        ("WatchdogSec", ["60"]),
        ("LoadCredential", ["secret:/etc/sms-gateway/credentials"]),
    ],
)
def test_what_the_service_relies_on(key: str, values: list[str]) -> None:
    assert settings()[key] == values


def test_serial_ports_are_allowed_and_nothing_else() -> None:
    assert {line.split()[0] for line in settings()["DeviceAllow"]} == {
        "char-ttyUSB",
        "char-ttyACM",
        "char-ttyAMA",
        "char-ttyS",
        "char-ttySC",
    }


def test_a_stop_outlasts_the_answer_to_a_message() -> None:
    modem = config.from_mapping({"modem": {"m": {"port": "virtual"}}}).modem["m"]
    assert int(settings()["TimeoutStopSec"][0]) > root.GRACE_S + root.APPS_END_S > modem.answer_timeout


def test_the_example_configuration_is_valid_and_needs_no_hardware() -> None:
    loaded = config.load(FOLDER / "gateway.example.toml")
    assert loaded.gateway.state == Path("/var/lib") / settings()["StateDirectory"][0]
    assert [(name, modem.port) for name, modem in loaded.modem.items()] == [("try", "virtual")]
    assert loaded.smpp == {}


def test_what_the_example_configuration_offers_is_valid_too(tmp_path: Path) -> None:
    text = (FOLDER / "gateway.example.toml").read_text()
    offered = re.sub(r"^# (?=\[|[a-z_]+ *=)", "", text, flags=re.MULTILINE)
    file = tmp_path / "gateway.toml"
    file.write_text(offered)
    assert set(config.load(file).devices) == {"try", "mtn", "acme"}


MAINTAINER = ["deb/build.sh", "deb/preinst", "deb/postinst", "deb/prerm", "deb/postrm"]


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh", *MAINTAINER])
class TestEveryScript:
    def test_the_shell_can_read_it(self, script: str) -> None:
        assert run("sh", "-n", FOLDER / script).returncode == 0
        assert os.access(FOLDER / script, os.X_OK)

    @pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
    def test_shellcheck_finds_nothing(self, script: str) -> None:
        result = run("shellcheck", FOLDER / script)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
class TestScripts:
    def test_who_is_not_root_is_told_so_in_one_sentence(self, script: str) -> None:
        # Over stdin, since nobody may not be able to read the checkout.
        user = {"user": NOBODY} if os.getuid() == 0 else {}
        result = run("sh", "-s", input=(FOLDER / script).read_text(), cwd="/", **user)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.count("\n") == 1
        assert "this needs root" in result.stderr

    def test_a_wrong_option_changes_nothing(self, script: str) -> None:
        result = run("sh", FOLDER / script, "--frobnicate")
        assert result.returncode == 2
        assert result.stderr.startswith("Usage: ")


def test_the_udev_rules_jump_to_a_label_that_exists() -> None:
    rules = [line for line in (FOLDER / "77-sms-gateway.rules").read_text().splitlines() if line and line[0] != "#"]
    text = "\n".join(rules)
    assert set(re.findall(r'GOTO="(\w+)"', text)) == set(re.findall(r'LABEL="(\w+)"', text))
    vendors = [rule for rule in rules if "idVendor" in rule]
    assert len(vendors) >= 8
    assert all(
        re.fullmatch(r'ATTR\{idVendor\}=="[0-9a-f]{4}", ENV\{ID_MM_DEVICE_IGNORE\}="1"', rule) for rule in vendors
    )


def test_modem_manager_is_kept_from_every_maker_that_doctor_knows() -> None:
    hidden = set(re.findall(r'idVendor\}=="([0-9a-f]{4})"', (FOLDER / "77-sms-gateway.rules").read_text()))
    assert hidden >= hostchecks.MAKERS


def test_the_drivers_of_the_ports_are_loaded_before_the_unit_allows_them() -> None:
    lines = (FOLDER / "sms-gateway.modules-load").read_text().splitlines()
    assert [line for line in lines if line[0] != "#"] == ["usbserial", "option", "cdc_acm"]


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_the_user_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    result = run("systemd-sysusers", "--dry-run", f"--root={tmp_path}", FOLDER / "sms-gateway.sysusers")
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "etc" / "passwd").exists()
