"""Routers: what is stored, run and called, in the blocking and the queued way."""

import pytest

from gateway import (
    App,
    BackendBase,
    BlockingRouter,
    ConfigurationError,
    ErrorMessage,
    GatewayError,
    IncomingMessage,
    MessageSendingError,
    OutgoingMessage,
    QueuedRouter,
    api,
    configure,
    get_message,
    get_router,
    lookup_connections,
    messages,
    receive,
    send,
    set_router,
)
from gateway.testing import MockBackend


class Web(BackendBase):
    """Says yes, unless told otherwise by ``plan``: one entry for each call."""

    def configure(self, **config):
        self.config = config
        self.calls = []
        self.plan = []

    def send(self, id_, text, identities, context):
        self.calls.append((id_, text, identities, context))
        step = self.plan.pop(0) if self.plan else None
        if step is not None:
            raise step


class PartlyError(Exception):
    def __init__(self, *failed):
        super().__init__("partly")
        self.failed_identities = list(failed)


class Answer(App):
    name = "answer"

    def handle(self, msg):
        if msg.text == "raise":
            msg.respond("never sent")
            raise ValueError("no such luck")
        if msg.text == "bad answer":
            msg.respond("\0")
        msg.respond(f"you said {msg.text}", fields={"n": 1})
        return True


class Drop(App):
    def filter(self, msg):
        if msg.text == "spam":
            msg.respond("you are blocked")
            return True
        return None


class Edit(App):
    def cleanup(self, msg):
        for response in msg.responses:
            response["text"] += "!"


APPS = [Drop, Answer, Edit]


@pytest.fixture(params=["blocking", "queued"])
def router(request, tmp_path):
    yield from started(tmp_path, request.param)


@pytest.fixture
def queued(tmp_path):
    yield from started(tmp_path, "queued")


@pytest.fixture
def blocking(tmp_path):
    yield from started(tmp_path, "blocking")


def started(tmp_path, kind, **backend):
    path = f"{__name__}:Web"
    configure(
        {
            "gateway": {"state": str(tmp_path / "state"), "durability": "fast", "router": kind, "lease": "1s"},
            "backend": {"web": {"class": path, "retry_delay": "0s", "retries": 2, "URL": "x", **backend}},
        }
    )
    for app in APPS:
        get_router().add_app(app)
    yield get_router()
    api.adopt(None)


@pytest.fixture
def connection(request):
    return lookup_connections("web", ["+1"])[0]


def web():
    return get_router().backends["web"]


def out():
    return [(each.text, str(each.status)) for each in messages(direction="out")]


def test_a_message_is_run_answered_and_linked(router, connection):
    message = receive("hi", connection, fields={"external_id": "e1"})
    router.drain()
    message.refresh()
    assert message.status == "handled"
    assert out() == [("you said hi!", "sent")]
    (answer,) = messages(direction="out")
    assert answer.in_response_to.id == message.id
    assert answer.fields == {"n": 1}
    ((id_, text, identities, context),) = web().calls
    assert (id_, text, identities) == (answer.id, "you said hi!", ["+1"])
    assert context == {"fields": {"n": 1}, "in_response_to": message.id, "external_id": "e1"}


def test_blocking_runs_all_before_receive_returns(blocking, connection):
    message = receive("hi", connection)
    assert message.handled
    assert message.status == "handled"
    assert [response["text"] for response in message.responses] == ["you said hi!"]
    assert out() == [("you said hi!", "sent")]


def test_queued_only_stores(queued, connection):
    message = receive("hi", connection)
    assert message.status == "received"
    assert not message.handled
    sent = send("x", connection)
    assert sent.status == "queued"
    assert web().calls == []
    assert queued.drain() == 3
    assert queued.drain() == 0
    assert message.refresh().status == "handled"
    assert sent.refresh().status == "sent"
    assert sent.sent_at is not None


def test_what_an_app_raises_comes_out_of_a_blocking_receive(blocking, connection):
    with pytest.raises(ValueError, match="no such luck"):
        receive("raise", connection)
    (kept,) = messages()
    assert (kept.text, kept.status) == ("raise", "failed")
    assert "answer" in kept.errors[0]
    assert "no such luck" in kept.errors[0]


def test_what_an_app_raises_fails_its_message_only(queued, connection):
    bad, good = receive("raise", connection), receive("hi", connection)
    queued.drain()
    assert bad.refresh().status == "failed"
    assert bad.errors == ["the app answer raised ValueError: no such luck"]
    assert good.refresh().status == "handled"
    assert out() == [("you said hi!", "sent")]


def test_an_answer_that_cant_be_sent_fails_the_message_and_nothing_is_sent(queued, connection):
    message = receive("bad answer", connection)
    queued.drain()
    assert message.refresh().status == "failed"
    assert "NUL" in message.errors[0]
    assert out() == []


def test_a_filtered_message_is_kept_and_its_answers_are_sent(router, connection):
    message = receive("spam", connection)
    router.drain()
    assert message.refresh().status == "handled"
    assert out() == [("you are blocked", "sent")]


