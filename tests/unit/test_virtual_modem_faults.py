"""Each fault of the virtual modem, on command."""

from __future__ import annotations

import pytest
from virtual_host import OWN, Host, incoming, lines, submit

from drivers.text.pdu import decode, tpdu_length
from drivers.virtual.network import Network
from drivers.virtual.options import ModemOptions


def test_silence_is_deaf_and_mute():
    host = Host(faults={"silence": "all"})
    assert host.ask("AT") == []
    host.modem.faults.change({"silence": ""})
    host.ask("ATE0")
    assert host.ask("AT") == ["OK"]


def test_a_silent_message_has_reached_the_network():
    host = Host(faults={"silence": "pdu"})
    assert host.send(submit(to=OWN)) == []
    assert host.wait(200) == []
    assert (host.modem.witness.seen[0]["answered"], host.modem.witness.seen[0]["accepted"]) == ("silence", True)
    assert [message.content.text for message in host.stored()] == ["hello"]


def test_a_lost_message_has_not():
    host = Host(faults={"silence": "lost"})
    assert host.send(submit(to=OWN)) == []
    host.wait(200)
    assert (host.modem.witness.seen[0]["answered"], host.modem.witness.seen[0]["accepted"]) == ("lost", False)
    assert host.stored() == []


def test_send_time_keeps_the_modem_busy():
    host = Host(send_time=1.0)
    assert host.send(submit()) == []
    assert host.ask("AT") == []
    assert host.modem.next_due() == 101.0
    assert host.wait(1.0) == ["+CMGS: 0", "OK", "OK"]


def test_a_late_answer_meets_the_next_message():
    host = Host(faults={"late": 30, "late_sends": 1})
    assert host.send(submit("first")) == []
    assert host.ask("AT") == ["OK"]
    host.now += 29.0
    assert host.write("AT+CMGS=20\r") == "\r\n> "
    assert host.wait(1.0) == ["+CMGS: 0", "OK"]
    host.write("\x1b")
    assert host.send(submit("second")) == ["+CMGS: 1", "OK"]
    assert [seen["answered"] for seen in host.modem.witness.seen] == ["late", "OK"]


def test_answer_delay():
    host = Host(faults={"answer_delay": 2.0})
    assert host.wait(2.0) == ["OK"]
    assert host.ask("AT+CSQ") == []
    assert host.wait(1.9) == []
    assert host.wait(0.1) == ["+CSQ: 20,99", "OK"]
    assert host.ask("AT+CMGS=20") == []
    assert host.wait(2) == ["> "]


def test_octet_by_octet():
    host = Host()
    host.modem.faults.change({"byte_gap": 0.1})
    assert host.write("AT\r") == ""
    said = ""
    for _ in range(6):
        host.now = host.modem.next_due()
        said += host.modem.tick(host.now).decode()
    assert said == "\r\nOK\r\n"
    assert host.now == pytest.approx(100.6)


def test_torn_answers():
    host = Host()
    host.modem.faults.change({"torn": 3})
    assert host.write("AT+CSQ\r") == "\r\n+CSQ: 20"
    assert host.wait(3) == [",99", "OK"]


def test_noise_in_front_of_echo_answer_and_result():
    host = Host(maker="quectel")
    host.ask("ATE1")
    host.modem.faults.change({"noise": ["RDY", "maker"]})
    assert host.ask("AT+CSQ") == ["AT+CSQ\r", "RDY", *host.modem.maker.noise, "+CSQ: 20,99", "OK"]
    assert host.ask("AT+CMGS=20") == ["AT+CMGS=20\r", "RDY", *host.modem.maker.noise, "> "]
    host.write("\x1b")
    host.modem.faults.change({"noise": ["RDY"], "noise_inside": True})
    assert host.ask("AT+CSQ") == ["AT+CSQ\r", "+CSQ: 20,99", "RDY", "OK"]
    host.modem.faults.change({"noise_before_echo": True})
    assert host.ask("AT+CSQ") == ["RDY", "AT+CSQ\r", "+CSQ: 20,99", "OK"]


