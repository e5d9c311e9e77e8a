"""The real libGammu takes the virtual modem for a modem."""

from __future__ import annotations

import time
from contextlib import contextmanager

import gammu
import pytest

from drivers.virtual.control import Control
from drivers.virtual.handle import virtual_modem

SMSC = "+447700900999"
PHONE = "+447700900555"
OWN = "+447700900123"
DEADLINE_S = 10.0


@contextmanager
def machine(port, connection, log):
    found = gammu.StateMachine()
    found.SetConfig(
        0,
        {
            "Device": str(port.path),
            "Connection": connection,
            "DebugFile": str(log),
            "DebugLevel": "errors",
            "UseGlobalDebugFile": 0,
        },
    )
    found.Init()
    yield found
    found.Terminate()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("gammu")


@pytest.fixture(scope="module")
def modem(place):
    with virtual_modem({"link": place / "modem", "control": place / "control", "number": OWN}) as port:
        yield port


@pytest.fixture(scope="module")
def opened(modem, place):
    with machine(modem, "at115200", place / "debug") as found:
        yield found


@pytest.fixture
def phone(modem, opened):
    for message in messages(opened):
        opened.DeleteSMS(0, message["Location"])
    return opened


@pytest.fixture
def control(modem):
    with Control(modem.control) as found:
        yield found


def messages(phone):
    found, start = [], {"Start": True}
    try:
        while True:
            (message,) = phone.GetNextSMS(Folder=0, **start)
            found.append(message)
            start = {"Location": message["Location"]}
    except gammu.ERR_EMPTY:
        return found


def messages_within(phone, count):
    until = time.monotonic() + DEADLINE_S
    while len(found := messages(phone)) < count:
        assert time.monotonic() < until, found
    return found


def sms(text, number=PHONE, **fields):
    return {"Text": text, "SMSC": {"Number": SMSC}, "Number": number, **fields}


def test_identity_signal_and_network(phone, modem):
    assert phone.GetIMEI() == modem.imei
    assert phone.GetManufacturer() == "Huawei"
    assert phone.GetSignalQuality()["SignalPercent"] == 60
    network = phone.GetNetworkInfo()
    assert (network["State"], network["NetworkName"]) == ("HomeNetwork", "Virtual")
    assert phone.GetSecurityStatus() is None
    assert phone.GetSMSC()["Number"] == SMSC


def test_send(phone, control):
    reference = phone.SendSMS(sms("héllo €", Coding="Default_No_Compression"))
    seen = control.sent()[-1]
    assert (seen["to"], seen["text"], seen["encoding"], seen["reference"]) == (PHONE, "héllo €", "gsm7", reference)


@pytest.mark.parametrize("text", ["long € " * 40, "ж€😀" * 50], ids=["gsm7", "ucs2"])
def test_send_long(phone, control, text):
    already = len(control.sent())
    info = {
        "Class": -1,
        "Unicode": not text.isascii() and "ж" in text,
        "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}],
    }
    parts = gammu.EncodeSMS(info)
    for part in parts:
        phone.SendSMS({**part, "SMSC": {"Number": SMSC}, "Number": PHONE})
    seen = control.sent()[already:]
    assert "".join(one["text"] for one in seen) == text
    assert [one["concat"][1:] for one in seen] == [[len(parts), index] for index in range(1, len(parts) + 1)]


def test_receive_and_delete(phone, control):
    control.deliver(PHONE, "hello gateway")
    (message,) = messages_within(phone, 1)
    assert (message["Text"], message["Number"], message["Type"]) == ("hello gateway", PHONE, "Deliver")
    phone.DeleteSMS(0, message["Location"])
    assert messages(phone) == []


def test_what_it_sends_to_itself_arrives(phone):
    phone.SendSMS(sms("жук", OWN, Coding="Unicode_No_Compression"))
    (message,) = messages_within(phone, 1)
    assert (message["Text"], message["Number"]) == ("жук", OWN)


def test_long_message_comes_in_parts(phone, control):
    assert control.do("deliver", sender=PHONE, text="x" * 200, reference=77) == 2
    linked = gammu.LinkSMS([[message] for message in messages_within(phone, 2)])
    assert [len(parts) for parts in linked] == [2]
    assert gammu.DecodeSMS(linked[0])["Entries"][0]["Buffer"] == "x" * 200


def test_status_report(phone, control):
    control.faults(report_statuses=[[0x46]])
    reference = phone.SendSMS(sms("report", Type="Status_Report"))
    (report,) = messages_within(phone, 1)
    assert (report["Type"], report["MessageReference"], report["Number"]) == ("Status_Report", reference, PHONE)
    assert report["DeliveryStatus"] == 0x46


def test_errors_have_their_number_in_the_debug_file(phone, control, place):
    control.faults(send_errors=["+CMS ERROR: 38"])
    with pytest.raises(gammu.ERR_UNKNOWN):
        phone.SendSMS(sms("refused"))
    assert "CMS Error 38" in (place / "debug").read_text(errors="replace")


def test_a_modem_left_at_the_prompt_in_text_mode_with_a_pin(place):
    options = {"control": place / "control2", "maker": "zte", "pin": "1234", "text_mode": True, "at_prompt": True}
    with (
        virtual_modem(options, name="locked") as port,
        machine(port, "at", place / "debug2") as phone,
        Control(port.control) as control,
    ):
        assert phone.GetSecurityStatus() == "PIN"
        with pytest.raises(gammu.ERR_SECURITYERROR):
            phone.EnterSecurityCode("PIN", "9999")
        assert control.status()["pin"]["pin_tries"] == 2
        phone.EnterSecurityCode("PIN", "1234")
        assert phone.GetSecurityStatus() is None
        phone.SendSMS(sms("unlocked"))
        assert control.sent()[-1]["text"] == "unlocked"