def test_the_text_that_is_stored_is_the_text_as_received(router, connection):
    class Change(App):
        def parse(self, msg):
            msg.text = msg.text.upper()
            msg.fields["parsed"] = True
            msg.fields["object"] = object()

    router.add_app(Change)
    message = receive("hi", connection)
    router.drain()
    stored = get_message(message.id)
    assert stored.text == "hi"
    assert stored.fields == {"parsed": True}
    assert out() == [("you said HI!", "sent")]


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "a\ufffdb"), ("\ud800x", "\ufffdx"), ("", ""), ("😀", "😀")])
def test_received_text_is_never_refused(queued, connection, text, kept):
    assert get_message(receive(text, connection).id).text == kept


@pytest.mark.parametrize("text", [None, 5, b"x"])
def test_a_received_text_that_is_none_is_a_type_error(queued, connection, text):
    with pytest.raises(TypeError):
        receive(text, connection)
    assert messages() == []


def test_a_message_comes_from_one_connection(queued, connection):
    assert receive("hi", [connection]).connections == [connection]
    for many in ([], [connection, connection], None, "web", [None], 5):
        with pytest.raises(TypeError):
            receive("hi", many)


def test_identities_that_failed_are_tried_again_and_others_not(queued):
    connections = lookup_connections("web", ["1", "2", "3"])
    message = send("hi", connections)
    web().plan = [MessageSendingError(failed_identities=["2"]), PartlyError("2")]
    queued.drain()
    assert [call[2] for call in web().calls] == [["1", "2", "3"], ["2"], ["2"]]
    assert message.refresh().status == "sent"
    assert message.errors == []


def test_after_the_retries_it_fails_with_the_reason(queued):
    message = send("hi", lookup_connections("web", ["1", "2"]))
    web().plan = [RuntimeError("down"), MessageSendingError(failed_identities=["1"]), RuntimeError("still down")]
    queued.drain()
    assert [call[2] for call in web().calls] == [["1", "2"], ["1", "2"], ["1"]]
    first, second = message.refresh().transmissions
    assert (first.status, second.status) == ("failed", "sent")
    assert "still down" in first.error
    assert message.status == "failed"


def test_a_blocking_send_calls_the_backend_and_never_raises_unless_asked(tmp_path):
    for _ in started(tmp_path, "blocking", retries=0):
        connections = lookup_connections("web", ["1", "2"])
        web().plan = [RuntimeError("down"), PartlyError("2")]
        message = send("hi", connections)
        assert message.status == "failed"
        assert "down" in message.errors[0]
        with pytest.raises(MessageSendingError) as caught:
            send("hi", connections, raise_on_error=True)
        assert caught.value.failed_identities == ["2"]
        assert send("hi", connections, raise_on_error=True).status == "sent"


def test_batches_are_of_one_message(tmp_path):
    for router in started(tmp_path, "queued", batch=2):
        first = send("one", lookup_connections("web", ["1", "2", "3"]))
        second = send("two", lookup_connections("web", ["4"]))
        router.drain()
        assert [(call[0], call[2]) for call in web().calls] == [
            (first.id, ["1", "2"]),
            (first.id, ["3"]),
            (second.id, ["4"]),
        ]


def test_a_backend_gets_its_keys_in_lower_case(queued):
    assert web().config == {"url": "x"}
    assert queued.add_backend("more", Web, {"KEY": 1}).config == {"key": 1}
    with pytest.raises(ConfigurationError):
        queued.add_backend("bad", "no.such:Thing")
    with pytest.raises(ConfigurationError):
        queued.add_backend("bad", App)


def test_a_receipt_is_handed_in(queued):
    message = send("hi", lookup_connections("web", ["1", "2"]))
    queued.drain()
    assert queued.report(message.id, "1", "delivered")
    assert not queued.report(message.id, "1", "delivered")
    assert message.refresh().status == "sent"
    assert queued.report(message.id, "2", "failed", "barred")
    assert message.refresh().errors == ["barred"]
    assert message.transmissions[0].delivered_at is not None
    with pytest.raises(GatewayError, match="nobody"):
        queued.report(message.id, "nobody", "delivered")
    with pytest.raises(ValueError, match="maybe"):
        queued.report(message.id, "1", "maybe")


def test_a_class_of_its_own_adds_to_the_context_over_the_queue(router, connection):
    class Priced(OutgoingMessage):
        def extra_backend_context(self):
            return {**super().extra_backend_context(), "price": 5}

    message = send("hi", connection, class_=Priced, fields={"a": 1})
    router.drain()
    assert web().calls[-1][3] == {"fields": {"a": 1}, "price": 5}
    assert get_message(message.id).fields == {"a": 1}


def test_errors_are_error_messages(router, connection):
    class Refuse(App):
        def default(self, msg):
            msg.error("what?")

    router.apps[:] = [Refuse(router)]
    receive("hi", connection)
    router.drain()
    (answer,) = messages(direction="out")
    assert type(answer) is ErrorMessage