def test_chatter():
    host = Host(maker="huawei")
    host.modem.faults.change({"chatter": 10})
    host.modem.surroundings_changed(host.now)
    noise = host.modem.maker.noise
    assert host.wait(0) == [noise[0]]
    assert host.wait(10) == [noise[1]]
    host.modem.faults.change({"chatter": 0})
    host.wait(10)
    assert host.wait(60) == []


@pytest.mark.parametrize("code", [1, 17, 38, 50, 69, 500, 512])
def test_every_code_on_command(code):
    host = Host(faults={"send_errors": [f"+CMS ERROR: {code}", "", "+CME ERROR: 14", "ERROR"]})
    told = [host.send(submit()) for _ in range(5)]
    assert told == [[f"+CMS ERROR: {code}"], ["+CMGS: 0", "OK"], ["+CME ERROR: 14"], ["ERROR"], ["+CMGS: 1", "OK"]]
    assert [seen["accepted"] for seen in host.modem.witness.seen] == [False, True, False, False, True]


def test_an_error_instead_of_the_prompt():
    host = Host(faults={"prompt_errors": ["+CMS ERROR: 500"]})
    assert host.ask("AT+CMGS=20") == ["+CMS ERROR: 500"]
    assert host.send(submit()) == ["+CMGS: 0", "OK"]


def test_answers_word_for_word():
    host = Host(faults={"answers": {"AT+CPIN?": ["+CPIN: NOT READY", "OK"], "AT+COPS?": []}})
    assert host.ask("AT+CPIN?") == ["+CPIN: NOT READY", "OK"]
    assert host.ask("AT+COPS?") == []


def test_reports_lost_early_and_with_chosen_statuses():
    host = Host(faults={"reports": "lost"})
    host.send(submit(report=True))
    assert host.wait(10) == []
    assert host.stored() == []
    host.modem.faults.change({"reports": "normal", "report_statuses": [[0x30, 0x00], [0x46]], "report_delay": 5})
    host.send(submit(report=True))
    host.send(submit(report=True))
    host.wait(5.1)
    assert [(report.reference, report.status) for report in host.stored()] == [(1, 0x30), (2, 0x46)]
    host.wait(5)
    assert [(report.reference, report.status) for report in host.stored()][2:] == [(1, 0x00)]


def test_a_report_before_the_answer():
    host = Host(send_time=1, faults={"reports": "first"})
    host.ask("AT+CNMI=2,1,0,1,0")
    head, pdu = host.send(submit(report=True))
    assert (head[:5], decode(pdu).reference) == ("+CDS:", 0)
    assert host.wait(1) == ["+CMGS: 0", "OK"]


@pytest.mark.parametrize(
    ("state", "answer", "code"),
    [
        ("home", "0,1", None),
        ("roaming", "0,5", None),
        ("searching", "0,2", 331),
        ("denied", "0,3", 331),
        ("none", "0,0", 331),
    ],
)
def test_registration(state, answer, code):
    host = Host(faults={"registration": state})
    assert host.ask("AT+CREG?") == [f"+CREG: {answer}", "OK"]
    assert host.send(submit()) == ([f"+CMS ERROR: {code}"] if code else ["+CMGS: 0", "OK"])


def test_a_change_of_registration_is_told_and_lets_messages_in():
    host = Host(faults={"registration": "searching"})
    host.ask("AT+CREG=1;+CNMI=2,1")
    host.modem.mailbox.take(incoming("waiting"), host.now)
    host.modem.faults.change({"registration": "home"})
    host.modem.surroundings_changed(host.now)
    assert host.wait(0) == ["+CREG: 1", '+CMTI: "SM",0']


def test_the_radio_can_be_off():
    host = Host()
    host.ask("AT+CFUN=4")
    assert host.ask("AT+CREG?;+CSQ") == ["+CREG: 0,0", "+CSQ: 99,99", "OK"]
    host.ask("AT+CFUN=1")
    assert host.ask("AT+CREG?") == ["+CREG: 0,1", "OK"]


