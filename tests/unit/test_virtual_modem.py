"""The virtual modem's commands, without a port and with the time as an argument."""

from __future__ import annotations

import pytest
from virtual_host import OTHER, OWN, Host, incoming, lines, submit

from drivers.base import Encoding
from drivers.text import join, split
from drivers.text.pdu import Content, Deliver, StatusReport, SubmitPdu, decode, encode, tpdu_length
from drivers.virtual.makers import MAKERS
from drivers.virtual.network import Network
from drivers.virtual.options import ModemOptions


def test_answers_are_framed_and_echoed():
    host = Host()
    assert host.write("AT\r") == "\r\nOK\r\n"
    assert host.write("ATE1\r") == "\r\nOK\r\n"
    assert host.write("AT+CSQ\r") == "AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"


def test_commands_of_one_line_answer_together():
    assert Host().ask('AT+CMEE=1;+CSCS="GSM";+CSCS?') == ['+CSCS: "GSM"', "OK"]


def test_a_line_stops_at_the_first_error():
    host = Host()
    assert host.ask("AT+CSQ;+NONSENSE;+CFUN=4") == ["+CSQ: 20,99", "ERROR"]
    assert host.ask("AT+CFUN?") == ["+CFUN: 1", "OK"]


@pytest.mark.parametrize(
    ("form", "told"), [(0, "ERROR"), (1, "+CME ERROR: 4"), (2, "+CME ERROR: operation not supported")]
)
def test_errors_are_told_as_cmee_wants(form, told):
    host = Host()
    host.ask(f"AT+CMEE={form}")
    assert host.ask("AT+NONSENSE") == [told]


def test_cms_errors_are_told_in_any_case():
    assert Host().ask("AT+CMGR=999") == ["+CMS ERROR: 321"]


def test_garbage_before_a_command_is_passed_over():
    assert Host().ask("\x00\xff~~AT+CGSN")[-1] == "OK"


def test_repeat_command():
    host = Host()
    host.ask("AT+CSQ")
    assert lines(host.write("A/")) == ["+CSQ: 20,99", "OK"]


@pytest.mark.parametrize("maker", MAKERS)
def test_identity_follows_from_the_name(maker):
    host, again = Host(name="mtn", maker=maker), Host(name="mtn", maker=maker)
    imei = host.ask("AT+CGSN")[0]
    assert again.ask("AT+CGSN")[0] == imei != Host(name="orange").ask("AT+CGSN")[0]
    assert len(imei) == 15
    assert host.ask("AT+CGMI") == [MAKERS[maker].manufacturer, "OK"]
    assert host.ask("AT+CNUM") == [f'+CNUM: "","{OWN}",145', "OK"]
    assert host.ask("AT+CIMI") == [host.modem.options.imsi, "OK"]


@pytest.mark.parametrize(
    ("maker", "command", "form"),
    [("huawei", "AT^ICCID?", "^ICCID: {}"), ("zte", "AT+ZICCID?", "+ZICCID: {}"), ("quectel", "AT+QCCID", "+QCCID: {}"),
     ("simcom", "AT+CCID", '+CCID: "{}"')],
)  # fmt: skip
def test_iccid_by_the_makers_command_and_by_crsm(maker, command, form):
    host = Host(maker=maker)
    iccid = host.modem.options.iccid
    assert host.ask(command) == [form.format(iccid), "OK"]
    told = host.ask("AT+CRSM=176,12258,0,0,10")[0].split('"')[1]
    assert "".join(told[at + 1] + told[at] for at in range(0, 20, 2)).rstrip("F") == iccid


def test_a_message_gets_references_that_wrap():
    host = Host(reference=255)
    assert host.send(submit()) == ["+CMGS: 255", "OK"]
    assert host.send(submit()) == ["+CMGS: 0", "OK"]
    assert [seen["reference"] for seen in host.modem.witness.seen] == [255, 0]


def test_the_witness_tells_text_number_and_header():
    host = Host()
    part = split("x" * 200, reference=7)[1]
    host.send(encode(SubmitPdu(OTHER, Content.of(part), report=True, validity_s=3600)))
    (seen,) = host.modem.witness.seen
    assert (seen["to"], seen["text"], seen["concat"], seen["udh"]) == (OTHER, "x" * 47, [7, 2, 2], part.udh.hex())
    assert (seen["report"], seen["validity"], seen["answered"], seen["mono"]) == (True, 3600, "OK", 100.0)


def test_escape_leaves_the_prompt_without_sending():
    host = Host()
    host.write("AT+CMGS=20\r")
    assert lines(host.write("0011\x1b")) == ["OK"]
    assert not host.modem.witness.seen
    assert host.ask("AT") == ["OK"]


