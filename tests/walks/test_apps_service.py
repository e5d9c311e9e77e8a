"""Apps in the real service: found beside the config, kept apart from each other and from the devices, read again."""

import json
import signal
import threading

import pytest
from running import PHONE, Service, eventually, virtual_carrier
from servers import WebServer, serving

APP = """
import pathlib, time
from gateway import App

HERE = pathlib.Path(__file__).parent


class Clinic(App):
    def handle(self, msg):
        if msg.text == "raise":
            raise ValueError("no such luck")
        if msg.text == "block":
            (HERE / "blocked").touch()
            while not (HERE / "go").exists():
                time.sleep(0.02)
        msg.respond(f"first {msg.text}")
        return True

    def status(self, transmission):
        with (HERE / "statuses").open("a") as file:
            file.write(f"{transmission.connection.backend} {transmission.status}\\n")
"""


@pytest.fixture
def walk(tmp_path):
    carrier, services = virtual_carrier(tmp_path), []
    (tmp_path / "clinic_beside.py").write_text(APP)

    def make(more="", apps='"clinic_beside"'):
        text = (
            f'[gateway]\nstate = "{tmp_path}/state"\napps = [{apps}]\n'
            f'[smpp.carrier]\nhost = "{carrier.ready["host"]}"\nport = {carrier.ready["port"]}\n'
            f'system_id = "demo"\npassword = "demo"\n{more}\n'
        )
        services.append(Service(tmp_path, text))
        services[0].carrier = carrier
        return services[0].start()

    yield make
    for each in (*services, carrier):
        each.close()


def rows(service, *arguments):
    return service.rows(*arguments)


def statuses(service, *arguments):
    return {row["text"]: row["status"] for row in rows(service, *arguments)}


def test_one_message_that_fails_keeps_its_place_and_the_others_go_on(walk):
    service = walk()
    for text in ("raise", "hello"):
        service.cli("receive", "carrier", PHONE, text)
    eventually(lambda: statuses(service, "--in") == {"raise": "failed", "hello": "handled"})
    (failed,) = [row for row in rows(service, "--in") if row["text"] == "raise"]
    assert failed["error"] == "the app clinic_beside raised ValueError: no such luck"
    assert failed["encoding"] == "gsm7"
    eventually(lambda: statuses(service, "--out") == {"first hello": "delivered"})
    seen = service.directory / "statuses"
    eventually(lambda: seen.exists() and seen.read_text().splitlines() == ["carrier sent", "carrier delivered"])
    assert service.stop() == 0


def test_an_app_that_blocks_stops_no_device(walk):
    service = walk()
    service.cli("receive", "carrier", PHONE, "block")
    eventually((service.directory / "blocked").exists)
    service.cli("send", "carrier", "meanwhile", PHONE)
    eventually(lambda: statuses(service, "--out") == {"meanwhile": "delivered"})
    with service.carrier.control() as control:
        control.deliver(PHONE, "also in")
    eventually(lambda: statuses(service, "--in") == {"block": "received", "also in": "received"})
    (service.directory / "go").touch()
    eventually(lambda: statuses(service, "--in") == {"block": "handled", "also in": "handled"})
    assert service.stop() == 0


def test_a_web_server_that_hangs_stops_no_app(walk):
    with serving(WebServer()) as web:
        web.hang = threading.Event()
        service = walk(
            f'[app.webhook.crm]\nurl = "{web.url}"\ntimeout = "2m"\n', '"gateway.apps.webhook", "clinic_beside"'
        )
        for text in ("one", "two"):
            service.cli("receive", "carrier", PHONE, text)
        eventually(lambda: statuses(service, "--out", "--backend", "carrier") == dict.fromkeys(
            ("first one", "first two"), "delivered"))  # fmt: skip
        assert web.posts == []
        web.hang.set()
        eventually(lambda: sorted(json.loads(body)["data"]["text"] for _, _, body in web.posts) == ["one", "two"])
        eventually(lambda: set(statuses(service, "--out", "--backend", "webhook").values()) == {"sent"})
        again = service.cli("webhooks", "replay", rows(service, "--in")[0]["id"]).strip()
        eventually(lambda: len(web.posts) == 3)
        assert web.posts[-1][1]["webhook-id"] == again
        assert json.loads(web.posts[-1][2])["data"]["text"] == "one"
        assert service.stop() == 0


def test_a_reload_takes_the_code_that_was_edited_and_keeps_the_old_one_if_it_has_faults(walk):
    service = walk()
    code = service.directory / "clinic_beside.py"
    code.write_text(APP.replace("first {msg", "the second {msg"))
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the config was read again" in service.log.read_text())
    service.cli("receive", "carrier", PHONE, "a")
    eventually(lambda: "the second a" in statuses(service, "--out"))
    code.write_text("def broken(:\n")
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the apps have faults; their code of before stays" in service.log.read_text())
    eventually(lambda: service.log.read_text().count("the config was read again") == 2)
    service.cli("receive", "carrier", PHONE, "b")
    eventually(lambda: "the second b" in statuses(service, "--out"))
    assert service.stop() == 0
