"""A service with modems on ptys: PINs over crashes, SIMs that move, lost networks, balances and records."""

import base64
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running import PHONE, Device, Service, config, eventually, virtual_modem

import gateway
from gateway import wake
from gateway.apps.control import hotp
from gateway.store import devices, queries, requests

MOVED = "89440000000000000018"
OTHER = "89440000000000000026"


@pytest.fixture
def walk(tmp_path):
    parts = []

    def make(text, **modems):
        service = Service(tmp_path, text)
        service.modems = modems
        parts.extend([*modems.values(), service])
        gateway.configure(service.config)
        return service

    yield make
    gateway.set_router(None)
    for part in reversed(parts):
        part.close()


def row(service, name="modem"):
    with gateway.get_router().session.store.read() as c:
        return devices.get(c, name)


def state(service, wanted, name="modem"):
    return eventually(lambda: getattr(row(service, name), "state", None) == wanted, 60, f"{name} {wanted}")


def status(message):
    return [str(each.status) for each in message.refresh().transmissions]


def send(text, name="modem"):
    return gateway.send(text, gateway.lookup_connections(name, [PHONE]))


def tries(modem):
    with modem.control() as control:
        return control.status()["pin"]["pin_tries"]


def asked(service, kind):
    """What the service answers to a request about the modem."""
    store = gateway.get_router().session.store
    number = store.write(lambda c: requests.post(c, "modem", kind, {}, 0))
    wake.poke(service.directory / "state")

    def answer():
        with store.read() as c:
            return requests.result(c, number).result

    return eventually(answer)


def test_a_wrong_pin_costs_one_try_over_kills_reloads_and_restarts(walk, tmp_path):
    secret = tmp_path / "pin"
    secret.write_text("9999")
    uncounted = 'answers={"AT^CPIN?"=["ERROR"]}'
    modem = virtual_modem(tmp_path, "--pin", "1234", "--faults", uncounted)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"\npin = { file = "pin" }'), modem=modem)
    refusals = 0

    def refused():
        """The SIM asked again, and the gateway knew better."""
        nonlocal refusals
        eventually(lambda: service.log.read_text().count("the SIM refused its PIN") > refusals, 60)
        refusals = service.log.read_text().count("the SIM refused its PIN")
        assert tries(modem) == 2

    service.start()
    refused()
    for _ in range(2):
        service.kill()
        service.start()
        refused()
    service.config.write_text(service.config.read_text() + 'answer_timeout = "50s"\n')
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the config was read again" in service.log.read_text())
    refused()
    with modem.control() as control:
        control.do("unplug")
        state(service, "absent")
        control.do("plug")
    refused()
    assert service.stop() == 0
    service.start()
    refused()
    secret.write_text("1234")
    service.cli("unlock", "modem")
    state(service, "up")
    assert tries(modem) == 3
    assert service.stop() == 0


def test_a_try_whose_answer_was_lost_in_a_crash_is_not_made_again(walk, tmp_path):
    slow = 'answers={"AT^CPIN?"=["ERROR"],"AT+CPIN=\\"9999\\""=[]}'
    modem = virtual_modem(tmp_path, "--pin", "1234", "--faults", slow)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"\npin = "9999"'), modem=modem)
    service.start()
    # The modem swallows the PIN; whether the SIM has counted it nobody can know.
    eventually(lambda: "AT+CPIN" in Path(asked(service, "record")["path"]).read_text())
    service.kill()
    with modem.control() as control:
        control.faults(answers={"AT^CPIN?": ["ERROR"]})
    service.start()
    eventually(lambda: "may have been refused" in row(service).reason)
    assert tries(modem) == 3
    assert service.stop() == 0