def test_responses_go_elsewhere_and_later_when_told(router, connection):
    other = lookup_connections("web", ["+2"])

    class Elsewhere(App):
        def handle(self, msg):
            msg.respond("psst", connections=other, priority=3)
            return True

    router.apps[:] = [Elsewhere(router)]
    receive("hi", connection)
    router.drain()
    assert web().calls[-1][2] == ["+2"]


def test_a_router_builds_classes_of_its_own(queued, connection):
    class Mine(IncomingMessage):
        pass

    seen = []

    class MyRouter(QueuedRouter):
        def new_incoming_message(self, text, connections, class_=Mine, **kwargs):
            return super().new_incoming_message(text, connections, class_, **kwargs)

        def process_incoming_phases(self, msg):
            seen.append(type(msg))
            msg.respond("kept back")
            return False

    set_router(MyRouter())
    receive("hi", connection)
    get_router().drain()
    assert seen == [Mine]
    assert out() == []


def test_apps_and_backends_may_be_given(queued):
    router = BlockingRouter(apps=[Answer], backends={"m": MockBackend, "w": {"class": Web, "retries": 0, "Key": 1}})
    set_router(router)
    assert [app.name for app in router.apps] == ["answer"]
    assert router.get_app(Answer) is router.get_app("answer")
    assert router.backends["w"].config == {"key": 1}
    receive("hi", lookup_connections("m", ["1"])[0])
    assert router.backends["m"].sent_messages[0]["text"] == "you said hi"
    with pytest.raises(KeyError):
        router.get_app("nobody")
    with pytest.raises(TypeError):
        router.add_app(int)
    with pytest.raises(ConfigurationError):
        BlockingRouter(backends={"bad": "no.such:Thing"})


def test_an_app_that_cant_be_loaded_is_left_out_and_named(queued):
    router = QueuedRouter(apps=["no.such.app", "gateway.apps.echo", f"{__name__}"])
    assert [app.name for app in router.apps] == ["echo"]
    assert set(router.missing_apps) == {"no.such.app", __name__}


def test_an_app_may_send_and_drain_inside_a_phase(router, connection):
    class Busy(App):
        def handle(self, msg):
            send("from inside", lookup_connections("web", ["+9"]))
            assert get_router().drain() >= 0
            return True

    router.apps[:] = [Busy(router)]
    receive("hi", connection)
    router.drain()
    assert out() == [("from inside", "sent")]


def test_grouping_keeps_the_order(queued, connection):
    other = lookup_connections("m", ["2", "3"])
    message = queued.new_outgoing_message("hi", [other[1], connection, other[0], connection])
    assert queued.group_outgoing_identities(message) == {"m": ["3", "2"], "web": ["+1"]}
    with pytest.raises(MessageSendingError, match="'gone'"):
        queued.send_to_backend("gone", "1", "hi", ["1"])


def test_an_id_that_is_taken_is_a_value_error_and_fails_only_its_message(queued, connection):
    send("one", connection, id_="fixed")
    with pytest.raises(ValueError, match="fixed"):
        send("two", connection, id_="fixed")
    with pytest.raises(ValueError, match="fixed"):
        receive("two", connection, id_="fixed")

    class Fixed(App):
        def handle(self, msg):
            msg.respond("again", id_="fixed")
            return True

    queued.apps[:] = [Fixed(queued)]
    message = receive("hi", connection)
    queued.drain()
    assert message.refresh().status == "failed"
    assert "fixed" in message.errors[0]


def test_a_connection_of_another_database_is_refused(queued, connection, tmp_path):
    for _ in started(tmp_path / "other", "queued"):
        with pytest.raises(ValueError, match="another database"):
            send("hi", connection)


def test_python_backends_have_their_turn_between_many_messages(queued):
    connections = lookup_connections("web", [f"+{i}" for i in range(1, 151)])
    for connection in connections:
        receive("hi", connection)
    seen = []

    class Watch(App):
        def handle(self, msg):
            seen.append(len(web().calls))
            return False

    queued.apps[:] = [Watch(queued), *queued.apps]
    assert queued.drain() == 300
    assert seen[99] == 0
    assert seen[100] == 100


def test_whatever_an_app_raises_can_be_stored(queued, connection, caplog):
    caplog.set_level("CRITICAL")  # the surrogate would stop a runner that carries logs between processes

    class Odd(App):
        name = "odd"

        def handle(self, msg):
            raise ValueError("two\nlines \0 and \ud800 " + "x" * 1000)

    queued.apps[:] = [Odd(queued)]
    message = receive("hi", connection)
    assert queued.drain() == 1
    (error,) = message.refresh().errors
    assert error.startswith("the app odd raised ValueError: two lines \ufffd and \ufffd xxx")
    assert len(error) < 600


def test_an_answer_may_be_a_plain_dict(router, connection):
    class Plain(App):
        def handle(self, msg):
            msg.responses.append({"text": "plain"})

    router.apps[:] = [Plain(router)]
    receive("hi", connection)
    router.drain()
    assert out() == [("plain", "sent")]
