"""What a person does to a running service: pause, unlock, a new config, a look."""

import os
import signal

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway
from gateway.store import devices


@pytest.fixture
def walk(tmp_path):
    parts = []

    def make(*, modem=None, carrier=None, **keys):
        twins = {}
        if modem is not None:
            twins["modem"] = virtual_modem(tmp_path, *modem)
        if carrier is not None:
            twins["carrier"] = virtual_carrier(tmp_path, *carrier)
        service = Service(tmp_path, config(tmp_path, twins.get("modem"), twins.get("carrier"), **keys))
        service.devices = twins
        parts.extend([*twins.values(), service])
        gateway.configure(service.config)
        return service

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def device(service, name):
    with gateway.get_router().session.store.read() as c:
        return devices.get(c, name)


def state(service, name, wanted):
    return eventually(lambda: getattr(device(service, name), "state", None) == wanted, 60, f"{name} {wanted}")


def status(message):
    return [str(each.status) for each in message.refresh().transmissions]


def test_the_service_is_ready_without_any_device_and_network(walk):
    gone = '[modem.gone]\nimei = "356938035640000"'
    far = '[smpp.far]\nhost = "192.0.2.1"\nsystem_id = "x"\npassword = ""'
    service = walk(gateway=f"{gone}\n{far}")
    service.start()
    eventually(lambda: getattr(device(service, "gone"), "state", None) in ("absent", "down"), 60)
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


def tries(service):
    with service.devices["modem"].control() as control:
        return control.status()["pin"]["pin_tries"]


def test_a_refused_pin_is_never_given_again_until_a_person_says_so(walk):
    silent = """answers={"AT^CPIN?"=["ERROR"]}"""
    service = walk(modem=("--pin", "1234", "--faults", silent), modem_keys='driver = "at"\npin = "9999"')

    def refused(times):
        # The row says blocked from the run before: only the log tells that this run has come so far.
        eventually(lambda: service.log.read_text().count("the SIM refused its PIN") >= times, 60)
        state(service, "modem", "blocked")
        assert tries(service) == 2

    for times in (1, 2):
        service.start()
        refused(times)
        assert service.stop() == 0
    service.config.write_text(service.config.read_text().replace("9999", "1234"))
    service.start()
    refused(3)
    service.cli("unlock", "modem")
    state(service, "modem", "up")
    assert tries(service) == 3
    assert service.stop() == 0


def test_a_counter_below_3_forbids_every_try(walk):
    service = walk(modem=("--pin", "1234", "--pin-tries", "2"), modem_keys='driver = "at"\npin = "1234"').start()
    state(service, "modem", "blocked")
    service.cli("unlock", "modem")
    eventually(lambda: "unlocked" in service.log.read_text())
    state(service, "modem", "blocked")
    assert tries(service) == 2
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
