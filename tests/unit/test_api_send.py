"""send(): what is checked, what is stored, what comes back."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway import (
    App,
    ConfigurationError,
    Connection,
    ErrorMessage,
    GatewayError,
    OutgoingMessage,
    StoreError,
    configure,
    get_message,
    get_router,
    lookup_connections,
    messages,
    send,
    set_router,
)


@pytest.fixture(autouse=True)
def gateway(tmp_path):
    from gateway import api

    configure(mapping(tmp_path))
    yield
    api.adopt(None)


def mapping(tmp_path, **gateway):
    return {
        "gateway": {"state": str(tmp_path / "state"), "durability": "fast", "region": "KE", **gateway},
        "modem": {"mtn": {"port": "virtual"}},
    }


@pytest.fixture
def connection():
    return lookup_connections("mtn", ["+254700000001"])[0]


def stored():
    return [message.text for message in messages()]


def test_a_message_is_stored_queued_when_send_returns(connection):
    message = send("hello", [connection], fields={"a": [1, None]}, priority=5)
    assert message.status == "queued"
    assert message.processed
    (transmission,) = message.transmissions
    assert (transmission.status, transmission.parts, transmission.encoding) == ("queued", 1, "gsm7")
    assert transmission.connection == connection
    again = get_message(message.id)
    assert (again.text, again.fields, again.priority, again.status) == ("hello", {"a": [1, None]}, 5, "queued")
    assert again.created_at.tzinfo is UTC


def test_lookup_keeps_order_and_reads_numbers(connection):
    found = lookup_connections("mtn", ["22141", "0700000001", 22141, "Bob"])
    assert [each.identity for each in found] == ["22141", "+254700000001", "22141", "Bob"]
    assert found[1] == connection
    assert found[0] == found[2]
    assert [each.identity for each in lookup_connections("mtn", "Bob")] == ["Bob"]
    assert lookup_connections("mtn", []) == []
    assert lookup_connections(connection.backend, [connection.identity]) == [connection]


@pytest.mark.parametrize(
    ("backend", "identities"), [(None, ["1"]), (5, ["1"]), ("mtn", [None]), ("mtn", [1.5]), ("mtn", None)]
)
def test_lookup_of_nonsense_is_a_type_error(backend, identities):
    with pytest.raises(TypeError):
        lookup_connections(backend, identities)


@pytest.mark.parametrize("identity", ["", "a\0b", "x" * 101, "\ud800"])
def test_an_identity_that_cant_be_stored_is_a_value_error(identity):
    with pytest.raises(ValueError, match="identity"):
        lookup_connections("mtn", [identity])


@pytest.mark.parametrize("text", [None, 5, b"x"])
def test_a_text_that_is_none_is_a_type_error(text, connection):
    with pytest.raises(TypeError, match="must be a str"):
        send(text, connection)
    assert stored() == []


@pytest.mark.parametrize(
    ("text", "named"), [("a\0b", "NUL"), ("a\ud800", "U\\+D800"), ("x" * 39016, "parts"), ("\u0416" * 17086, "parts")]
)
def test_a_text_that_cant_be_sent_is_a_value_error(text, named, connection):
    with pytest.raises(ValueError, match=named):
        send(text, connection)
    assert stored() == []


def test_255_parts_are_the_most(connection):
    assert send("x" * 39015, connection).transmissions[0].parts == 255


def test_an_empty_text_is_sent(connection):
    assert send("", connection).transmissions[0].parts == 1


@pytest.mark.parametrize("connections", [None, "mtn", 5, [None], ["+254"], b"x"])
def test_connections_that_are_none_are_a_type_error(connections):
    with pytest.raises(TypeError, match="Connection"):
        send("hi", connections)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"at": 5}, ValueError),
        ({"at": datetime.now()}, ValueError),  # noqa: DTZ005 - naive on purpose
        ({"at": "2026-01-01T00:00:00Z"}, ValueError),
        ({"expires": 60}, ValueError),
        ({"expires": timedelta.max}, ValueError),
        ({"priority": 101}, ValueError),
        ({"priority": "high"}, TypeError),
        ({"priority": True}, TypeError),
        ({"encoding": "utf8"}, ValueError),
        ({"on_unknown": "panic"}, ValueError),
        ({"key": ""}, ValueError),
        ({"key": 5}, ValueError),
        ({"fields": {"a": object()}}, TypeError),
        ({"fields": {1: 2}}, TypeError),
        ({"nonsense": 1}, TypeError),
    ],
)
def test_options_are_checked_before_anything_is_stored(options, error, connection):
    with pytest.raises(error):
        send("hi", connection, **options)
    assert stored() == []


def test_times_are_kept(connection):
    at = datetime(2030, 1, 1, tzinfo=UTC)
    message = send("hi", connection, at=at, expires=timedelta(days=3650))
    assert message.transmissions[0].due_at == at
    later = send("hi", connection, at=timedelta(hours=1))
    assert timedelta(minutes=59) < later.transmissions[0].due_at - datetime.now(UTC) <= timedelta(hours=1)


def test_one_recipient_gets_one_message_unless_told_otherwise(connection):
    other = lookup_connections("mtn", ["22141"])[0]
    message = send("hi", [connection, other, connection])
    assert [each.connection for each in message.transmissions] == [connection, other]
    assert len(send("hi", [connection, connection], dedupe=False).transmissions) == 2


def test_recipients_may_come_one_by_one(connection):
    assert len(send("hi", connection).transmissions) == 1
    assert len(send("hi", (each for each in [connection])).transmissions) == 1


def test_no_recipients_store_nothing():
    message = send("hi", [])
    assert message.status is None
    assert message.processed
    assert message.transmissions == ()
    assert stored() == []


def test_a_key_gives_the_first_message(connection):
    first = send("hi", connection, key="k")
    again = send("hi", connection, key="k")
    assert again.id == first.id
    assert again.status == "queued"
    assert stored() == ["hi"]


@pytest.mark.parametrize("text", ["other", "hi"])
def test_a_key_with_another_message_is_an_error_that_names_the_first(text, connection):
    first = send("hi", connection, key="k")
    with pytest.raises(GatewayError, match=first.id):
        send(text, lookup_connections("mtn", ["22141"]) if text == "hi" else connection, key="k")
    assert stored() == ["hi"]


def test_a_message_to_an_unknown_backend_fails_and_names_it():
    message = send("hi", lookup_connections("nowhere", ["1"]))
    assert message.status == "failed"
    assert "nowhere" in message.errors[0]


def test_no_route_fails():
    message = send("hi", lookup_connections("auto", ["+254700000001"]))
    assert message.status == "failed"
    assert "no route" in message.errors[0]


def test_raise_on_error_names_the_identities(connection):
    from gateway import MessageSendingError

    bad = lookup_connections("nowhere", ["1"])[0]
    with pytest.raises(MessageSendingError) as caught:
        send("hi", [connection, bad], raise_on_error=True)
    assert caught.value.failed_identities == ["1"]
    assert [str(each.status) for each in messages(limit=2)[0].transmissions] == ["queued", "failed"]
    assert send("hi", connection, raise_on_error=True).status == "queued"


def test_a_message_is_changed_by_its_verbs(connection):
    message = send("hi", connection)
    assert message.hold() == 1
    assert message.transmissions[0].status == "held"
    assert message.release() == 1
    assert message.cancel() == 1
    assert message.status == "cancelled"
    assert message.cancel() == 0
    assert message.resend() == 1
    assert message.status == "queued"
    with pytest.raises(GatewayError, match="no message"):
        send("x", []).cancel()


class Shout(App):
    def outgoing(self, msg):
        msg.text = msg.text.upper()
        msg.fields["seen"] = True


class Veto(App):
    name = "veto"

    def outgoing(self, msg):
        return False if "secret" in msg.text else None


class Spoil(App):
    def outgoing(self, msg):
        msg.text = "\0"


def test_an_app_changes_what_goes_out(connection):
    get_router().add_app(Shout)
    message = send("hi", connection)
    assert (message.text, message.raw_text) == ("HI", "hi")
    assert get_message(message.id).text == "HI"
    assert get_message(message.id).fields == {"seen": True}


def test_an_app_cancels_and_is_named(connection):
    get_router().add_app(Veto)
    message = send("a secret", connection)
    assert message.status == "cancelled"
    assert not message.processed
    assert message.errors == ["cancelled by the app veto"]
    assert get_message(message.id).status == "cancelled"


def test_what_an_app_leaves_is_checked_too(connection):
    get_router().add_app(Spoil)
    with pytest.raises(ValueError, match="NUL"):
        send("hi", connection)
    assert stored() == []


def test_the_class_and_the_id_are_mine(connection):
    class Mine(OutgoingMessage):
        pass

    message = send("hi", connection, class_=Mine, id_="mine-1")
    assert type(message) is Mine
    assert message.id == "mine-1"
    assert get_message("mine-1").text == "hi"
    error = send("no", connection, class_=ErrorMessage)
    assert type(get_message(error.id)) is ErrorMessage


def test_a_built_message_sends_itself(connection):
    message = get_router().new_outgoing_message("hi", [connection], fields={"a": 1}, id_="one")
    assert message.status is None
    assert message.send() is message
    assert message.status == "queued"
    assert get_message("one").fields == {"a": 1}


def test_wait_gives_up_in_time(connection):
    message = send("hi", connection)
    assert message.wait(timeout=0.01).status == "queued"
    message.cancel()
    assert message.wait(timeout=5).status == "cancelled"


def test_messages_are_filtered_and_paged(connection):
    other = lookup_connections("mtn", ["22141"])[0]
    for text in "abc":
        send(text, [connection, other])
    assert [each.text for each in messages(identity="22141")] == ["a", "b", "c"]
    assert [each.text for each in messages(limit=2)] == ["c"]
    page = messages(after=0, limit=2)
    assert [each.text for each in page] == ["a"]
    assert [each.text for each in messages(after=page[-1].transmissions[-1].id)] == ["b", "c"]
    assert messages(direction="in") == []
    assert messages(status="sent") == []
    with pytest.raises(ValueError, match="sideways"):
        messages(direction="sideways")


def test_configure_closes_what_was_before(connection, tmp_path):
    before = get_router()
    message = send("hi", connection)
    configure(mapping(tmp_path, state=str(tmp_path / "other")))
    assert get_router() is not before
    assert messages() == []
    with pytest.raises(StoreError):
        message.refresh()


def test_a_faulty_config_is_raised_and_changes_nothing(connection, tmp_path):
    send("hi", connection)
    for router in ("no.such:Router", "gateway.api:send", "gateway.router:Nothing"):
        with pytest.raises(ConfigurationError, match="router"):
            configure(mapping(tmp_path, router=router))
    with pytest.raises(ConfigurationError):
        configure({"gateway": {"no_such_key": 1}})
    with pytest.raises(ConfigurationError, match="no_such_module"):
        configure({**mapping(tmp_path), "backend": {"web": {"class": "no_such_module:Backend"}}})
    assert stored() == ["hi"]


def test_set_router_none_makes_a_new_one():
    before = get_router()
    assert get_router() is before
    set_router(None)
    assert get_router() is not before


def test_a_stored_connection_is_a_plain_value(connection):
    assert isinstance(connection, Connection)
    assert str(connection) == "+254700000001 via mtn"
