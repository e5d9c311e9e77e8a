"""Each secret of a config may be a credential of systemd, and none is overlooked."""

from pathlib import Path

import pytest

from gateway import config
from gateway.cli import devicechecks, resetting
from gateway.config import Secrets, inventory

EVERYTHING = """\
[gateway]
apps = ["gateway.apps.control", "gateway.apps.email", "gateway.apps.webhook"]
[modem.mtn]
port = "virtual"
pin = { SOURCE = "mtn" }
[smpp.acme]
host = "smpp.example.com"
system_id = "x"
password = { SOURCE = "acme" }
[server.smpp]
listen = "127.0.0.1:0"
[server.smpp.user.crm]
password = { SOURCE = "crm" }
[server.http.in.kannel]
token = { SOURCE = "kannel" }
[backend.web]
class = "gateway.backends.http:HttpBackend"
token = { SOURCE = "web" }
[backend.web.headers]
Authorization = { SOURCE = "header" }
[backend.web.extra]
whatever = { SOURCE = "extra" }
[server.http.user.amina]
password = { SOURCE = "page" }
[app.control.admin.amina]
number = "+254700000009"
secret = { SOURCE = "amina" }
[app.email]
password = { SOURCE = "email" }
[app.webhook.hook.crm]
url = "https://crm.example.com/sms"
secret = { SOURCE = "hook" }
"""
NAMES = ("mtn", "acme", "crm", "kannel", "web", "header", "extra", "page", "amina", "email", "hook")
PLACES = {
    "modem.mtn.pin",
    "smpp.acme.password",
    "server.smpp.user.crm.password",
    "server.http.in.kannel.token",
    "backend.web.token",
    "backend.web.headers.Authorization",
    "backend.web.extra.whatever",
    "server.http.user.amina.password",
    "app.control.admin.amina.secret",
    "app.email.password",
    "app.webhook.hook.crm.secret",
}


@pytest.fixture
def write(tmp_path: Path):
    """Write the config with all secrets from one kind of source, and files with them."""

    def make(source: str, folder: Path, prefix: str = "") -> Path:
        folder.mkdir(exist_ok=True)
        for name in NAMES:
            (folder / f"{prefix}{name}").write_text("1234\n")
            (folder / f"{prefix}{name}").chmod(0o640)
        file = tmp_path / "gateway.toml"
        file.write_text(EVERYTHING.replace("SOURCE", source))
        return file

    return make


@pytest.mark.parametrize("prefix", ["", "secret_"], ids=["LoadCredential=NAME:FILE", "LoadCredential=secret:FOLDER"])
def test_every_secret_may_be_a_credential(write, tmp_path, monkeypatch, prefix):
    folder = tmp_path / "credentials"
    file = write("credential", folder, prefix)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    loaded = config.load(file, secrets=Secrets.REQUIRED)
    found = {".".join(place): secret for place, secret in inventory.secrets(loaded)}
    assert found.keys() == PLACES
    assert {secret.fresh() for secret in found.values()} == {"1234"}


def test_a_reset_and_doctor_overlook_none(write, tmp_path):
    loaded = config.load(write("file", tmp_path))
    found = list(devicechecks.secrets(loaded))
    assert [(each.level, each.check) for each in found] == [("ok", "secrets")] * len(PLACES)
    assert {path.name for path in resetting.doomed(loaded, tmp_path / "gateway.db")} == {*NAMES, "gateway.toml"}


def test_words_that_are_no_secret(tmp_path):
    hashed = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaasGd4"
    text = f"""\
    [app.messagelog]
    file = "log"
    keyword = "pin me"
    [server.smpp]
    listen = "127.0.0.1:0"
    user.crm.password = "{hashed}"
    [smpp.unreal]
    host = "virtual"
    """
    assert list(devicechecks.secrets(config.from_text(text))) == []