@pytest.mark.parametrize(
    "typed", ["", "zz", "00", "0011000C91", submit().hex()[:-2], encode(Deliver(OTHER, Content(b"x"))).hex()]
)
def test_what_is_no_submit_is_refused(typed):
    host = Host()
    host.write("AT+CMGS=18\r")
    assert lines(host.write(typed + "\x1a")) == ["+CMS ERROR: 304"]


def test_a_message_to_its_own_number_arrives():
    host = Host()
    host.ask("AT+CNMI=2,1")
    assert host.send(submit("héllo €", OWN)) == ["+CMGS: 0", "OK"]
    assert host.wait(1) == ['+CMTI: "SM",0']
    (message,) = host.stored()
    assert (message.sender, message.content.text, message.smsc) == (OWN, "héllo €", "+447700900999")
    assert message.timestamp == "2027-01-15T08:01:40+00:00"


def test_two_modems_of_one_network_reach_each_other_part_by_part():
    network = Network()
    here, there = Host(network, name="a"), Host(network, name="b", number=OTHER)
    parts = split("ж" * 150, reference=9)
    for part in parts:
        here.send(encode(SubmitPdu(OTHER, Content.of(part))))
    here.wait(1)
    assert [message.content.udh for message in there.stored()] == [part.udh for part in parts]
    assert join(Encoding.UCS2, [(message.content.payload, 0, 0) for message in there.stored()]) == "ж" * 150


def test_a_prefix_reaches_a_device():
    network, heard = Network(), []
    network.attach("+4477*", lambda sender, to, content, now: heard.append(("short", to)))
    network.attach("+447700*", lambda sender, to, content, now: heard.append(("long", to)))
    for number in ("+447700900001", "447799", "+49170"):
        network.submit(OWN, number, Content(b"x"), 0.0)
    assert heard == [("long", "+447700900001"), ("short", "447799")]


def test_a_name_is_no_destination():
    assert Host().send(submit(to="ACME")) == ["+CMS ERROR: 28"]


def test_reports_name_reference_and_recipient():
    host = Host(reference=41)
    host.send(submit(report=True))
    assert host.stored() == []
    host.wait(1)
    (report,) = host.stored()
    assert isinstance(report, StatusReport)
    assert (report.reference, report.recipient, report.status) == (41, OTHER, 0)


def test_no_report_unless_asked_for():
    host = Host()
    host.send(submit())
    host.wait(60)
    assert host.stored() == []


def test_reports_go_where_cnmi_directs_them():
    host = Host()
    host.ask("AT+CNMI=2,1,0,1,0")
    host.send(submit(report=True))
    head, pdu = host.wait(1)
    assert head == f"+CDS: {tpdu_length(bytes.fromhex(pdu))}"
    host.ask("AT+CNMI=2,1,0,2,0")
    host.send(submit(report=True))
    assert host.wait(1) == ['+CDSI: "SR",0']
    host.ask('AT+CPMS="SR"')
    assert isinstance(decode(host.ask("AT+CMGR=0")[1]), StatusReport)


def test_messages_are_listed_read_and_deleted():
    host = Host(maker="zte")
    for text in ("one", "two"):
        host.modem.mailbox.take(incoming(text), host.now)
    assert host.ask('AT+CPMS="SM","SM","SM"') == ["+CPMS: 2,20,2,20,2,20", "OK"]
    head, pdu, _ = host.ask("AT+CMGR=2")
    assert (head, decode(pdu).content.text) == (f"+CMGR: 0,,{tpdu_length(bytes.fromhex(pdu))}", "two")
    assert [line[:10] for line in host.ask("AT+CMGL=4")[::2]] == ["+CMGL: 1,0", "+CMGL: 2,1", "OK"]
    assert host.ask("AT+CMGD=1") == ["OK"]
    assert host.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert host.ask("AT+CMGD=1,4") == ["OK"]
    assert host.ask("AT+CMGL=4") == ["OK"]


def test_mt_counts_the_phone_behind_the_sim():
    host = Host(sm_size=2, me_size=2)
    host.ask('AT+CPMS="MT","SM","MT"')
    for text in "abc":
        host.modem.mailbox.take(incoming(text), host.now)
    assert [line.split(",")[0] for line in host.ask("AT+CMGL=4")[:-1:2]] == ["+CMGL: 0", "+CMGL: 1", "+CMGL: 2"]
    assert decode(host.ask("AT+CMGR=2")[1]).content.text == "c"
    host.ask("AT+CMGD=2")
    assert host.modem.sim.memories["ME"].places == {}


def test_a_full_sim_leaves_messages_with_the_network():
    host = Host(sm_size=1)
    host.ask("AT+CNMI=2,1")
    for text in "ab":
        host.modem.mailbox.take(incoming(text), host.now)
    assert host.wait(0) == ['+CMTI: "SM",0', '^SMMEMFULL: "SM"']
    assert host.ask("AT+CMGD=0") == ["OK", '+CMTI: "SM",0']
    assert host.stored()[0].content.text == "b"


