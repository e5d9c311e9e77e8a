"""Kannel itself, between the gateway and a carrier: out by sendsms, reports by dlr-url, in by get-url."""

import pytest
from kannel import boxes
from running import PHONE, Service, eventually, free_port, virtual_carrier

CONFIG = """
[gateway]
state = "{directory}/state"
apps = ["gateway.apps.echo"]
[backend.kannel]
class = "gateway.backends.kannel:KannelBackend"
url = "http://127.0.0.1:{sendsms}/cgi-bin/sendsms"
username = "app"
password = "{password}"
source = "22141"
dlr_url = "http://127.0.0.1:{port}/in/kannel/report"
dlr_token = "t%&+ 1"
retry_delay = "1s"
retries = 100
[server.http]
listen = "127.0.0.1:{port}"
[server.http.in.kannel]
kind = "kannel"
token = "t%&+ 1"
"""
URL = "http://127.0.0.1:{port}/in/kannel?token=t%25%26%2B+1&id=%p&to=%P&text=%b&charset=%C&coding=%c&smsid=%I"


@pytest.fixture
def walk(tmp_path):
    port, carrier = free_port(), virtual_carrier(tmp_path)
    service = Service(tmp_path, "")
    try:
        (tmp_path / "boxes").mkdir()
        url = URL.format(port=port).replace("%25%26%2B", "%%25%%26%%2B")
        with boxes(tmp_path / "boxes", url, smpp=carrier.ready["port"], user="demo", password="demo") as sendsms:
            given = {"directory": tmp_path, "sendsms": sendsms, "port": port}
            service.given, service.carrier = given, carrier
            service.config.write_text(CONFIG.format(password="app", **given))
            service.start()
            yield service
            assert service.stop() == 0
            assert "Traceback" not in service.log.read_text()
    finally:
        for each in (service, carrier):
            each.close()


def test_kannel_carries_out_reports_and_carries_in(walk):
    for text in ("a plain text, € too", "Привет, " * 20):
        walk.cli("send", "kannel", text, PHONE)
        eventually(
            lambda text=text: [
                row for row in walk.rows("--out") if row["text"] == text and row["status"] == "delivered"
            ]
        )
    seen = walk.carrier.witness()
    assert ("22141", PHONE, "a plain text, € too") in [(each["from"], each["to"], each["text"]) for each in seen]
    with walk.carrier.control() as control:
        control.deliver(PHONE, "echo ünd Жук €")

    def answered():
        return [row for row in walk.rows("--out") if row["text"] == "ünd Жук €" and row["status"] == "delivered"]

    (row,) = eventually(answered, what=lambda: walk.rows())
    assert row["identity"].lstrip("+") == PHONE.lstrip("+")
    (came,) = walk.rows("--in")
    assert came["fields"]["external_id"]


def test_kannel_s_refusal_of_a_password_is_tried_again(walk):
    walk.config.write_text(CONFIG.format(password="wrong", **walk.given))
    walk.process.send_signal(1)
    eventually(lambda: "the config was read again" in walk.log.read_text())
    walk.cli("send", "kannel", "refused at first", PHONE)
    eventually(lambda: "403" in (walk.rows("--out")[0]["error"] or ""), what=lambda: walk.rows())
    walk.config.write_text(CONFIG.format(password="app", **walk.given))
    walk.process.send_signal(1)
    eventually(lambda: walk.rows("--out")[0]["status"] == "delivered", 60, what=lambda: walk.rows())
