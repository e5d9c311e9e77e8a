"""The config: every fault at once, with its line, what is allowed and the nearest name."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from gateway import config
from gateway.config import Config, PoolConfig, PythonBackendConfig, Secrets
from gateway.errors import ConfigurationError
from gateway.limits import Rate

GOOD = """
[gateway]
state = "data"
region = "KE"
apps = ["gateway.apps.echo", "clinic.app"]
retention = "30d"

[modem.mtn]
imei = "356938035640000"
pin = "1234"
rate = "10/minute"
quota = ["200/day", "3000/month"]

[modem.safaricom]
port = "virtual"
driver = "at"
virtual = { number = "+254700000002" }

[smpp.acme]
host = "smpp.example.com"
system_id = "acme"
password = "s3cr3t"
tls = { ca = "ca.pem", server_name = "smpp.example.com" }

[server.smpp]
listen = "127.0.0.1:2776"
[server.smpp.user.crm]
password = "another-word"
networks = ["192.168.1.0/24"]
backends = ["kenya"]
rate = "20/second"

[backend.kenya]
devices = ["mtn", "acme"]

[backend.web]
class = "clinic.web:Backend"
URL = "https://example.org"
Retry = 3

[[route]]
prefix = "+254"
backend = "kenya"
[[route]]
backend = "web"