def test_missing_service_centre():
    host = Host(faults={"no_smsc": True})
    assert host.ask("AT+CSCA?") == ['+CSCA: "",129', "OK"]
    assert host.send(submit()) == ["+CMS ERROR: 330"]
    assert host.send(submit(smsc="+447700900999")) == ["+CMGS: 0", "OK"]
    host.ask('AT+CSCA="+447700900998",145')
    assert host.send(submit()) == ["+CMGS: 1", "OK"]


@pytest.mark.parametrize(("state", "cme", "cms"), [("absent", 10, 310), ("busy", 14, 314)])
def test_the_sim_may_not_answer(state, cme, cms):
    host = Host(faults={"sim": state})
    host.ask("AT+CMEE=1")
    assert host.ask("AT+CPIN?") == [f"+CME ERROR: {cme}"]
    assert host.ask("AT+CMGS=20") == [f"+CMS ERROR: {cms}"]
    assert host.ask("AT+CIMI") == [f"+CME ERROR: {cme}"]


def test_pin_counters_and_puk():
    host = Host(maker="quectel", pin="1234", puk="87654321")
    host.ask("AT+CMEE=1")
    assert host.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert host.ask("AT+CMGF=0") == ["+CMS ERROR: 311"]
    assert host.ask('AT+CPIN="9999"') == ["+CME ERROR: 16"]
    assert host.ask("AT+CPINR") == ["+CPINR: SIM PIN,2,3", "+CPINR: SIM PUK,10,10", "OK"]
    assert host.ask('AT+QPINC="SC"') == ['+QPINC: "SC",2,10', "OK"]
    host.ask('AT+CPIN="9999"')
    assert host.ask('AT+CPIN="9999"') == ["+CME ERROR: 12"]
    assert host.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert host.ask('AT+CPIN="1234"') == ["+CME ERROR: 12"]
    assert host.ask('AT+CPIN="11111111","4321"') == ["+CME ERROR: 16"]
    assert host.modem.sim.lock.puk_tries == 9
    assert host.ask('AT+CPIN="87654321","4321"') == ["OK"]
    assert host.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
    host.modem.restart(host.now)
    host.wait(0)
    assert host.ask("ATE0") == ["ATE0\r", "OK"]
    assert host.ask('AT+CPIN="4321"') == ["OK"]


@pytest.mark.parametrize(
    ("maker", "command", "told"),
    [
        ("huawei", "AT^CPIN?", "^CPIN: SIM PIN,3,10,3,10,3"),
        ("zte", "AT+ZPINPUK=?", "+ZPINPUK: 3,10"),
        ("simcom", "AT+SPIC", "+SPIC: 3,3,10,10"),
    ],
)
def test_tries_left_by_the_makers_command(maker, command, told):
    assert Host(maker=maker, pin="0000").ask(command) == [told, "OK"]


def test_the_pin_can_be_switched_off():
    host = Host(pin="1234")
    host.ask('AT+CPIN="1234"')
    assert host.ask('AT+CLCK="SC",2') == ["+CLCK: 1", "OK"]
    assert host.ask('AT+CLCK="SC",0,"9999"') == ["ERROR"]
    assert host.ask('AT+CLCK="SC",0,"1234"') == ["OK"]
    assert host.ask('AT+CLCK="SC",2') == ["+CLCK: 0", "OK"]


def test_left_at_the_prompt():
    host = Host(at_prompt=True)
    assert host.modem.line.prompting
    assert lines(host.write("AT\r\x1b")) == ["AT\r\x1b", "OK"]


def test_a_restart_forgets_settings_and_late_answers():
    host = Host(faults={"late": 10, "reset_time": 3})
    host.ask("AT+CMEE=2;+CNMI=2,1")
    host.send(submit(report=True))
    assert host.ask("AT+CFUN=1,1") == ["OK"]
    assert host.ask("AT") == []
    assert host.wait(3) == list(host.modem.maker.boot)
    assert lines(host.write("AT+CNMI?\r"))[1:] == ["+CNMI: 0,0,0,0,0", "OK"]
    assert host.wait(60) == []
    assert len(host.stored()) == 1


