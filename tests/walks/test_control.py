"""What a person does to a running service: pause, unlock, a new config, a look."""

import json
import os
import signal

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway


@pytest.fixture
def walk(tmp_path):
    parts = []

    def make(*, modem=None, carrier=None, **keys):
        devices = {}
        if modem is not None:
            devices["modem"] = virtual_modem(tmp_path, *modem)
        if carrier is not None:
            devices["carrier"] = virtual_carrier(tmp_path, *carrier)
        service = Service(tmp_path, config(tmp_path, devices.get("modem"), devices.get("carrier"), **keys))
        service.devices = devices
        parts.extend([*devices.values(), service])
        gateway.configure(service.config)
        return service

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def device(service, name):
    found = [json.loads(line) for line in service.cli("status", "--json").splitlines()]
    return next(row for row in found if row.get("name") == name)


def state(service, name, wanted):
    return eventually(lambda: device(service, name)["state"] == wanted, 60, what=f"{name} {device(service, name)}")


def status(message):
    return [str(each.status) for each in message.refresh().transmissions]


def test_the_service_is_ready_without_any_device_and_network(walk):
    service = walk(
        modem_keys="",
        gateway='[modem.gone]\nimei = "356938035640000"\n[smpp.far]\nhost = "192.0.2.1"\nsystem_id = "x"\npassword = "y"',
    )
    service.start()
    eventually(lambda: device(service, "gone")["state"] in ("absent", "down"), 60)
    assert service.stop() == 0


def test_a_pause_holds_over_restarts_and_ends_with_resume(walk):
    service = walk(carrier=()).start()
    state(service, "carrier", "up")
    service.cli("pause", "carrier")
    state(service, "carrier", "paused")
    assert service.stop() == 0
    message = gateway.send("later", gateway.lookup_connections("carrier", [PHONE]))
    service.start()
    state(service, "carrier", "paused")
    assert status(message) == ["queued"]
    service.cli("resume", "carrier")
    eventually(lambda: status(message) == ["delivered"])
    assert service.stop() == 0


def test_a_pin_is_given_once_and_a_refused_one_never_again_until_unlocked(walk):
    service = walk(modem=("--pin", "1234"), modem_keys='pin = "9999"')
    tries = lambda: service.devices["modem"].control().do("status")["pin"]["pin_tries"]  # noqa: E731
    for start in range(3):
        service.start()
        state(service, "modem", "blocked")
        assert tries() == 2, start
        assert service.stop() == 0
    service.config.write_text(service.config.read_text().replace("9999", "1234"))
    service.start()
    state(service, "modem", "blocked")
    assert tries() == 2
    service.cli("unlock", "modem")
    state(service, "modem", "up")
    assert tries() == 3
    assert service.stop() == 0


def test_a_new_config_is_used_a_bad_one_is_not_and_unchanged_devices_go_on(walk):
    service = walk(carrier=()).start()
    state(service, "carrier", "up")
    with service.devices["carrier"].control() as control:
        before = control.status()["connections"]
    good = service.config.read_text()
    service.config.write_text(good + "\n[smpp.carrier2]\nhorst = 1\n")
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the new config has faults" in service.log.read_text())
    service.config.write_text(good + '\n[smpp.second]\nhost = "virtual"\n')
    service.process.send_signal(signal.SIGHUP)
    state(service, "second", "up")
    message = gateway.send("still here", gateway.lookup_connections("carrier", [PHONE]))
    eventually(lambda: status(message) == ["delivered"])
    with service.devices["carrier"].control() as control:
        assert control.status()["connections"] == before
    assert service.log.read_text().count("the device is up device=carrier") == 1
    service.config.write_text(good)
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: service.log.read_text().count("the config was read again") == 2)
    assert service.stop() == 0


def test_a_code_is_answered_by_the_network(walk):
    service = walk(modem=("--ussd", "*100#=Your balance is 12.50")).start()
    state(service, "modem", "up")
    assert "12.50" in service.cli("ussd", "modem", "*100#")
    assert service.stop() == 0


def test_a_killed_device_process_is_started_again_and_its_messages_go_on(walk):
    service = walk(carrier=(), carrier_keys='settle = "500ms"').start()
    state(service, "carrier", "up")
    (first,) = service.children()
    os.kill(first, signal.SIGKILL)
    message = gateway.send("after the fall", gateway.lookup_connections("carrier", [PHONE]))
    eventually(lambda: status(message) == ["delivered"])
    assert first not in service.children()
    assert service.stop() == 0