[app.echo]
loud = true
"""


def read(text: str, folder: Path, **kwargs) -> Config:
    path = folder / "gateway.toml"
    path.write_text(textwrap.dedent(text))
    path.chmod(0o600)
    return config.load(path, **kwargs)


def faults(text: str, folder: Path, **kwargs) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(text, folder, **kwargs)
    prefix = str(folder / "gateway.toml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith(prefix + ":") for line in lines)
    return [line.removeprefix(prefix + ":") for line in lines]


def test_a_good_config(tmp_path):
    found = read(GOOD, tmp_path)
    assert found.gateway.state == tmp_path / "data"
    assert found.gateway.database == f"sqlite:///{tmp_path}/data/gateway.db"
    assert found.gateway.apps == ("gateway.apps.echo", "clinic.app")
    assert found.gateway.retention == 30 * 86400
    assert list(found.devices) == ["mtn", "safaricom", "acme"]
    mtn = found.modem["mtn"]
    assert (mtn.kind, mtn.driver, mtn.rate, mtn.quota) == (
        "modem",
        "gammu",
        Rate(10, 60.0),
        (Rate(200, 86400.0), Rate(3000, 31 * 86400.0)),
    )
    assert mtn.pin.reveal() == "1234"
    assert found.modem["safaricom"].virtual == {"number": "+254700000002"}
    acme = found.smpp["acme"]
    assert acme.tls.ca == tmp_path / "ca.pem"
    assert isinstance(found.backend["kenya"], PoolConfig)
    assert found.backend["kenya"].strategy == "failover"
    web = found.backend["web"]
    assert isinstance(web, PythonBackendConfig)
    assert (web.class_, web.batch, web.retries, web.retry_delay) == ("clinic.web:Backend", 200, 3, 180.0)
    assert web.options == {"url": "https://example.org", "retry": 3}
    assert [rule.backend for rule in found.route] == ["kenya", "web"]
    assert found.route[0].prefix == ("+254",)
    assert found.app == {"echo": {"loud": True}}
    assert found.server.smpp.user["crm"].networks == ("192.168.1.0/24",)
    assert found.warnings == ()


def test_defaults_are_the_documented_ones(tmp_path):
    found = config.from_mapping({"modem": {"m": {"port": "virtual"}}, "smpp": {"s": {"host": "virtual"}}})
    section, modem, account = found.gateway, found.modem["m"], found.smpp["s"]
    assert (section.router, section.durability, section.retention, section.lease, section.ageing) == (
        "queued",
        "full",
        90 * 86400.0,
        30.0,
        30.0,
    )
    assert section.ports == ("/dev/ttyUSB*", "/dev/ttyACM*")
    assert section.node == os.uname().nodename
    for device in (modem, account):
        assert (device.enabled, device.receipts, device.on_unknown) == (True, True, "resend")
        assert (device.settle, device.attempts, device.retry, device.parts_timeout) == (60.0, 5, 30.0, 600.0)
        assert (device.rate, device.quota) == (None, ())
    assert (modem.driver, modem.poll, modem.answer_timeout) == ("gammu", 5.0, 60.0)
    assert (account.port, account.bind, account.binds, account.window) == (2775, "transceiver", 1, 20)
    assert (account.enquire_link, account.response_timeout, account.reconnect) == (30.0, 30.0, 60.0)
    assert (account.tls, account.alphabet, account.system_id) == (False, "gsm7", "s")


def test_state_directory(tmp_path):
    script = "from gateway import config; print(config.from_mapping({}).gateway.state)"
    run = __import__("subprocess").run
    python = __import__("sys").executable
    plain = {key: value for key, value in os.environ.items() if key != "STATE_DIRECTORY"}
    out = run([python, "-c", script], cwd=tmp_path, env=plain, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == f"{tmp_path}/state"
    out = run(
        [python, "-c", script],
        cwd=tmp_path,
        env={**plain, "STATE_DIRECTORY": "/var/lib/a:/var/lib/b"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "/var/lib/a"


def test_every_fault_at_once(tmp_path):
    found = faults(
        """\
        [gateway]
        regon = "KE"
        retention = "90x"
        [modem.mtn]
        imei = "356938035640000"
        port = "/dev/ttyUSB0"
        rate = "10/minut"
        poll = 5
        [smpp.acme]
        host = "smpp.example.com"
        system_id = "acme"
        password = "s3cr3t"
        window = 2000
        tls = { caa = "x" }
        [backend.kenya]
        devices = ["mtn"]
        strategy = "failovr"
        [[route]]
        backend = "kenyaa"
        [rout]
        """,
        tmp_path,
    )
    assert [line.split(" ")[:2] for line in found] == [
        ["2:", "gateway.regon:"],
        ["3:", "gateway.retention:"],
        ["6:", "modem.mtn.port:"],
        ["7:", "modem.mtn.rate:"],
        ["8:", "modem.mtn.poll:"],
        ["13:", "smpp.acme.window:"],
        ["14:", "smpp.acme.tls.caa:"],
        ["17:", "backend.kenya.strategy:"],
        ["19:", "route[0].backend:"],
        ["20:", "rout:"],
    ]
    text = "\n".join(found)
    for hint in ("'region'", "'minute'", "'failover'", "'kenya'", "'route'", "'ca'", "1 to 1000"):
        assert hint in text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[gateway]\nx = \n", 2, "not TOML"),
        ("[gateway]\na = 1\na = 2\n", 3, "not TOML"),
        ("[gateway]\nstate = 'x\n", 2, "not TOML"),
        ("[gateway]\nports = [\n", 2, "not TOML"),
        ("[modem.auto]\nport = 'virtual'\n", 1, "reserved"),
        ("[modem.m]\ndriver = 'at'\n", 1, "exactly one of port, imei, usb, iccid"),
        ("[modem.m]\nport = 'virtual'\n[smpp.m]\nhost = 'virtual'\n", 3, "taken by [modem.m]"),
        ("[modem.m]\nport = '/dev/a'\n[modem.n]\nport = '/dev/a'\n", 4, "is the modem of [modem.m] already"),
        ("[modem.m]\nport = 'virtuel'\n", 2, "virtual"),
        ("[modem.m]\nport = 'virtual'\npin = '12'\n", 3, "4 to 8 digits"),
        ("[modem.m]\nport = 'virtual'\npin = 1234\n", 3, "must be a string, or one of"),
        ("[modem.m]\nport = 'virtual'\npin = { fil = 'x' }\n", 3, "must be a string, or one of"),
        ("[modem.m]\nport = 'virtual'\nenabled = 'yes'\n", 3, "true or false"),
        ("[modem.m]\nport = 'virtual'\nquota = ['1/day', '0/day']\n", 3, "'0/day' is not a rate"),
        ("[modem.m]\nport = 'virtual'\nattempts = 0\n", 3, "from 1 to 1000"),
        ("[modem]\nm = 3\n", 2, "must be a table [modem.NAME]"),
        ("[smpp.s]\nhost = 'h'\nsystem_id = 's'\n", 1, "is missing"),
        ("[smpp.s]\nhost = 'virtual'\nport = 65536\n", 3, "from 1 to 65535"),
        ("[smpp.s]\nhost = 'virtual'\nbind = 'tranceiver'\n", 3, "did you mean 'transceiver'"),
        ("[backend.b]\n", 1, "needs devices"),
        ("[backend.b]\nclass = 'a.b:C'\ndevices = ['x']\n", 1, "both"),
        ("[backend.b]\ndevice = ['x']\n", 2, "did you mean 'devices'"),
        ("[backend.b]\nclass = 'nonsense'\n", 2, "package.module:Class"),
        ("[[route]]\nprefix = '254x'\nbackend = 'b'\n[backend.b]\nclass = 'a.b:C'\n", 2, "is not a prefix"),
        ("[route]\nbackend = 'b'\n", 1, "[[route]]"),
        ("[gateway]\ndatabase = 'mysql://u:pw@h/d'\n", 2, "postgresql+psycopg://"),
        ("[gateway]\ndatabase = 'postgresql://u:pw@h/d'\n", 2, "postgresql+psycopg://"),
        ("[gateway]\ndatabase = 'sqlite://'\n", 2, "memory"),
        ("[gateway]\nregion = 'XX'\n", 2, "not a region"),
        ("[server.smpp]\nlisten = 'h:1'\nuser = 3\n", 3, "must hold tables"),
        ("[server.grpc]\nlisten = 'x'\n", 1, "the servers are smpp, http"),
        ("[server.http]\nlisten = '8080'\n", 2, 'such as "127.0.0.1:2776"'),
        ("[server.http]\ntls = true\n", 2, "must be a table with cert and key"),
        ("[server.http]\nmost = 1\n", 2, "must be a whole number from 1024 to 16777216"),
        ("[server.http.in.a]\n", 1, "needs a token, user and password, or networks"),
        ("[server.http.in.a]\ntoken = 't'\nuser = 'u'\n", 1, "user and password belong together"),
        ("[server.http.in.a]\ntoken = 't'\nkind = 'json'\n", 3, "'json' is not allowed"),
        ("[server.http.in.a]\ntoken = 't'\nparams = { number = 'n' }\n", 3, "'number' is unknown; the keys here are"),
        ("[server.http.in.a]\ntoken = 't'\npath = 'in'\n", 3, 'must be a path such as "/sms/in"'),
        ("[server.http.in.a]\ntoken = 't'\nnetwork = 'x'\n", 3, "did you mean 'networks'?"),
        ("[server.http.in.a]\ntoken = 't'\n[server.http.in.b]\ntoken = 't'\npath = '/in/a'\n", 5, "is the path of"),
        ("[server.http.user.a]\n", 1, "needs a password for the page, or a token for software"),
        ("[server.http.user.a]\ntoken = 't'\nbackends = ['x']\n", 3, "there is no backend 'x'"),
        ("[server.http.user.a]\ntoken = 't'\nrate = 'fast'\n", 3, "is not a rate"),
        ("stat = 'x'\n", 1, "unknown key outside of a table"),
    ],
)  # fmt: skip
def test_one_fault(tmp_path, text, line, words):
    (found,) = [each for each in faults(text, tmp_path) if words in each]
    assert found.startswith(f"{line}:")
    assert "pw" not in found


def test_octets_that_are_not_text(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"[gateway]\n# caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"gateway\.toml:2: is not UTF-8"):
        config.load(path)


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xef\xbb\xbf[gateway]\r\nnode = 'pi'\r\nnope = 1\r\n")
    with pytest.raises(ConfigurationError, match=r":3: gateway\.nope"):
        config.load(path)


def test_no_file(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        config.load(tmp_path / "absent.toml")


class TestSecrets:
    def test_sources(self, tmp_path):
        (tmp_path / "word").write_text("from-file\n")
        found = read(
            "[smpp.s]\nhost = 'h'\nsystem_id = 's'\npassword = { file = 'word' }\n", tmp_path, secrets=Secrets.REQUIRED
        )
        assert found.smpp["s"].password.reveal() == "from-file"

    def test_never_shown(self, tmp_path):
        found = read(GOOD, tmp_path, secrets=Secrets.REQUIRED)
        shown = f"{found!r} {found} {found.model_dump()} {found.model_dump_json()} {found.smpp['acme'].password:>30}"
        for word in ("s3cr3t", "another-word", "'1234'", '"1234"'):
            assert word not in shown
        assert "****" in shown

    def test_not_in_faults(self, tmp_path):
        text = "[smpp.s]\nhost = 'h'\nsystem_id = 's'\npasword = 'hunter2'\npassword = ['hunter2']\n"
        assert "hunter2" not in "\n".join(faults(text, tmp_path))

    @pytest.mark.parametrize("source", ["{ file = 'gone' }", "{ env = 'SMS_GATEWAY_NOT_SET' }"])
    def test_missing(self, tmp_path, source):
        text = f"[modem.m]\nport = 'virtual'\npin = {source}\n"
        assert read(text, tmp_path).modem["m"].pin is not None
        for level in (Secrets.CHECK, Secrets.REQUIRED):
            (found,) = faults(text, tmp_path, secrets=level)
            assert found.startswith("3: modem.m.pin:")
        with pytest.raises(ConfigurationError):
            read(text, tmp_path).modem["m"].pin.reveal()

    def test_a_credential_is_there_in_the_service_only(self, tmp_path):
        assert "CREDENTIALS_DIRECTORY" not in os.environ
        text = "[modem.m]\nport = 'virtual'\npin = { credential = 'pin' }\n"
        (warning,) = read(text, tmp_path, secrets=Secrets.CHECK).warnings
        assert "inside the systemd service" in str(warning)
        (found,) = faults(text, tmp_path, secrets=Secrets.REQUIRED)
        assert found.startswith("3: modem.m.pin:")

    def test_open_files_are_a_warning(self, tmp_path):
        (tmp_path / "word").write_text("pw")
        (tmp_path / "word").chmod(0o644)
        path = tmp_path / "gateway.toml"
        account = "[smpp.s]\nhost = 'h'\nsystem_id = 's'\npassword = { file = 'word' }\n"
        path.write_text(account + "[modem.m]\nport='virtual'\npin='1234'")
        path.chmod(0o644)
        first, second = map(str, config.load(path, secrets=Secrets.CHECK).warnings)
        assert "chmod 640" in first
        assert "smpp.s.password" in first
        assert str(path) in second


def test_a_fault_that_is_found_later_has_its_line(tmp_path):
    found = read("[gateway]\napps = [\n  'a',\n  'b',\n]\n", tmp_path)
    path = tmp_path / "gateway.toml"
    assert str(found.fault("gateway.apps[1]", "no")) == f"{path}:4: gateway.apps[1]: no"
    assert str(found.fault("gateway.router", "no")) == f"{path}:1: gateway.router: no"
    assert str(found.fault("backend.x", "no")) == f"{path}: backend.x: no"


def test_a_password_that_smpp_has_no_room_for_is_a_warning(tmp_path):
    found = read("[smpp.s]\nhost = 'h'\nsystem_id = 's'\npassword = 'much-too-long'\n", tmp_path)
    (warning,) = map(str, found.warnings)
    assert ":4: smpp.s.password: is longer than the 8 octets" in warning
    assert "much-too-long" not in warning


def test_an_unknown_device_in_a_pool_is_a_warning(tmp_path):
    found = read("[modem.m]\nport = 'virtual'\n[backend.b]\ndevices = ['m', 'n']\n", tmp_path)
    (warning,) = found.warnings
    assert str(warning).startswith(f"{tmp_path}/gateway.toml:4: backend.b.devices[1]: no device 'n'")


def test_what_comes_in_over_http_can_be_answered_or_is_a_warning(tmp_path):
    text = (
        "[backend.mtn]\nclass = 'a.b:C'\n[server.http.in.mtm]\ntoken = 't'\n"
        "[server.http.in.x]\nbackend = 'mtn'\ntoken = 't'\n"
    )
    (warning,) = read(text, tmp_path).warnings
    assert (warning.path, warning.line) == ("server.http.in.mtm", 3)
    assert "nothing it receives can be answered; did you mean 'mtn'?" in warning.message


def test_secrets_over_the_network_in_clear_are_a_warning(tmp_path):
    text = "[backend.a]\nclass = 'a.b:C'\n[server.http]\nlisten = '{}:8080'\n[server.http.in.a]\ntoken = 't'\n"
    (warning,) = read(text.format("0.0.0.0"), tmp_path).warnings
    assert "without tls the secrets cross the network in clear" in warning.message
    assert read(text.format("[::1]"), tmp_path).warnings == ()
