"""A carrier that calls: outbind, and the receiver that is bound over its connection."""

import socket

import pytest
from smpp_rig import carrier, owner, text

from drivers.base import Incoming, Notice, Outcome, Pause, State
from drivers.smpp import codec, names


@pytest.fixture
def acme(tmp_path):
    with carrier(tmp_path) as running:
        yield running


@pytest.fixture
def port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listening(acme, port, networks=(), **more):
    called = {"host": "127.0.0.1", "port": port, "system_id": "virtual", "password": "call", "networks": networks}
    return acme.options(bind="transmitter", outbind=called, **more)


def binds(acme):
    return acme.status()["binds"]["acme"]


def test_a_carrier_that_calls_hands_in_what_it_has(acme, port):
    with owner(listening(acme, port)) as us:
        acme.control.do("deliver", sender="+254700000001", text="was waiting")
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED
        assert not us.of(Incoming)
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        (came,) = us.until(lambda: us.of(Incoming))
        assert came.payload == b"was waiting"
        us.until(lambda: acme.status()["waiting"]["acme"] == 0)
        assert binds(acme) == 2
        acme.control.do("reset")
        us.until_state(State.UP)
        acme.control.do("deliver", sender="+254700000001", text="and again")
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        us.until(lambda: len(us.of(Incoming)) == 2)


def test_a_stranger_that_calls_is_refused(acme, port):
    with owner(listening(acme, port)) as us:
        for password, name in (("wrong", "virtual"), ("call", "somebody")):

            def heard(password=password, name=name):
                # One who was refused is not heard for a while: so it is tried until it is.
                acme.control.do("outbind", host="127.0.0.1", port=port, password=password, system_id=name)
                us.listen(0.2)
                return [each for each in us.of(Notice) if repr(name.encode()) in each.text]

            us.until(heard)
        us.until(lambda: acme.status()["connections"] == 1)
        assert binds(acme) == 1


def test_after_a_wrong_password_the_right_one_has_to_wait_too(acme, port):
    with owner(listening(acme, port)) as us:
        acme.control.do("outbind", host="127.0.0.1", port=port, password="wrong")
        us.until(lambda: us.of(Notice))
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        us.until(lambda: acme.status()["connections"] == 1)
        assert binds(acme) == 1

        def bound():
            acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
            us.listen(0.2)
            return binds(acme) > 1

        us.until(bound)


def test_who_comes_from_elsewhere_is_not_heard(acme, port):
    with owner(listening(acme, port, networks=["192.0.2.0/24"])) as us:
        with socket.create_connection(("127.0.0.1", port), 5) as stranger:
            us.until(lambda: stranger.recv(1) == b"")
        assert us.health.details["bound"] == 1


@pytest.mark.parametrize(
    "octets", [b"\xff" * 40, codec.pdu(names.OUTBIND, 1, 0, b"no end"), codec.pdu(names.SUBMIT_SM, 1, 0, b"x"), b""]
)
def test_garbage_at_the_door_harms_nobody(acme, port, octets):
    with owner(listening(acme, port)) as us, socket.create_connection(("127.0.0.1", port), 5) as stranger:
        stranger.sendall(octets)
        if not octets:
            stranger.shutdown(socket.SHUT_WR)
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED
        acme.control.do("deliver", sender="+254700000001", text="still here")
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        us.until(lambda: us.of(Incoming))


def test_a_paused_account_is_not_at_home(acme, port):
    with owner(listening(acme, port)) as us:
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        us.until(lambda: binds(acme) == 2)
        us.send(Pause(on=True))
        us.until_state(State.PAUSED)
        us.until(lambda: binds(acme) == 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        us.send(Pause(on=False))
        us.until_state(State.UP)
        acme.control.do("outbind", host="127.0.0.1", port=port, password="call")
        us.until(lambda: binds(acme) == 2)


def test_a_port_that_is_taken_is_said_and_the_account_goes_on(acme, port):
    with socket.create_server(("127.0.0.1", port)), owner(listening(acme, port)) as us:
        us.until(
            lambda: [each for each in us.of(Notice) if f"can't listen for outbind on 127.0.0.1:{port}" in each.text]
        )
        us.send(text(1))
        assert us.until_results(1)[0].outcome is Outcome.ACCEPTED
