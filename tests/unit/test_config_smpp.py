"""What an SMPP account's table says reaches the driver, and each fault is one clear sentence."""

import pytest

from drivers.base import Fault
from drivers.smpp.account import account
from gateway import config
from gateway.config import smpp_values
from gateway.errors import ConfigurationError
from gateway.service import options

TABLE = {"host": "127.0.0.1", "system_id": "acme", "password": "secret"}


def read(**keys):
    return config.from_mapping({"smpp": {"acme": {**TABLE, **keys}}})


def driven(**keys):
    """The account as the driver understands the options that the service gives it."""
    kind, given = options.of(read(**keys), "acme")
    assert kind == "smpp"
    return account(given)


def fault(**keys):
    with pytest.raises(ConfigurationError) as caught:
        read(**keys)
    (only,) = caught.value.faults
    return f"{only.path}: {only.message}"


def test_every_key_reaches_the_driver():
    made = driven(
        bind="pair", binds=2, long="payload", flash="subunit", address_range="^254", source_ton=5, source_npi=0,
        dest_ton=1, dest_npi=1, system_type="VMA", service_type="CMT", interface_version="5.0",
        tlvs={"0x1400": "text", "0x1401": 7, "0x1402": "0x00FF"},
        statuses={"0x45": "message", "ESME_RX_T_APPN": "device", "rsyserr": "throttled", "1025": "temporary"},
    )  # fmt: skip
    assert (made.bind, len(made.commands), made.long, made.flash, made.address_range) == (
        "pair", 4, "payload", "subunit", "^254",
    )  # fmt: skip
    assert (made.source_ton, made.source_npi, made.dest_ton, made.dest_npi) == (5, 0, 1, 1)
    assert (made.system_type, made.service_type, made.interface_version) == ("VMA", "CMT", 0x50)
    assert made.tlvs == ((0x1400, b"text"), (0x1401, b"\7"), (0x1402, b"\0\xff"))
    assert made.statuses == {
        0x45: Fault.MESSAGE, 0x64: Fault.DEVICE, 0x08: Fault.THROTTLED, 1025: Fault.TEMPORARY,
    }  # fmt: skip


def test_where_the_carrier_may_call():
    called = driven(outbind={"listen": "[::1]:2776", "system_id": "smsc", "password": "call"}).outbind
    assert (called.host, called.port, called.system_id, called.password) == ("::1", 2776, b"smsc", b"call")
    assert "call" not in repr(called)
    bare = driven(outbind={"listen": "0.0.0.0:2776", "system_id": "smsc"}).outbind
    assert bare.password == b""


@pytest.mark.parametrize(
    ("outbind", "words"),
    [
        (7, "smpp.acme.outbind: must be a table with listen, system_id, password, networks, not 7"),
        ({"listen": "here", "system_id": "smsc"}, "smpp.acme.outbind.listen: "),
        ({"listen": "127.0.0.1:2776"}, "smpp.acme.outbind.system_id: is missing"),
        ({"listen": "127.0.0.1:2776", "system_id": "smsc", "pasword": "x"}, "smpp.acme.outbind.pasword: unknown key"),
    ],
)
def test_a_wrong_outbind_is_one_sentence(outbind, words):
    assert fault(outbind=outbind).startswith(words)


def test_an_outbind_password_that_is_not_there_is_a_fault():
    called = {"listen": "127.0.0.1:2776", "system_id": "smsc", "password": {"env": "SMS_GATEWAY_NOT_THERE"}}
    with pytest.raises(ConfigurationError) as caught:
        config.from_mapping({"smpp": {"acme": {**TABLE, "outbind": called}}}, secrets=config.Secrets.REQUIRED)
    assert [each.path for each in caught.value.faults] == ["smpp.acme.outbind.password"]


def test_the_defaults_are_the_drivers_own():
    made, bare = driven(), account({"name": "acme", **TABLE, "receipts": True})
    assert made == bare


@pytest.mark.parametrize(("given", "number"), [("3.3", 0x33), (3.4, 0x34), ("5.0", 0x50), (0x34, 0x34)])
def test_the_version_of_the_protocol(given, number):
    assert driven(interface_version=given).interface_version == number


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"long": "UDH"}, "smpp.acme.long: 'UDH' is not allowed; write \"udh\", \"sar\" or \"payload\"; did"),
        ({"bind": "both"}, "smpp.acme.bind: 'both' is not allowed; write \"transceiver\", "),
        ({"interface_version": "3.5"}, "smpp.acme.interface_version: '3.5' is not allowed; write \"3.3\", \"3.4\" or"),
        ({"interface_version": True}, "smpp.acme.interface_version: true is not allowed"),
        ({"source_ton": 256}, "smpp.acme.source_ton: must be a whole number from 0 to 255, not 256"),
        ({"address_range": "1" * 41}, "smpp.acme.address_range: must have at most 40 octets, not 41"),
        ({"tlvs": {"5120": "x"}}, "smpp.acme.tlvs: '5120' is no tag; write it as a hexadecimal number"),
        ({"tlvs": {"0x1400": -1}}, "smpp.acme.tlvs: -1 can't be the value of 0x1400; write a text in Latin-1"),
        ({"tlvs": {"0x1400": "0x0"}}, "smpp.acme.tlvs: '0x0' can't be the value of 0x1400"),
        ({"tlvs": {"0x1400": "€"}}, "smpp.acme.tlvs: '€' can't be the value of 0x1400"),
        ({"tlvs": "0x1400"}, "smpp.acme.tlvs: must be a table such as"),
        ({"statuses": {"0x45": "massage"}}, "smpp.acme.statuses: 'massage' is no fault of 0x45; write \"message\", "),
        ({"statuses": {"ESME_RTHROTLED": "device"}}, "did you mean 'esme_rthrottled'?"),
        ({"statuses": ["0x45"]}, "smpp.acme.statuses: must be a table such as"),
    ],
)  # fmt: skip
def test_each_fault_says_what_is_allowed(keys, sentence):
    assert sentence in fault(**keys)


def test_the_names_are_those_of_the_standard():
    consts = pytest.importorskip("smpplib.consts")
    theirs = {name.removeprefix("SMPP_ESME_"): value for name, value in vars(consts).items() if "ESME_R" in name}
    assert theirs == {**smpp_values.STATUSES, "ROK": 0}