def test_limits_follow_a_sim_into_another_modem(walk, tmp_path):
    twins = {
        name: Device("modem", tmp_path, "--name", name, "--iccid", sim, "--link", tmp_path / name, name=name)
        for name, sim in (("first", MOVED), ("second", OTHER))
    }
    tables = "".join(
        f'[modem.{name}]\nport = "{tmp_path}/{name}"\ndriver = "at"\nquota = "2/day"\npoll = "500ms"\n'
        for name in twins
    )
    service = walk(f'[gateway]\nstate = "{tmp_path}/state"\n{tables}', **twins).start()
    for name in twins:
        state(service, "up", name)
    for number in range(2):
        message = send(f"message {number}", "first")
        eventually(lambda sent=message: status(sent)[0] in ("sent", "delivered"))
    with twins["first"].control() as first, twins["second"].control() as second:
        first.do("sim", iccid=OTHER, number="+447700900002")
        second.do("sim", iccid=MOVED, number="+447700900001")
    for name, sim in (("first", OTHER), ("second", MOVED)):
        eventually(lambda name=name, sim=sim: (row(service, name).state, row(service, name).iccid) == ("up", sim), 60)
    assert f"another SIM is in the modem: {MOVED} instead of {OTHER}" in row(service, "second").reason
    assert "another SIM is in the modem" in service.log.read_text()
    held, free = send("the SIM has had its two", "second"), send("this SIM has two", "first")
    eventually(lambda: status(free)[0] in ("sent", "delivered"))
    assert status(held) == ["queued"]
    assert "2/day" in service.cli("explain", held.id)
    assert len(twins["second"].witness()) == 0
    assert service.stop() == 0


def test_without_network_messages_are_kept_and_the_reason_is_told(walk, tmp_path):
    modem = virtual_modem(tmp_path)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"'), modem=modem).start()
    state(service, "up")
    with modem.control() as control:
        control.faults(registration="denied")
    state(service, "down")
    assert row(service).reason == "no network: registration is denied"
    message = send("when there is a network again")
    with modem.control() as control:
        control.faults(registration="roaming")
    state(service, "up")
    eventually(lambda: status(message)[0] in ("sent", "delivered"))
    told = service.cli("status", "--json")
    assert '"registration": "roaming"' in told
    assert '"technology": "UMTS"' in told
    assert '"memory_size": 20' in told
    assert '"last_answer": "20' in told
    assert "roaming" in service.cli("status")
    assert service.stop() == 0


def test_the_balance_is_read_and_said_when_it_is_low(walk, tmp_path):
    modem = virtual_modem(tmp_path, "--ussd", "*100#=You have 3,20 left")
    keys = 'driver = "at"\nhangup = true\nbalance = { code = "*100#", below = 5 }'
    service = walk(config(tmp_path, modem, modem_keys=keys), modem=modem).start()
    state(service, "up")
    eventually(lambda: "the balance is low" in service.log.read_text())
    with modem.control() as control:
        control.do("call", number=PHONE)
    eventually(lambda: "and was hung up" in service.log.read_text())
    assert service.stop() == 0
    assert row(service).health["balance"] == 3.2
    assert row(service).health["balance_low"] is True


def test_a_record_is_written_for_a_person_and_names_nobody(walk, tmp_path):
    modem = virtual_modem(tmp_path)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"'), modem=modem).start()
    state(service, "up")
    message = send("a secret")
    eventually(lambda: status(message)[0] in ("sent", "delivered"))
    path = Path(asked(service, "record")["path"])
    assert path.stat().st_mode & 0o777 == 0o600
    told = path.read_text()
    assert "> AT+CMGS=" in told
    assert PHONE[1:] not in told
    assert service.stop() == 0


def test_binary_goes_out_as_its_fields_say(walk, tmp_path):
    modem = virtual_modem(tmp_path)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"'), modem=modem).start()
    fields = {"data": "00" * 150, "destination_port": 2948, "source_port": 9200}
    message = gateway.send("", gateway.lookup_connections("modem", [PHONE]), fields=fields)
    assert message.transmissions[0].encoding == "binary"
    assert message.transmissions[0].parts == 2
    eventually(lambda: status(message)[0] in ("sent", "delivered"))
    sent = modem.witness()
    assert [one["encoding"] for one in sent] == ["binary", "binary"]
    assert "".join(one["hex"] for one in sent) == "00" * 150
    assert all("05040b8423f0" in one["udh"] for one in sent)
    with pytest.raises(ValueError, match="hexadecimal"):
        gateway.send("", gateway.lookup_connections("modem", [PHONE]), fields={"data": "xyz"})
    assert service.stop() == 0


