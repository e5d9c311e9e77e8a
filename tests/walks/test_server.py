"""Other software uses the gateway as its carrier: smpp34, node-smpp and Kannel, through the real service."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
import smpp34
from kannel import boxes
from running import CARRIER_NUMBER, PHONE, Service, config, eventually, free_port, virtual_carrier

TEXT = "A long text of more than one part, as software on the network sends it. " * 4


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    carrier, port = virtual_carrier(directory), free_port()
    server = (
        f'[server.smpp]\nlisten = "127.0.0.1:{port}"\n'
        '[server.smpp.user.crm]\npassword = "secret"\nbackends = ["carrier"]\nwindow = 10\nbinds = 4\n'
        '[server.smpp.user.kannel]\npassword = "secret"\nbackends = ["carrier"]\nnetworks = ["127.0.0.0/8"]\n'
        '[server.smpp.user.later]\npassword = "secret"\nbackends = ["carrier"]\n'
    )
    service = Service(directory, config(directory, carrier=carrier) + server)
    service.carrier, service.smpp = carrier, port
    try:
        service.start()
        eventually(lambda: "the SMPP server is up" in service.log.read_text())
        yield service
        assert service.stop() == 0, service.log.read_text()
        assert "Traceback" not in service.log.read_text()
    finally:
        for each in (service, carrier):
            each.close()


def client(walk, work, user="crm", **more):
    """Run ``work(smsc)`` with a bound client of smpp34."""

    async def go():
        bound = await smpp34.Client("127.0.0.1", walk.smpp, user, "secret", **more).connect()
        try:
            return await asyncio.wait_for(work(bound), 30)
        finally:
            await bound.unbind()

    return asyncio.run(go())


def sent(walk, **wanted):
    """The outgoing transmissions with these values."""
    return [row for row in walk.rows("--out") if all(row[name].strip() == value for name, value in wanted.items())]


def submit(smsc, text, **more):
    values = {"source_addr": "CRM", "source_addr_ton": 5, "dest_addr_ton": 1, "dest_addr_npi": 1, **more}
    return smsc.submit_sm(PHONE.removeprefix("+"), text.encode(), **values)


def test_a_submit_is_stored_sent_and_reported(walk):
    async def work(smsc):
        answer = await submit(smsc, "hello from the CRM", registered_delivery=1)
        return answer, await smsc.next()

    answer, receipt = client(walk, work)
    assert answer.is_success
    (row,) = [row for row in walk.rows("--out") if row["id"] == answer.message_id]
    assert (row["text"], row["identity"], row["backend"], row["status"]) == (
        "hello from the CRM", PHONE, "carrier", "delivered",
    )  # fmt: skip
    (seen,) = [each for each in walk.carrier.witness() if each["text"] == "hello from the CRM"]
    assert (seen["from"], seen["to"]) == ("CRM", PHONE)
    assert receipt.esm_class == 4
    assert f"id:{answer.message_id} ".encode() in receipt.short_message
    assert b"stat:DELIVRD" in receipt.short_message
    assert (receipt.source_addr, receipt.destination_addr) == (PHONE.removeprefix("+"), "CRM")


def test_the_parts_of_a_long_message_are_joined_and_each_gets_its_receipt(walk):
    halves = TEXT[:150], TEXT[150:]

    async def work(smsc):
        answers = []
        for number, half in enumerate(halves, 1):
            octets = bytes([5, 0, 3, 77, 2, number]) + half.encode()
            answers.append(
                await smsc.submit_sm(
                    PHONE.removeprefix("+"),
                    octets,
                    source_addr="CRM",
                    dest_addr_ton=1,
                    esm_class=0x40,
                    registered_delivery=1,
                )
            )
        return answers, [(await smsc.next()).short_message for _ in answers]

    answers, receipts = client(walk, work)
    (row,) = [row for row in walk.rows("--out") if row["text"] == TEXT]
    assert row["status"] == "delivered"
    for answer in answers:
        assert any(f"id:{answer.message_id} ".encode() in receipt for receipt in receipts)


def test_octets_for_an_application_go_through(walk):
    octets = bytes([6, 5, 4, 0x0B, 0x84, 0x23, 0xF0]) + b"\x01\x06\xff"

    async def work(smsc):
        to = PHONE.removeprefix("+")
        return await smsc.submit_sm(to, octets, source_addr="CRM", dest_addr_ton=1, esm_class=0x40, data_coding=4)

    answer = client(walk, work, bind_type="tx")
    assert answer.is_success
    eventually(lambda: [each for each in walk.carrier.witness() if each["data"] == octets.hex()])


def test_long_octets_for_an_application_keep_their_ports(walk):
    async def work(smsc):
        to, ports = PHONE.removeprefix("+"), bytes([5, 4, 0x0B, 0x84, 0x23, 0xF0])
        for number, data in enumerate((b"\x07" * 120, b"\x08" * 80), 1):
            octets = bytes([11, 0, 3, 9, 2, number]) + ports + data
            await smsc.submit_sm(to, octets, source_addr="CRM", dest_addr_ton=1, esm_class=0x40, data_coding=4)

    client(walk, work, bind_type="tx")

    def left():
        seen = [each["data"] for each in walk.carrier.witness()]
        return [data for data in seen if "07" * 100 in data or "08" * 70 in data]

    eventually(lambda: len(left()) == 2, 60)
    assert all("05040b8423f0" in data for data in left())
    assert "".join(data[24:] for data in left()) == "07" * 120 + "08" * 80


def test_what_comes_in_is_kept_until_the_client_is_there(walk):
    with walk.carrier.control() as control:
        control.deliver(PHONE, "while nobody listens €")
    eventually(lambda: [row for row in walk.rows("--in") if row["text"].startswith("while nobody")])

    async def work(smsc):
        return await smsc.next()

    came = client(walk, work, user="later")
    assert came.short_message == b"while nobody listens \x1be"
    assert (came.source_addr, came.destination_addr) == (PHONE.removeprefix("+"), CARRIER_NUMBER.removeprefix("+"))


def test_a_receipt_waits_for_its_client_over_a_kill(walk):
    async def work(smsc):
        return await submit(smsc, "report it later", registered_delivery=1)

    answer = client(walk, work, user="crm", bind_type="tx")
    eventually(lambda: sent(walk, id=answer.message_id, status="delivered"))
    walk.kill()
    walk.start()
    eventually(lambda: accepts(walk.smpp))

    async def hear(smsc):
        while f"id:{answer.message_id} ".encode() not in (found := await smsc.next()).short_message:
            pass
        return found

    assert b"stat:DELIVRD" in client(walk, hear, user="crm", bind_type="rx").short_message


@pytest.fixture
def kannel(walk, tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as inbound:
        get_url = f"http://127.0.0.1:{inbound.getsockname()[1]}/in?from=%p&to=%P&text=%b"
        with boxes(tmp_path, get_url, smpp=walk.smpp, user="kannel", password="secret") as http:
            yield {"http": http, "inbound": inbound, "log": tmp_path / "bearerbox.log"}


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_kannel_sends_and_receives_through_the_gateway(walk, kannel):
    asked = urllib.parse.urlencode({
        "username": "app", "password": "app", "from": "KANNEL", "to": PHONE, "text": f"kannel {TEXT}", "dlr-mask": 31,
        "dlr-url": "http://127.0.0.1:1/",
    })  # fmt: skip
    with urllib.request.urlopen(f"http://127.0.0.1:{kannel['http']}/cgi-bin/sendsms?{asked}", timeout=20) as answer:
        assert answer.status == 202
    eventually(lambda: sent(walk, text=f"kannel {TEXT}".strip(), status="delivered"))
    eventually(lambda: "DELIVRD" in kannel["log"].read_text("latin-1"), what="the receipt in Kannel's log")
    with walk.carrier.control() as control:
        control.deliver(PHONE, "to kannel")
    eventually(lambda: "text=to+kannel" in asked_for(kannel["inbound"]), what="the message at Kannel's application")


def asked_for(inbound):
    """The first line of the next request, which is answered with nothing."""
    inbound.settimeout(30)
    connection, _ = inbound.accept()
    with closing(connection):
        request = connection.recv(4096).decode()
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
    return request.partition("\n")[0]


class NodeClient:
    """node-smpp, bound as a transceiver."""

    def __init__(self, port, user):
        script = Path(__file__).with_name("node_smpp_client.js")
        command = ["node", script, str(port), user, "secret"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.heard = []

    def hear(self, name, begins=""):
        """The next thing with this name that comes and begins so."""
        while True:
            for entry in self.heard:
                if name in entry and str(entry[name]).startswith(begins):
                    self.heard.remove(entry)
                    return entry
            line = self.process.stdout.readline()
            assert line, f"node-smpp ended; {name} did not come"
            self.heard.append(json.loads(line))

    def ask(self, command, **fields):
        """Send one command; its answer."""
        self.process.stdin.write(json.dumps({"command": command, **fields}) + "\n")
        self.process.stdin.flush()
        return self.hear(command)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def no_node():
    found = shutil.which("node") and subprocess.run(
        ["node", "-e", "require.resolve('smpp')"], capture_output=True, check=False
    )
    return not found or found.returncode != 0


@pytest.fixture
def node(walk):
    if no_node():
        pytest.skip("node-smpp is not installed (npm install smpp; NODE_PATH=…/node_modules)")
    client = NodeClient(walk.smpp, "crm")
    assert client.hear("bound") == {"bound": 0, "system_id": "sms-gateway"}
    yield client
    client.close()


HERS = {"source_addr": "CRM", "source_addr_ton": 5, "destination_addr": PHONE.removeprefix("+"), "dest_addr_ton": 1}


def test_node_smpp_sends_and_receives_through_the_gateway(walk, node):
    answer = node.ask("submit_sm", **HERS, short_message="from node", registered_delivery=1)
    assert answer["submit_sm"] == 0
    receipt = node.hear("deliver_sm", f"id:{answer['message_id']} ")
    assert receipt["esm_class"] == 4
    found = node.ask("query_sm", message_id=answer["message_id"], source_addr="CRM")
    assert (found["query_sm"], found["message_state"]) == (0, 2)
    assert found["final_date"]
    with walk.carrier.control() as control:
        control.deliver(PHONE, "to node")
    came = node.hear("deliver_sm", "to node")
    assert (came["esm_class"], came["from"], came["to"]) == (0, PHONE[1:], CARRIER_NUMBER[1:])
    assert node.ask("unbind")["unbind"] == 0
    assert node.process.wait(10) == 0


def test_a_user_asks_replaces_and_cancels_what_has_not_left(walk, node):
    later = "000001000000000R"
    answer = node.ask("submit_sm", **HERS, short_message="first words", schedule_delivery_time=later)
    mine = {"message_id": answer["message_id"], "source_addr": "CRM"}
    found = node.ask("query_sm", **mine)
    assert (found["query_sm"], found["message_state"], found["final_date"]) == (0, 1, ""), (
        answer,
        walk.log.read_text(),
    )
    assert node.ask("query_sm", **{**mine, "source_addr": "OTHER"})["query_sm"] == 0x67
    assert node.ask("replace_sm", **mine, short_message="other words")["replace_sm"] == 0
    (row,) = sent(walk, id=answer["message_id"])
    assert (row["text"], row["status"]) == ("other words", "queued")
    assert node.ask("cancel_sm", **mine, destination_addr=HERS["destination_addr"])["cancel_sm"] == 0
    (row,) = sent(walk, id=answer["message_id"])
    assert row["status"] == "cancelled"
    octets = node.ask("submit_sm", **HERS, octets="0102", data_coding=4, schedule_delivery_time=later)
    asked = {"message_id": octets["message_id"], "source_addr": "CRM"}
    assert node.ask("replace_sm", **asked, short_message="words")["replace_sm"] == 0x13, "octets are no text"
    assert node.ask("cancel_sm", **mine)["cancel_sm"] == 0x11
    assert node.ask("replace_sm", **mine, short_message="too late")["replace_sm"] == 0x13
    assert node.ask("query_sm", **mine)["message_state"] == 4
    other = NodeClient(walk.smpp, "later")
    try:
        assert other.hear("bound")["bound"] == 0
        assert other.ask("query_sm", **mine)["query_sm"] == 0x67
    finally:
        other.close()


def test_a_device_that_no_longer_reports_ends_the_wait_for_receipts(walk, node):
    with walk.carrier.control() as control:
        control.faults(receipt_lost=True)
    answer = node.ask("submit_sm", **HERS, short_message="no report", registered_delivery=1)
    eventually(lambda: sent(walk, id=answer["message_id"], status="sent"))
    text = walk.config.read_text()
    walk.config.write_text(text.replace("[smpp.carrier]\n", "[smpp.carrier]\nreceipts = false\n"))
    try:
        walk.process.send_signal(signal.SIGHUP)
        receipt = node.hear("deliver_sm", f"id:{answer['message_id']} ")
        assert "stat:ACCEPTD" in receipt["deliver_sm"]
    finally:
        walk.config.write_text(text)
        walk.process.send_signal(signal.SIGHUP)
        with walk.carrier.control() as control:
            control.faults(receipt_lost=False)