def test_direct_delivery_waits_for_its_acknowledgement():
    host = Host()
    host.ask("AT+CSMS=1;+CNMI=2,2")
    for text in "ab":
        host.modem.mailbox.take(incoming(text), host.now)
    first = host.wait(0)
    assert (first[0].split(",")[0], decode(first[1]).content.text) == ("+CMT: ", "a")
    second = host.ask("AT+CNMA")
    assert (second[0], decode(second[2]).content.text) == ("OK", "b")
    host.wait(20)
    assert [message.content.text for message in host.stored()] == ["b"]
    assert host.ask("AT+CNMI?") == ["+CNMI: 2,0,0,0,0", "OK"]


def test_direct_delivery_without_phase_2_plus_is_not_kept():
    host = Host()
    host.ask("AT+CNMI=2,2")
    host.modem.mailbox.take(incoming("a"), host.now)
    assert host.modem.sim.waiting == []
    assert len(host.wait(0)) == 2
    assert host.ask("AT+CNMA") == ["+CMS ERROR: 340"]


def test_messages_are_written_and_sent_from_memory():
    host = Host()
    pdu = submit("kept")
    host.write(f"AT+CMGW={tpdu_length(pdu)}\r")
    assert lines(host.write(pdu.hex() + "\x1a")) == ["+CMGW: 0", "OK"]
    assert host.ask("AT+CMSS=0") == ["+CMSS: 0", "OK"]
    assert host.modem.witness.seen[0]["text"] == "kept"
    assert host.ask("AT+CMGL=3")[0].startswith("+CMGL: 0,3,")


def test_text_mode():
    host = Host(text_mode=True)
    host.modem.mailbox.take(incoming("a€", "2026-11-25T22:00:00+02:00"), host.now)
    host.ask('AT+CSCS="UCS2"')
    assert host.ask('AT+CMGL="ALL"') == [
        f'+CMGL: 0,"REC UNREAD","{OTHER.encode("utf-16-be").hex().upper()}",,"26/11/25,22:00:00+08"', "006120AC", "OK"
    ]  # fmt: skip
    assert host.ask("AT+CMGL=4") == ["+CMS ERROR: 302"]
    host.ask('AT+CSCS="IRA"')
    assert host.write(f'AT+CMGS="{OTHER}"\r') == "\r\n> "
    assert lines(host.write("one\rtwo\x1a")) == ["> ", "+CMGS: 0", "OK"]
    assert host.modem.witness.seen[0]["text"] == "one\ntwo"


def test_calls_ring_until_hung_up():
    host = Host()
    host.ask("AT+CLIP=1")
    host.modem.services.call(OTHER, host.now)
    assert host.wait(0) == ["RING", f'+CLIP: "{OTHER}",145,"",,"",0']
    assert host.wait(5)[0] == "RING"
    assert host.ask("AT+CHUP") == ["OK"]
    assert host.wait(60) == []


def test_ussd_answers_menus_and_unknown_codes():
    host = Host(maker="quectel", ussd={"*100#": ">1 balance", "*100#/1": "12 €", "*101#": "жжж"})
    assert host.ask('AT+CUSD=1,"*100#",15') == ["OK", '+CUSD: 1,"1 balance",15']
    host.ask('AT+CSCS="UCS2"')
    assert host.ask('AT+CUSD=1,"0031",15') == ["OK", '+CUSD: 0,"00310032002020AC",15']
    host.ask('AT+CSCS="IRA"')
    assert host.ask('AT+CUSD=1,"*101#",15') == ["OK", '+CUSD: 0,"043604360436",72']
    assert host.ask('AT+CUSD=1,"*999#",15') == ["OK", "+CUSD: 4"]


def test_ussd_is_packed_by_huawei():
    host = Host(maker="huawei", ussd={"*100#": "ok"})
    assert host.ask('AT+CUSD=1,"AA180C3602",15') == ["OK", '+CUSD: 0,"EF35",15']


def test_options_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no option 'colour'"):
        ModemOptions.of({"colour": "red"})
    with pytest.raises(ValueError, match="sm_size of a virtual modem = 'many': must be a whole number"):
        ModemOptions.of({"sm_size": "many"})
    for name, value in {"number": "me", "pin": "12", "report_memory": "MT", "sm_size": -1, "ussd": []}.items():
        with pytest.raises(ValueError, match=f"option {name} of a virtual modem"):
            ModemOptions.of({name: value})
    with pytest.raises(ValueError, match="of the maker 'nokia'"):
        ModemOptions.of({"maker": "nokia"})
    with pytest.raises(ValueError, match="there is no fault 'sleepy'"):
        Host(faults={"sleepy": True})
