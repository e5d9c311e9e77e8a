"""What becomes of messages, told to apps (the phase ``status``) and to other processes (``listen``)."""

import asyncio

import pytest

from gateway import (
    App,
    alisten,
    api,
    configure,
    forget_listener,
    get_router,
    listen,
    lookup_connections,
    receive,
    send,
)
from gateway.store import changes


class Told(App):
    def configure(self, **options):
        self.heard = []

    def status(self, transmission):
        self.heard.append((transmission.message_id, str(transmission.status), transmission.error))
        if transmission.error == "raise":
            raise ValueError("no")


class Also(Told):
    pass


class Deaf(App):
    pass


@pytest.fixture(params=["queued", "blocking"])
def router(request, tmp_path):
    configure(
        {
            "gateway": {"state": str(tmp_path), "durability": "fast", "lease": "1s", "router": request.param},
            "modem": {"mtn": {"port": "virtual"}},
            "backend": {"web": {"class": "gateway.testing:MockBackend", "retries": 0}},
        }
    )
    yield get_router()
    api.adopt(None)


def to(backend="web"):
    return lookup_connections(backend, ["+1"])


def noted(router):
    """How many changes wait to be told."""
    with router.session.store.read() as c:
        return c.exec_driver_sql("SELECT count(*) FROM change").scalar()


def test_apps_hear_of_each_change_once(router):
    told, also = router.add_app(Told), router.add_app(Also)
    router.add_app(Deaf)
    message = send("hello", to())
    router.drain()
    assert router.report(message.id, "+1", "delivered")
    router.drain()
    router.drain()
    assert told.heard == also.heard == [(message.id, "sent", None), (message.id, "delivered", None)]
    assert noted(router) == 0


def test_an_app_that_raises_keeps_nobody_else_from_hearing(router):
    router.add_app(Told)
    also = router.add_app(Also)
    message = send("hello", to())
    router.drain()
    router.report(message.id, "+1", "failed", "raise")
    router.drain()
    assert also.heard[-1] == (message.id, "failed", "raise")


def test_verbs_are_changes_and_what_never_changed_is_none(router):
    told = router.add_app(Told)
    message = send("hello", to("mtn"))
    message.hold()
    message.cancel()
    receive("hi", to()[0])
    router.drain()
    assert told.heard == [(message.id, "held", None), (message.id, "cancelled", "cancelled by a person")] or [
        status for _, status, _ in told.heard
    ] == ["held", "cancelled"]


def test_nothing_is_noted_while_nobody_wants_to_hear(router):
    router.add_app(Deaf)
    send("hello", to())
    router.drain()
    assert noted(router) == 0


def test_listeners_hear_from_their_first_call_on(router):
    send("before", to())
    router.drain()
    assert list(listen("crm", statuses=True, timeout=0)) == []
    message = send("after", to())
    router.drain()
    router.report(message.id, "+1", "delivered")
    heard = list(listen("crm", statuses=True, timeout=0))
    assert [(each.message_id, str(each.status)) for each in heard] == [(message.id, "sent"), (message.id, "delivered")]
    assert heard[0].connection.identity == "+1"
    assert list(listen("crm", statuses=True, timeout=0)) == []


def test_a_change_that_was_not_acknowledged_comes_again(router):
    reader = listen("crm", statuses=True, timeout=0)
    message = send("hello", to("mtn"))
    message.hold()
    message.release()
    assert str(next(reader).status) == "held"
    reader.close()
    assert [str(each.status) for each in listen("crm", statuses=True, timeout=0)] == ["held", "queued"]


def test_one_backend_only(router):
    list(listen("crm", statuses=True, timeout=0, backend="mtn"))
    send("web", to())
    router.drain()
    send("mtn", to("mtn")).hold()
    assert [str(each.status) for each in listen("crm", statuses=True, timeout=0, backend="mtn")] == ["held"]
    assert noted(router) == 0


def test_a_name_is_for_messages_or_for_statuses(router):
    list(listen("a", timeout=0))
    with pytest.raises(ValueError, match="'a' listens to messages already"):
        listen("a", statuses=True)
    list(listen("b", statuses=True, timeout=0))
    with pytest.raises(ValueError, match="'b' listens to statuses already"):
        list(listen("b", timeout=0))


def test_a_listener_can_be_forgotten(router):
    list(listen("crm", statuses=True, timeout=0))
    send("x", to("mtn")).hold()
    assert noted(router) == 1
    assert forget_listener("crm")
    assert noted(router) == 0
    assert not forget_listener("crm")
    send("y", to("mtn")).hold()
    assert noted(router) == 0


def test_asyncio(router):
    list(listen("crm", statuses=True, timeout=0))
    send("x", to("mtn")).hold()

    async def hear():
        return [str(each.status) async for each in alisten("crm", statuses=True, timeout=0)]

    assert asyncio.run(hear()) == ["held"]


def test_what_a_dead_reader_was_given_is_given_again(router):
    store = router.session.store
    list(listen("crm", statuses=True, timeout=0))
    send("x", to("mtn")).hold()
    dead = router.session.start_epoch("listen")
    assert len(store.write(lambda c: changes.take(c, "crm", dead, 10, 1))) == 1
    assert list(listen("crm", statuses=True, timeout=0)) == []
    router.session.end_epoch(dead)
    assert [str(each.status) for each in listen("crm", statuses=True, timeout=0)] == ["held"]