def test_a_national_alphabet_saves_parts_and_arrives(walk, tmp_path):
    modem = virtual_modem(tmp_path)
    keys = 'driver = "at"\nnational = { single = "turkish" }\ntransliterate = true\nwide_reference = true'
    service = walk(config(tmp_path, modem, modem_keys=keys), modem=modem).start()
    turkish, czech = send("ığüşöç " * 20), send("Příliš žluťoučký kůň")
    assert [(one.encoding, one.parts) for one in (turkish.transmissions[0], czech.transmissions[0])] == [
        ("gsm7", 2), ("gsm7", 1),
    ]  # fmt: skip
    told = service.cli("send", "modem", "ığüşöç " * 20, PHONE, "--dry-run", "--json")
    assert '"encoding": "gsm7", "parts": 2' in told
    for message in (turkish, czech):
        eventually(lambda sent=message: status(sent)[0] in ("sent", "delivered"))
    sent = modem.witness()
    assert {one["encoding"] for one in sent} == {"gsm7"}
    texts = "".join(one["text"] for one in sent)
    assert "ığüşöç " * 20 in texts
    assert "Prilis zlutoucky kun" in texts
    assert all("0804" in one["udh"] for one in sent if one["concat"])
    assert service.stop() == 0


@pytest.mark.parametrize("driver", ["at", "gammu"])
def test_an_answer_that_comes_after_a_kill_is_the_message_s_own_and_nothing_is_sent_twice(walk, tmp_path, driver):
    modem = virtual_modem(tmp_path)
    service = walk(
        config(tmp_path, modem, modem_keys=f'driver = "{driver}"\nreceipts = false\nsettle = "20s"'), modem=modem
    ).start(60)
    state(service, "up")
    with modem.control() as control:
        # Whose an answer is can be told by its count, where that of the one before is known.
        counted = send("counted")
        eventually(lambda: status(counted) == ["sent"])
        control.faults(late=12.0, late_sends=1)
    first, second = send("at the modem"), send("waits behind it")
    eventually(lambda: len(modem.witness()) == 2)
    service.kill()
    service.start(60)
    eventually(lambda: status(first) == status(second) == ["sent"], 90, service.log.read_text)
    assert [entry["text"] for entry in modem.witness()] == ["counted", "at the modem", "waits behind it"]
    assert not first.transmissions[0].possible_duplicate
    store = gateway.get_router().session.store
    with store.read() as c:
        (attempt,) = queries.attempts(c, first.transmissions[0].id)
    assert [part.reference for part in attempt.parts] == [str(modem.witness()[1]["reference"])]
    assert service.stop() == 0


@pytest.mark.parametrize("driver", ["at", "gammu"])
def test_a_modem_that_hangs_delays_neither_another_nor_the_service(walk, tmp_path, driver):
    (tmp_path / "other").mkdir()
    hung, well = virtual_modem(tmp_path), virtual_modem(tmp_path / "other")
    keys = f'driver = "{driver}"'
    text = config(tmp_path, hung, modem_keys=keys)
    text += f'[modem.well]\nport = "{well.ready["port"]}"\n{keys}\n'
    service = walk(text, hung=hung, well=well).start(60)
    state(service, "up")
    state(service, "up", "well")
    with hung.control() as control:
        control.faults(silence="all")
    stuck = send("into the silence")
    eventually(lambda: status(stuck) == ["sending"], 60, service.log.read_text)
    others = [send(f"past it {number}", "well") for number in range(5)]
    with well.control() as control:
        control.deliver(PHONE, "in past it")
    eventually(lambda: all(status(one)[0] in ("sent", "delivered") for one in others), 60, service.log.read_text)
    (came,) = eventually(lambda: [each for each in gateway.messages(direction="in") if each.text == "in past it"], 60)
    # All of that came while the hung one's call was still open: nothing had to wait for its deadline.
    with gateway.get_router().session.store.read() as c:
        ended_ms = queries.attempts(c, stuck.transmissions[0].id)[0].ended_ms
    times = [came.received_at, *(one.sent_at for one in others)]
    assert ended_ms is None or max(times).timestamp() * 1000 < ended_ms
    with hung.control() as control:
        control.faults(silence="")
    state(service, "up")
    assert service.stop() == 0


