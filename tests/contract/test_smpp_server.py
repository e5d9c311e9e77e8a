"""The SMPP server's process, octet by octet: who may bind, what is answered when, and what garbage does."""

import contextlib
import socket
import ssl
import time

import argon2
import pytest
import trustme
from smpp_rig import Owner

from drivers.base import (
    Ack,
    Asked,
    Close,
    Closed,
    Encoding,
    Fault,
    Incoming,
    Inquiry,
    Outcome,
    Part,
    Reply,
    Result,
    State,
    Submit,
)
from drivers.process import DeviceProcess
from drivers.smpp import codec, names
from drivers.smpp.framing import FrameBuffer
from drivers.smpp.names import RESPONSE

SCRYPT = "$scrypt$ln=4,r=8,p=1$c2FsdA$DtMC/2Lur3h+/FR3+aski0Wvs2RJrYB7pfKp7l1B99s"
ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("secret")
PLAIN = {"password": "secret", "binds": 2, "window": 3}


class Server(Owner):
    """Stands where the service stands."""

    def __init__(self, **options):
        super().__init__({}, acknowledge=options.pop("acknowledge", True))
        users = options.pop("users", {"crm": PLAIN})
        self.device = DeviceProcess(
            "server", {"name": "server", "driver": "smpp", "host": "127.0.0.1", "port": 0, "users": users, **options}
        )

    @property
    def port(self):
        return int(self.health.port.rpartition(":")[2])


@contextlib.contextmanager
def server(**options):
    made = Server(**options)
    made.device.start()
    try:
        made.until_state(State.UP)
        yield made
    finally:
        made.heard += made.device.stop(0.5)


