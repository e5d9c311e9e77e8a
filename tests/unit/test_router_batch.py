"""Many messages with one wait for the disk, and still each app run once."""

from functools import partial

import pytest

from gateway import App, StoreError, api, configure, get_message, get_router, lookup_connections, receive, send
from gateway.config import from_mapping
from gateway.router.batch import Batch
from gateway.session import Session, now_ms
from gateway.store import inbox, nodes
from gateway.store.engine import Store
from gateway.store.types import Status


class Seen(App):
    name = "seen"

    def configure(self, *_, **options):
        self.texts = []
        self.act = {}

    def handle(self, msg):
        self.texts.append((msg.text, msg.redelivered))
        self.act.get(msg.text, lambda: None)()
        msg.respond(f"got {msg.text}")


def config(tmp_path):
    return {"gateway": {"state": str(tmp_path), "lease": "1s"}, "modem": {"mtn": {"port": "virtual"}}}


@pytest.fixture
def app(tmp_path):
    configure(config(tmp_path))
    yield get_router().add_app(Seen)
    api.adopt(None)


def put(*texts):
    (connection,) = lookup_connections("mtn", ["+1"])
    return [receive(text, connection) for text in texts]


def other(store):
    return store.write(lambda c: nodes.start(c, "other", "drain", 10**6, now_ms()))


def claimed(store, epoch):
    return [row.text for row in store.write(lambda c: inbox.claim(c, epoch, 100, now_ms()))]


def end(begun, epoch, c):
    if begun is not None:
        assert inbox.finish(c, begun.id, epoch, Status.HANDLED, now_ms())


def test_each_is_run_once_and_answered_in_order(app):
    texts = [str(n) for n in range(250)]
    put(*texts)
    assert get_router().drain() == 250
    assert app.texts == [(text, False) for text in texts]
    answers = api.messages(direction="out", limit=1000)
    assert [each.text for each in answers] == [f"got {text}" for text in texts]
    assert all(answer.in_response_to.text == text for answer, text in zip(answers, texts, strict=True))


def test_what_an_interrupt_kept_from_beginning_is_anybodys_at_once(app):
    put(*map(str, range(40)))

    def interrupt():
        raise KeyboardInterrupt

    app.act["20"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        get_router().drain()
    assert [text for text, _ in app.texts] == [str(n) for n in range(21)]
    store = get_router().session.store
    assert claimed(store, other(store)) == [str(n) for n in range(21, 40)]


def test_a_stop_gives_back_what_has_not_begun(app):
    put(*map(str, range(40)))
    assert get_router().drain(stop=lambda: len(app.texts) >= 10) == 10
    store = get_router().session.store
    assert claimed(store, other(store)) == [str(n) for n in range(10, 40)]


def test_what_another_process_has_taken_over_is_left_to_it(app):
    rows = put(*map(str, range(40)))
    store = get_router().session.store

    def lose():
        taker, epoch = other(store), get_router().session.epoch()
        store.write(lambda c: nodes.end(c, epoch, now_ms()))
        store.write(lambda c: inbox.recover(c, taker, now_ms()))
        assert claimed(store, taker) == [str(n) for n in range(20, 40)]

    app.act["20"] = lose
    get_router().drain()
    assert [text for text, _ in app.texts] == [str(n) for n in range(21)]
    assert [each.status for each in map(get_message, [rows[20].id, rows[21].id])] == ["received", "received"]
    assert [get_message(rows[n].id).redelivered for n in (19, 20, 21)] == [False, True, False]


def test_only_the_ends_of_a_batch_wait_for_the_disk(app):
    put(*map(str, range(7)))
    session = get_router().session
    with session.claiming() as epoch:
        batch, waited, texts = Batch(session.store, epoch), [], []
        while not waited or batch.begun:
            if batch.begun:
                texts.append(batch.begun.text)
            waited.append(batch.step(partial(end, batch.begun, epoch), more=True))
    assert texts == [str(n) for n in range(7)]
    assert waited[0]
    assert waited[-1], "what was last is on the disk when it is over"
    assert claimed(session.store, other(session.store)) == []


def test_no_new_message_is_taken_when_the_disk_is_nearly_full(app, tmp_path):
    (connection,) = lookup_connections("mtn", ["+1"])
    loaded = from_mapping(config(tmp_path))
    store = Store.open(loaded.gateway.database, reserve=1 << 60)
    api.adopt(Session(loaded, store))
    for take in (send, receive):
        with pytest.raises(StoreError, match=r"no new message is taken: the disk .* nearly full"):
            take("hi", connection)
    api.adopt(None)
    store.close()
