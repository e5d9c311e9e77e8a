"""listen(), and the forms for asyncio."""

import asyncio
import os
import time

import pytest

from gateway import (
    App,
    alisten,
    api,
    asend,
    configure,
    get_message,
    get_router,
    listen,
    lookup_connections,
    receive,
    send,
)


class Picky(App):
    def filter(self, msg):
        return msg.text == "spam"

    def handle(self, msg):
        if msg.text == "raise":
            raise ValueError("no")
        if msg.text == "interrupt" and not msg.redelivered:
            raise KeyboardInterrupt
        return True


@pytest.fixture(autouse=True)
def router(tmp_path):
    configure(
        {
            "gateway": {"state": str(tmp_path), "durability": "fast", "lease": "1s"},
            "modem": {"mtn": {"port": "virtual"}},
        }
    )
    get_router().add_app(Picky)
    yield get_router()
    api.adopt(None)


def put(*texts, backend="mtn"):
    (connection,) = lookup_connections(backend, ["+1"])
    return [receive(text, connection) for text in texts]


def heard(name, **options):
    return [message.text for message in listen(name, timeout=0, **options)]


def test_failed_messages_are_heard_filtered_ones_and_waiting_ones_not(router):
    put("a", "spam", "raise", "b")
    assert heard("x") == []
    router.drain()
    assert heard("x") == ["a", "raise", "b"]
    assert heard("x") == []


def test_a_new_name_begins_where_it_says(router):
    put("old")
    router.drain()
    assert heard("late", start="newest") == []
    put("new")
    router.drain()
    assert heard("late", start="newest") == ["new"]
    assert heard("early") == ["old", "new"]


def test_a_backend_of_its_own(router):
    put("a")
    put("b", backend="other")
    router.drain()
    assert heard("x", backend="other") == ["b"]


def test_what_is_heard_is_whole(router):
    (sent,) = put("a")
    router.drain()
    (message,) = list(listen("x", timeout=0))
    assert (message.id, message.status, message.connections) == (sent.id, "handled", sent.connections)
    assert message.processed


@pytest.mark.parametrize(("name", "start"), [("", "oldest"), ("x", "yesterday")])
def test_bad_arguments_are_told_at_once(name, start):
    with pytest.raises(ValueError, match=r"listener's name|start"):
        listen(name, start=start)


def test_a_timeout_ends_it():
    before = time.monotonic()
    assert list(listen("x", timeout=0.3)) == []
    assert 0.3 <= time.monotonic() - before < 5


def test_asyncio(router):
    put("a", "b")
    router.drain()

    async def both():
        message = await asend("hi", lookup_connections("mtn", ["+1"]))
        return message.status, [each.text async for each in alisten("x", timeout=0)]

    assert asyncio.run(both()) == ("queued", ["a", "b"])


def test_an_interrupt_gives_the_message_back_after_the_lease(router):
    (message,) = put("interrupt")
    with pytest.raises(KeyboardInterrupt):
        router.drain()
    assert message.refresh().status == "received"
    limit = time.monotonic() + 30
    while not router.drain():
        assert time.monotonic() < limit
    assert message.refresh().status == "handled"
    assert get_message(message.id).redelivered


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_child_of_fork_works_on_its_own(router):
    (message,) = put("a")
    router.drain()
    second = put("b")[0]
    pid = os.fork()
    if pid == 0:
        try:
            done = router.drain() == 1 and send("from the child", lookup_connections("mtn", ["+2"])).status == "queued"
            os._exit(0 if done else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert second.refresh().status == "handled"
    assert message.refresh().status == "handled"
