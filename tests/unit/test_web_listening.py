"""The listener: what clients may do, and what it lets none of them do."""

import asyncio
import contextlib
import itertools
import json
import select
import socket
import ssl
import threading
import time

import pytest
import trustme

from gateway.web.listening import Address, listening
from gateway.web.request import Response

HELLO = b"GET /a%20b?c=d HTTP/1.1\r\nhost: x\r\n\r\n"


class Listener:
    """A listener in a thread, that answers with what it was asked."""

    def __init__(self, timeout_s=5.0, most=4096, tls=None):
        self.asked, self.go, self.came = [], threading.Event(), threading.Event()
        self.go.set()
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self._address = Address("127.0.0.1", self.port, timeout_s, most, tls)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self):
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        async with listening(self._address, self._answer):
            self._ready.set()
            await self._end.wait()

    def _answer(self, request):
        self.asked.append(request)
        self.came.set()
        self.go.wait(20)
        return Response(json.dumps([request.method, request.path, request.query, request.body.decode("latin-1")]))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self.end()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def end(self):
        self.go.set()
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._end.set)

    def client(self):
        one = socket.create_connection(("127.0.0.1", self.port), 10)
        one.settimeout(10)
        return one

    def ask(self, octets):
        """All that is answered until the connection is closed."""
        with self.client() as one:
            one.sendall(octets)
            return b"".join(iter(lambda: one.recv(65536), b""))


def closing(octets):
    return octets.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


def test_a_request_is_taken_apart_and_answered():
    with Listener() as here:
        head, _, body = here.ask(closing(HELLO)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body) == ["GET", "/a b", "c=d", ""]
    assert b"cache-control: no-store" in head
    assert b"x-content-type-options: nosniff" in head
    assert here.asked[0].peer == "127.0.0.1"


@pytest.mark.parametrize(
    "head", [b"content-length: 5\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"]
)
def test_bodies_come_whole_however_they_are_sent(head):
    with Listener() as here:
        answer = here.ask(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + head)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])[3] == "hello"


def test_a_connection_serves_several_requests_even_if_they_come_at_once():
    with Listener() as here:
        answer = here.ask(HELLO + HELLO + closing(HELLO))
    assert answer.count(b"HTTP/1.1 200") == 3
    assert len(here.asked) == 3


def test_who_waits_for_leave_to_send_a_body_gets_it():
    with Listener() as here, here.client() as one:
        one.sendall(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert one.recv(100).startswith(b"HTTP/1.1 100")
        one.sendall(b"hi")
        assert one.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("octets", "status"), [
    (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n", b"413"),
    (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n", b"413"),
    (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1388\r\n" + b"x" * 5000, b"413"),
    (b"GET / HTTP/1.1\r\nhost: x\r\nlong: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"GET /\r\nX HTTP/1.1\r\nhost: x\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", b"400"),
])  # fmt: skip
def test_what_is_too_much_or_no_http_is_refused_and_the_connection_closed(octets, status):
    with Listener() as here:
        answer = here.ask(octets)
        assert answer.split()[1] == status
        assert b"Traceback" not in answer
        assert here.asked == []
        assert here.ask(closing(HELLO)), "the next one is served"


@pytest.mark.parametrize("octets", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"])
def test_a_slow_client_is_left(octets):
    with Listener(timeout_s=0.3) as here:
        answer = here.ask(octets)
    assert answer == b"" or answer.split()[1] == b"408"
    assert here.asked == []


def test_a_client_that_drips_is_left_too():
    with Listener(timeout_s=0.5) as here, here.client() as one:
        until = time.monotonic() + 15
        octets = itertools.chain(b"GET / HTTP/1.1\r\n", itertools.cycle(b"x: y\r\n"))
        while not select.select([one], [], [], 0.02)[0]:
            assert time.monotonic() < until
            one.sendall(bytes([next(octets)]))
        assert one.recv(1000) == b"", "there is nothing yet that could be answered"
    assert here.asked == []


def test_slow_answers_keep_nobody_else_waiting():
    with Listener() as here:
        here.go.clear()
        slow = [here.client() for _ in range(2)]
        for each in slow:
            each.sendall(HELLO)
        silent = [here.client() for _ in range(50)]
        here.go.set()
        assert here.ask(closing(HELLO)).startswith(b"HTTP/1.1 200")
        for each in slow + silent:
            each.close()


def test_at_the_end_those_who_have_asked_are_answered():
    with Listener() as here, here.client() as idle, here.client() as one:
        here.go.clear()
        one.sendall(closing(HELLO))
        assert here.came.wait(10)
        here._loop.call_soon_threadsafe(here._end.set)
        assert idle.recv(10) == b"", "who has asked nothing is left"
        here.go.set()
        assert one.recv(1000).startswith(b"HTTP/1.1 200")


def test_an_answer_that_never_comes_keeps_nothing_from_its_end():
    here = Listener(timeout_s=0.3)
    with contextlib.closing(here.__enter__().client()) as one:
        here.go.clear()
        one.sendall(HELLO)
        assert here.came.wait(10)
        here._loop.call_soon_threadsafe(here._end.set)
        here._thread.join(10)
        assert not here._thread.is_alive()
    here.go.set()


def test_over_tls(tmp_path):
    ours = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    ours.configure_trust(trusting)
    with Listener(tls=context) as here:
        with trusting.wrap_socket(here.client(), server_hostname="127.0.0.1") as one:
            one.sendall(closing(HELLO))
            assert one.recv(1000).startswith(b"HTTP/1.1 200")
        with here.client() as plain:
            plain.sendall(HELLO)
            assert b"HTTP/1.1 200" not in plain.recv(1000)
    assert here.asked[0].secure
