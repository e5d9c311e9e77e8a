"""Against a carrier that nobody here wrote: the server of smpp34 (PyPI)."""

import asyncio
import contextlib
import queue
import socket
import threading

import pytest
import smpp34
from smpp_rig import Owner, owner, text

from drivers.base import Encoding, Incoming, Outcome, Part, Receipt, ReceiptStatus, State, Submit
from drivers.text import alphabet as gsm


class Smsc:
    """smpp34's server on a thread: answers submits with ``reply`` and delivers what it is given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.submits: queue.Queue[smpp34.SubmitSmEvent] = queue.Queue()
        self.bound: queue.Queue[smpp34.Esme] = queue.Queue()
        self.status = 0
        self.hold = False
        self._loop = asyncio.new_event_loop()
        self._count = 0
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.call(self._start)

    def begin(self, function, *arguments, **more):
        """Await ``function(…)``, which must be called on the loop."""

        async def do():
            return await function(*arguments, **more)

        return asyncio.run_coroutine_threadsafe(do(), self._loop)

    def call(self, function, *arguments, **more):
        return self.begin(function, *arguments, **more).result(10)

    def accept(self, event, message_id: str) -> None:
        self._loop.call_soon_threadsafe(event.accept, message_id)

    async def _start(self) -> None:
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="smpp34")
        await self._server.start()
        self._serving = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self.bound.put(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._count += 1
                self.submits.put(event)
                if self.status:
                    event.reject(self.status)
                elif not self.hold:
                    event.accept(f"{self._count:08X}")

    def stop(self) -> None:
        async def end() -> None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
            await self._server.stop()

        self.call(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def smsc():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Smsc(port)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def us(smsc):
    options = {
        "name": "acme", "host": "127.0.0.1", "port": smsc.port, "system_id": "acme", "password": "secret",
        "source": "12345", "reconnect": 0.3,
    }  # fmt: skip
    with owner(options) as made:
        yield made


def test_submits_are_understood_and_answered(smsc, us: Owner):
    us.send(text(1, "hello there", validity_s=3600))
    (result,) = us.until_results(1)
    assert (result.outcome, result.reference) == (Outcome.ACCEPTED, "00000001")
    seen = smsc.submits.get(timeout=5)
    assert (seen.destination_addr, seen.dest_addr_ton, seen.dest_addr_npi) == ("254700000001", 1, 1)
    assert (seen.source_addr, seen.short_message, seen.registered_delivery) == ("12345", b"hello there", 1)
    assert us.health.operator == "smpp34"


def test_a_hundred_submits_within_the_window(smsc, us: Owner):
    us.send(*(text(token) for token in range(100)))
    results = us.until_results(100)
    assert {result.token for result in results} == set(range(100))
    assert len({result.reference for result in results}) == 100


def test_long_messages_with_their_header(smsc, us: Owner):
    parts = tuple(Part(i, 2, Encoding.UCS2, "Ω".encode("utf-16-be"), bytes([0, 3, 9, 2, i]), 9) for i in (1, 2))
    us.send(Submit(1, "+254700000001", parts))
    us.until_results(2)
    seen = [smsc.submits.get(timeout=5) for _ in parts]
    # smpp34 hands them out in any order.
    assert sorted(event.short_message for event in seen) == [bytes([5, 0, 3, 9, 2, i]) + b"\x03\xa9" for i in (1, 2)]
    assert all((event.esm_class, event.data_coding) == (0x40, 8) for event in seen)


def test_refusals_are_explained(smsc, us: Owner):
    smsc.status = smpp34.ESME_RINVDSTADR
    us.send(text(1))
    (result,) = us.until_results(1)
    assert (result.outcome, result.code) == (Outcome.REFUSED, smpp34.ESME_RINVDSTADR)


def test_incoming_is_acknowledged_and_read(smsc, us: Owner):
    esme = smsc.bound.get(timeout=5)
    text_in = gsm.encode("£ in")
    waiting = smsc.begin(esme.deliver_sm, "12345", text_in, source_addr="254700000001", source_addr_ton=1)
    (incoming,) = us.until(lambda: us.of(Incoming))
    us.until(waiting.done)
    assert waiting.result().is_success
    assert (incoming.sender, gsm.decode(incoming.payload)) == ("+254700000001", "£ in")


def test_a_receipt_before_its_answer(smsc, us: Owner):
    esme = smsc.bound.get(timeout=5)
    smsc.hold = True
    us.send(text(1))
    us.until(lambda: not smsc.submits.empty())
    held = smsc.submits.get(timeout=5)
    body = b"id:255 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:hello"
    waiting = smsc.begin(esme.deliver_sm, "12345", body, source_addr="254700000001", esm_class=4)
    (receipt,) = us.until(lambda: us.of(Receipt))
    us.until(waiting.done)
    smsc.accept(held, "000000FF")
    (result,) = us.until_results(1)
    assert receipt.status is ReceiptStatus.DELIVERED
    assert result.reference in receipt.references


def test_its_unbind_is_answered_and_the_account_comes_back(smsc, us: Owner):
    smsc.call(smsc.bound.get(timeout=5).unbind)
    us.until_state(State.DOWN)
    us.until_state(State.UP)


@pytest.mark.parametrize("bind", ["pair", "transmitter", "receiver"])
def test_other_kinds_of_bind(smsc, bind):
    options = {"name": "a", "host": "127.0.0.1", "port": smsc.port, "system_id": "a", "password": "b", "bind": bind}
    with owner(options) as us:
        us.until(lambda: us.health.details["bound"] == (2 if bind == "pair" else 1))
        kinds = sorted(smsc.bound.get(timeout=5).can_receive for _ in range(us.health.details["bound"]))
    assert kinds == {"pair": [False, True], "transmitter": [False], "receiver": [True]}[bind]
