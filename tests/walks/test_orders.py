"""Orders by SMS in the real service: over the air to a modem, and the answer back the same way."""

import base64

import pytest
from running import PHONE, Service, config, eventually, virtual_modem

from gateway.apps.control import hotp

KEY = b"12345678901234567890"


@pytest.fixture
def walk(tmp_path):
    modem = virtual_modem(tmp_path)
    text = config(tmp_path, modem).replace('"gateway.apps.echo"', '"gateway.apps.control", "gateway.apps.echo"')
    secret = tmp_path / "amina.secret"
    secret.write_text(base64.b32encode(KEY).decode())
    secret.chmod(0o600)
    text += f'[app.control.admin.amina]\nnumber = "{PHONE}"\nsecret = {{ file = "amina.secret" }}\n'
    service = Service(tmp_path, text).start()
    service.modem = modem
    yield service
    service.close()
    modem.close()


def answers(service):
    return [row["text"] for row in service.modem.witness()]


def test_only_a_fresh_code_of_an_admin_is_obeyed_over_restarts_too(walk):
    waiting = walk.cli("send", "modem", "later", "+447700900999", "--at", "+1d").strip()
    order = f"gw {hotp(KEY, 0)} hold"
    with walk.modem.control() as air:
        air.deliver("+447700900555", order)
        air.deliver(PHONE, "gw 000000 hold")
        air.deliver(PHONE, order)
        eventually(lambda: "1 held." in answers(walk))
        assert [row["status"] for row in walk.rows("--out") if row["id"] == waiting] == ["held"]
        assert walk.stop() == 0
        walk.start()
        air.deliver(PHONE, order)
        air.deliver(PHONE, f"gw {hotp(KEY, 1)} release modem")
        eventually(lambda: "1 released at modem." in answers(walk))
    assert [row["status"] for row in walk.rows("--out") if row["id"] == waiting] == ["queued"]
    assert len(answers(walk)) == 2, "neither the stranger, nor the guess, nor the copy was answered"
    log = walk.log.read_text()
    assert log.count("an order by SMS was refused") == 2
    assert log.count("an order came by SMS") == 2