def test_a_restart_may_take_the_port_away():
    host = Host(faults={"reset_time": 3, "reset_unplugs": True})
    host.ask("AT+CFUN=1,1")
    assert not host.modem.plugged
    host.wait(2.9)
    assert not host.modem.plugged
    assert host.wait(0.1) == list(host.modem.maker.boot)
    assert host.modem.plugged


def test_another_sim_brings_its_own_memory_and_number():
    network = Network()
    host = Host(network)
    host.modem.mailbox.take(incoming("for the old one"), host.now)
    old = host.modem.sim.iccid
    host.modem.insert_sim(ModemOptions.of({"name": "other", "number": "+447700900777"}), host.now)
    host.wait(0)
    assert host.modem.sim.iccid != old
    assert host.stored() == []
    host.ask("ATE0")
    host.send(submit(to="+447700900777"))
    host.wait(1)
    assert [message.sender for message in host.stored()] == ["+447700900777"]


@pytest.mark.parametrize("when", ["prompt", "pdu"])
def test_the_modem_vanishes_at_the_worst_moment(when):
    host = Host(faults={"vanish": when})
    pdu = submit()
    host.write(f"AT+CMGS={tpdu_length(pdu)}\r")
    assert host.modem.plugged == (when == "pdu")
    assert lines(host.write(pdu.hex() + "\x1a")) == []
    assert not host.modem.plugged
    assert len(host.modem.witness.seen) == (when == "pdu")


def test_what_comes_in_while_it_is_unplugged_waits():
    host = Host()
    host.modem.unplug(host.now)
    host.modem.mailbox.take(incoming("later"), host.now)
    assert host.stored() == []
    host.modem.plug(host.now + 5)
    assert [message.content.text for message in host.stored()] == ["later"]


def test_the_state_survives(tmp_path):
    state = tmp_path / "sim"
    host = Host(state=state, pin="1234", reference=7)
    host.ask('AT+CPIN="0000"')
    host.ask('AT+CPIN="1234"')
    host.send(submit())
    host.modem.mailbox.take(incoming("kept"), host.now)
    host.ask('AT+CPIN?;+CSCA="+447700900111"')
    host.modem.faults.change({"registration": "none"})
    host.modem.mailbox.take(incoming("waits"), host.now)
    host.wait(0)
    again = Host(state=state, pin="1234")
    assert [message.content.text for message in again.stored()] == ["kept"]
    assert again.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    again.ask('AT+CPIN="1234"')
    assert [message.content.text for message in again.stored()] == ["kept", "waits"]
    assert again.send(submit()) == ["+CMGS: 8", "OK"]
    assert again.ask("AT+CSCA?")[0] == '+CSCA: "+447700900111",145'


def test_wrong_tries_survive(tmp_path):
    host = Host(state=tmp_path / "sim", pin="1234")
    host.ask('AT+CPIN="0000"')
    assert Host(state=tmp_path / "sim", pin="1234").modem.sim.lock.pin_tries == 2


def test_a_foreign_state_file_is_refused(tmp_path):
    state = tmp_path / "sim"
    state.write_text('{"reference": 1}')
    with pytest.raises(ValueError, match="is not the state of a virtual modem"):
        Host(state=state)


@pytest.mark.parametrize(
    "wanted",
    [{"silence": "loud"}, {"late": "soon"}, {"noise": "RDY"}, {"no_smsc": 1}, {"report_statuses": 5}, {"colour": 1}],
)
def test_wrong_faults_are_refused(wanted):
    with pytest.raises(ValueError, match=next(iter(wanted))):
        Host(faults=wanted)


def test_a_wrong_fault_changes_nothing():
    host = Host()
    with pytest.raises(ValueError, match="colour"):
        host.modem.faults.change({"silence": "all", "colour": 1})
    assert host.ask("AT") == ["OK"]


def test_an_undecodable_message_is_kept_as_it_is():
    host = Host()
    host.modem.mailbox.take(b"\x00\x04\x0b", host.now)
    assert host.ask("AT+CMGL=4") == ["+CMGL: 0,0,,2", "00040B", "OK"]