def test_apps_and_other_processes_see_how_a_device_is(walk, tmp_path):
    modem = virtual_modem(tmp_path)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"'), modem=modem)
    assert [(each.name, each.state, each.reason) for each in gateway.devices()] == [
        ("modem", "down", "the service doesn't run")
    ]
    service.start()
    state(service, "up")
    (found,) = eventually(lambda: [each for each in gateway.devices() if each.state == "up" and each.signal], 60)
    assert (found.kind, found.driver, found.registration, found.roaming) == ("modem", "at", "home", False)
    assert (found.memory_used, found.memory_size is not None, found.imei is not None) == (0, True, True)
    assert found.last_answer.tzinfo is not None
    assert found.technology is not None
    assert service.stop() == 0


def test_an_order_by_sms_restarts_the_modem_and_is_obeyed_once_over_a_kill(walk, tmp_path):
    key = b"12345678901234567890"
    (tmp_path / "amina.secret").write_text(base64.b32encode(key).decode())
    modem = virtual_modem(tmp_path)
    text = config(tmp_path, modem, modem_keys='driver = "at"').replace(
        '["gateway.apps.echo"]', '["gateway.apps.control"]'
    )
    text += f'[app.control.admin.amina]\nnumber = "{PHONE}"\nsecret = {{ file = "amina.secret" }}\n'
    service = walk(text, modem=modem).start(60)
    state(service, "up")

    def ordered(text):
        with modem.control() as control:
            control.deliver(PHONE, text)

    def answers():
        return [entry["text"] for entry in modem.witness()]

    ordered(f"gw {hotp(key, 0)} status")
    eventually(lambda: answers() and answers()[0].startswith("modem up "), 60, service.log.read_text)
    ordered(f"gw {hotp(key, 1)} restart modem")
    eventually(lambda: answers()[1:] == ["modem: restart is under way."], 60, service.log.read_text)
    eventually(lambda: "restarted by a person" in service.log.read_text(), 60, service.log.read_text)
    state(service, "up")
    service.kill()
    service.start(60)
    state(service, "up")
    ordered(f"gw {hotp(key, 1)} restart modem")
    eventually(lambda: "an order by SMS was refused" in service.log.read_text(), 60, service.log.read_text)
    service.cli("restart", "modem")
    eventually(lambda: service.log.read_text().count("restarted by a person") == 2, 60, service.log.read_text)
    state(service, "up")
    assert len(answers()) == 2
    assert service.stop() == 0


def test_a_host_whose_clock_the_network_contradicts_waits_with_what_hangs_on_the_time(walk, tmp_path):
    wrong = 'answers={"AT+CCLK?"=["+CCLK: \\"30/01/01,00:00:00+00\\"","OK"]}'
    modem = virtual_modem(tmp_path, "--faults", wrong)
    service = walk(config(tmp_path, modem, modem_keys='driver = "at"'), modem=modem).start(60)
    eventually(lambda: "minutes behind the network's time" in service.log.read_text(), 60, service.log.read_text)
    connections = gateway.lookup_connections("modem", [PHONE])
    due = gateway.send("at its time", connections, at=datetime.now(UTC) + timedelta(seconds=1))
    plain = gateway.send("at once", connections)
    eventually(lambda: status(plain)[0] in ("sent", "delivered"), 60, service.log.read_text)
    assert "minutes behind the network's time, says modem" in service.cli("status")
    eventually(lambda: "waits for the time" in service.cli("explain", due.id), 60)
    assert status(due) == ["queued"]
    with modem.control() as control:
        control.faults(answers={})
    eventually(lambda: status(due)[0] in ("sent", "delivered"), 90, service.log.read_text)
    # Whoever looks first makes ready what is due; the log hears of it from the one who looks at the clock.
    eventually(lambda: "the clock agrees with the network's time again" in service.log.read_text(), 60)
    assert service.stop() == 0