class Client:
    """A client that says what it is told to."""

    def __init__(self, port, context=None, **tls):
        self.sock = socket.create_connection(("127.0.0.1", port), 5)
        if context:
            self.sock = context.wrap_socket(self.sock, **tls)
        self.frames, self.waiting, self.sequence = FrameBuffer(), [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, command, body=b"", sequence=None, status=0):
        self.sequence += 1
        self.sock.sendall(codec.pdu(command, sequence or self.sequence, status, body))

    def hear(self, timeout=5.0):
        """The next PDU; None when the server closed the connection. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while not self.waiting:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                octets = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not octets:
                return None
            self.waiting += self.frames.feed(octets)
        return codec.decode(self.waiting.pop(0))

    def bind(self, command=names.BIND_TRANSCEIVER, user="crm", password="secret"):
        """Bind; the status of the answer."""
        fields = {"system_id": user, "password": password, "interface_version": 0x34}
        self.send(command, codec.body(command, fields))
        answer = self.hear()
        assert answer.command == command | RESPONSE
        return answer.status

    def submit(self, text=b"hello", **fields):
        values = {"destination": (1, 1, b"254700000001\0"), "short_message": text, "source": (5, 0, b"CRM\0"), **fields}
        self.send(names.SUBMIT_SM, codec.submit_body(codec.SubmitFields(**values)))


def bound(serving, **how):
    client = Client(serving.port)
    assert client.bind(**how) == names.ROK
    return client


def deliver(token, text=b"hi", user="crm", **more):
    part = Part(1, 1, Encoding.GSM7, text)
    return Submit(token, "12345", (part,), source="+254700000001", fields={"user": user}, **more)


@pytest.mark.parametrize("command", names.BINDS)
def test_every_kind_of_bind(command):
    with server() as serving, bound(serving, command=command) as client:
        client.send(names.ENQUIRE_LINK)
        assert client.hear().command == names.ENQUIRE_LINK | RESPONSE
        client.submit()
        sends = command != names.BIND_RECEIVER
        serving.until(lambda: not sends or serving.of(Incoming))
        assert client.hear().status == (names.ROK if sends else names.RINVBNDSTS)
        serving.send(deliver(7))
        if command == names.BIND_TRANSMITTER:
            (result,) = serving.until_results(1)
            assert (result.outcome, result.fault) == (Outcome.NOT_SENT, Fault.DEVICE)
        else:
            came = client.hear()
            assert (came.command, came.octets("short_message")) == (names.DELIVER_SM, b"hi")
            client.send(names.DELIVER_SM | RESPONSE, b"\0", came.sequence)
            assert serving.until_results(1)[0].outcome is Outcome.ACCEPTED
        client.send(names.UNBIND)
        assert client.hear().command == names.UNBIND | RESPONSE
        assert client.hear() is None


@pytest.mark.parametrize("stored", ["secret", SCRYPT, ARGON2], ids=["clear", "scrypt", "argon2"])
def test_a_password_in_clear_or_as_a_hash(stored):
    with server(users={"crm": {"password": stored, "binds": 5}}) as serving:
        with bound(serving), bound(serving):
            pass
        with Client(serving.port) as client:
            assert client.bind(password="wrong") == names.RINVPASWD
            assert client.hear() is None
        with Client(serving.port) as client:
            assert client.bind() == names.RBINDFAIL, "after a wrong password even the right one waits a moment"


def test_who_may_not_bind():
    users = {"crm": PLAIN, "far": {"password": "secret", "networks": ["192.0.2.0/24"]}, "odd": {"password": "$argon2x"}}
    for user, status in (("nobody", names.RINVSYSID), ("far", names.RINVPASWD), ("odd", names.RSYSERR)):
        with server(users=users) as serving, Client(serving.port) as client:
            assert client.bind(user=user) == status
            assert client.hear() is None


def test_a_stranger_is_not_even_heard():
    users = {"far": {"password": "secret", "networks": ["192.0.2.0/24"]}}
    with server(users=users) as serving, Client(serving.port) as client:
        assert client.hear() is None


def test_no_more_binds_than_allowed():
    with server() as serving, bound(serving), bound(serving, command=names.BIND_RECEIVER):
        with Client(serving.port) as client:
            assert client.bind() == names.RALYBND
        serving.until(lambda: serving.health.details["users"]["crm"] == {"binds": 2, "receivers": 2, "window": 6})


def test_a_submit_is_answered_once_it_is_stored():
    with server(acknowledge=False) as serving, bound(serving) as client:
        client.submit(registered_delivery=1, validity=b"000001000000000R\0", priority=2)
        (incoming,) = serving.until(lambda: serving.of(Incoming))
        with pytest.raises(TimeoutError):
            client.hear(0.3)
        serving.send(Ack((incoming.key,)))
        answer = client.hear()
    assert (answer.status, answer.octets("message_id").decode()) == (names.ROK, incoming.fields["id"])
    assert (incoming.sender, incoming.to, incoming.payload) == ("CRM", "+254700000001", b"hello")
    said = incoming.fields
    assert (said["user"], said["registered"], said["priority"], said["at"]) == ("crm", 1, 2, None)
    assert said["expires"].endswith("+00:00")


def test_what_cannot_be_stored_is_refused_with_the_owners_status():
    with server(acknowledge=False) as serving, bound(serving) as client:
        client.submit()
        (incoming,) = serving.until(lambda: serving.of(Incoming))
        serving.send(Ack((incoming.key,), stored=False, code=names.RMSGQFUL))
        assert client.hear().status == names.RMSGQFUL


def test_a_client_beyond_its_window_waits():
    with server(acknowledge=False) as serving, bound(serving) as client:
        for _ in range(3):
            client.submit()
        serving.until(lambda: len(serving.of(Incoming)) == 3)
        for _ in range(3):
            client.submit()
        serving.listen(0.3)
        assert len(serving.of(Incoming)) == 3
        serving.send(Ack(tuple(each.key for each in serving.of(Incoming))))
        serving.until(lambda: len(serving.of(Incoming)) == 6)
        assert [client.hear().status for _ in range(3)] == [names.ROK] * 3


def test_a_user_beyond_its_rate_is_throttled():
    with server(users={"crm": {**PLAIN, "window": 10, "rate": [2, 60.0]}}) as serving, bound(serving) as client:
        for _ in range(3):
            client.submit()
        serving.until(lambda: len(serving.of(Incoming)) == 2)
        statuses = sorted(client.hear().status for _ in range(3))
        assert statuses == [names.ROK, names.ROK, names.RTHROTTLED]


def test_a_client_that_goes_leaves_what_it_was_given_unknown():
    with server() as serving:
        with bound(serving) as client:
            serving.send(deliver(1))
            client.hear()
        (result,) = serving.until_results(1)
        assert result.outcome is Outcome.UNKNOWN
        serving.send(deliver(2))
        assert serving.until_results(2)[1].outcome is Outcome.NOT_SENT


def test_a_client_that_does_not_answer():
    with server(response_timeout=0.3) as serving, bound(serving) as client:
        serving.send(deliver(1))
        sequence = client.hear().sequence
        assert serving.until_results(1)[0].outcome is Outcome.UNKNOWN
        client.send(names.DELIVER_SM | RESPONSE, b"\0", sequence)
        serving.until(lambda: [each for each in serving.of(Result) if each.late])


def test_a_client_that_falls_silent_is_cut_off():
    with server(enquire_link=0.2, response_timeout=0.2) as serving, bound(serving) as client:
        assert client.hear().command == names.ENQUIRE_LINK
        assert client.hear() is None


def test_a_receipt_has_its_parameters():
    receipt = {
        "id": "abc", "state": "UNDELIV", "submitted": "2601010000", "done": "2601010001", "tlvs": {"0x0204": "0007"},
        "source": [5, 0, "CRM"], "destination": [1, 1, "254700000001"],
    }  # fmt: skip
    submit = Submit(1, "", (Part(1, 1, Encoding.GSM7, b""),), fields={"user": "crm", "receipt": receipt})
    with server() as serving, bound(serving) as client:
        serving.send(submit)
        came = client.hear()
    assert came.number("esm_class") == 4
    assert came.octets("short_message").startswith(b"id:abc sub:001 dlvrd:000 submit date:2601010000")
    assert (came.tlv_text(0x1E), came.tlv_number(0x427), came.tlv(0x204)) == ("abc", 5, b"\0\7")
    assert (came.octets("source_addr"), came.octets("destination_addr")) == (b"254700000001", b"CRM")


ABOUT = {"message_id": "abc", "source_addr": "CRM"}


@pytest.mark.parametrize(
    ("command", "what", "status"),
    [
        (names.QUERY_SM, Inquiry.QUERY, names.RQUERYFAIL),
        (names.CANCEL_SM, Inquiry.CANCEL, names.RCANCELFAIL),
        (names.REPLACE_SM, Inquiry.REPLACE, names.RREPLACEFAIL),
    ],
)
def test_a_question_is_answered_by_the_owner(command, what, status):
    with server() as serving, bound(serving) as client:
        for done, expected in ((True, names.ROK), (False, status)):
            client.send(command, codec.body(command, ABOUT))
            asked = serving.until(lambda: serving.of(Asked))[-1]
            assert (asked.user, asked.what, asked.reference, asked.source) == ("crm", what, "abc", "CRM")
            serving.heard.clear()
            serving.send(Reply(asked.key, done, 2, "261126120000000+"))
            came = client.hear()
            assert (came.command, came.status) == (command | RESPONSE, expected)
            if what is Inquiry.QUERY:
                assert (came.octets("message_id"), came.number("message_state")) == (b"abc", 2)


def test_a_cancel_that_names_no_message_is_refused():
    with server() as serving, bound(serving) as client:
        client.send(names.CANCEL_SM, codec.body(names.CANCEL_SM, {"source_addr": "CRM"}))
        assert client.hear().status == names.RINVMSGID
        assert not serving.of(Asked)


def test_a_damaged_question_is_refused():
    with server() as serving, bound(serving) as client:
        client.send(names.QUERY_SM, b"no end")
        assert client.hear().status == names.RINVCMDLEN


@pytest.mark.parametrize(
    "octets", ["00000000", "00000003", "ffffffff", "7fffffff00000004", "0000001400000004000000000000000900000000"]
)
def test_garbage_harms_nobody_else(octets):
    with server() as serving, bound(serving) as good, bound(serving) as client:
        client.sock.sendall(bytes.fromhex(octets))
        client.sock.sendall(b"\xff" * 300)
        good.submit()
        serving.until(lambda: serving.of(Incoming))
        assert good.hear().status == names.ROK


def test_a_submit_before_the_bind_is_refused():
    with server() as serving, Client(serving.port) as client:
        client.submit()
        assert client.hear().status == names.RINVBNDSTS


def test_a_wrong_time_is_refused():
    with server() as serving, bound(serving) as client:
        client.submit(validity=b"tomorrow\0")
        assert client.hear().status == names.RINVSCHED


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def files(authority, folder):
    made = authority.issue_cert("localhost")
    made.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return {"cert": str(folder / "server.pem"), "key": str(folder / "server.pem")}


def test_tls(authority, tmp_path):
    with server(tls=files(authority, tmp_path)) as serving:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with Client(serving.port, context, server_hostname="localhost") as client:
            assert client.bind() == names.ROK
            for _ in range(3):
                client.submit()
            serving.until(lambda: len(serving.of(Incoming)) == 3)
            assert [client.hear().status for _ in range(3)] == [names.ROK] * 3
        with Client(serving.port) as plain:
            plain.send(names.BIND_TRANSCEIVER, b"x\0y\0")
            with contextlib.suppress(ConnectionResetError):
                assert b"sms-gateway" not in plain.sock.recv(100), "no answer in clear"


def test_tls_with_a_certificate_of_the_client(authority, tmp_path):
    with server(tls={**files(authority, tmp_path), "ca": str(tmp_path / "ca.pem")}) as serving:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            Client(serving.port, context, server_hostname="localhost") as client,
        ):
            client.send(names.ENQUIRE_LINK)
            client.sock.recv(100)
        authority.issue_cert("crm").configure_cert(context)
        with Client(serving.port, context, server_hostname="localhost") as client:
            assert client.bind() == names.ROK


def test_a_port_that_is_taken():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        made = Server(port=taken.getsockname()[1])
        made.device.start()
        try:
            assert "can't listen on 127.0.0.1" in made.until_state(State.BLOCKED).reason
        finally:
            made.device.stop(0.5)


def test_at_the_end_every_client_is_told():
    with server() as serving, bound(serving) as client:
        serving.send(Close(0.5))
        assert client.hear().command == names.UNBIND
        client.send(names.UNBIND | RESPONSE, sequence=1)
        serving.until(lambda: serving.of(Closed))
