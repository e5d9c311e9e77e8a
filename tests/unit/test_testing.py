"""The helpers that users test their apps with."""

import subprocess
import sys

import pytest

from gateway import App, get_router, lookup_connections, receive, send
from gateway.testing import (
    FailedIdentitiesBackend,
    MockApp,
    RaisesBackend,
    TestRouter,
    create_backend,
    create_connection,
    create_contact,
    create_incoming_message,
    create_outgoing_message,
    run_script,
)


def test_the_router_keeps_what_goes_through(gateway_router, mock_backend):
    gateway_router.add_app("gateway.apps.echo")
    connection = create_connection({"identity": "+1"})
    message = receive("echo hi", connection)
    assert gateway_router.inbound == [message]
    assert [each.text for each in gateway_router.outbound] == ["hi"]
    (sent,) = mock_backend.sent_messages
    assert (sent["text"], sent["identities"]) == ("hi", ["+1"])
    mock_backend.clear_sent_messages()
    assert mock_backend.sent_messages == []


def test_phases_can_be_off(gateway_router):
    router = TestRouter([MockApp], disable_phases=True)
    from gateway import set_router

    set_router(router)
    message = receive("hi", create_connection())
    sent = send("ho", create_connection())
    assert (router.inbound, router.outbound) == ([message], [sent])
    assert router.apps[0].calls == []
    assert router.backends["mockbackend"].sent_messages == []


def test_cancelled_messages_are_kept_but_not_sent(gateway_router, mock_backend):
    app = gateway_router.add_app(MockApp)
    app.return_values["outgoing"] = False
    send("hi", create_connection())
    assert [each.text for each in gateway_router.outbound] == ["hi"]
    assert mock_backend.sent_messages == []
    assert [phase for phase, _ in app.calls] == ["outgoing"]


def test_factories_take_what_matters(gateway_router):
    assert create_backend({"name": "b"}).name == "b"
    contact = create_contact({"name": "Ann", "language": "sw"})
    connection = create_connection({"identity": "5", "backend": "b", "contact": contact})
    assert (connection.identity, connection.backend.name, connection.contact.name) == ("5", "b", "Ann")
    assert create_connection() != create_connection()
    incoming = create_incoming_message({"text": "hi", "connection": connection, "fields": {"a": 1}})
    assert (incoming.text, incoming.connections, incoming.fields) == ("hi", [connection], {"a": 1})
    outgoing = create_outgoing_message({"text": "ho"}, backend="b")
    assert outgoing.connections[0].backend.name == "b"
    assert outgoing.send().status == "failed"


def test_backends_that_fail(gateway_router):
    gateway_router.add_backend("raises", RaisesBackend)
    gateway_router.add_backend("some", FailedIdentitiesBackend)
    assert "always raises" in send("x", lookup_connections("raises", ["5"])).errors[0]
    first, second = send("x", lookup_connections("some", ["1", "2"])).transmissions
    assert "have a 1" in first.error
    assert second.status == "sent"


SCRIPT = """
# a talk
+1 > echo hi
+1 < hi

+2@200001010000 > ping
+2 < pong
"""


def test_a_script_is_played(gateway_router):
    gateway_router.add_app("gateway.apps.echo")
    run_script(SCRIPT)
    run_script(SCRIPT)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("1 > echo a\n1 < b", "line 2: 1 < b"),
        ("1 > echo a\n2 < a", "1 < a"),
        ("1 > echo a", "no line of the script takes what went out: 1 < a"),
        ("1 > echo a\n1 < a\n1 < a", "nothing"),
    ],
)
def test_a_script_fails_where_it_goes_another_way(gateway_router, script, said):
    gateway_router.add_app("gateway.apps.echo")
    with pytest.raises(AssertionError, match=said):
        run_script(script)


def test_what_is_left_over_may_be_allowed(gateway_router):
    gateway_router.add_app("gateway.apps.echo")
    run_script("1 > echo a\n1 > echo b\n1 < b", strict=False)


def test_a_script_line_that_is_none_is_named(gateway_router):
    with pytest.raises(ValueError, match="line 2"):
        run_script("1 > hi\nnonsense")


def test_the_fixture_is_of_one_test_only(gateway_router):
    assert gateway_router.apps == []
    assert get_router() is gateway_router


def test_importing_the_plugin_costs_nothing():
    heavy = "sqlalchemy", "pydantic", "gateway.api", "phonenumbers", "gateway.config"
    code = f"import sys; import gateway.testing.fixtures; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_router_of_its_own_uses_no_real_queue(tmp_path):
    (tmp_path / "gateway.toml").write_text('[gateway]\nstate = "real"\n')
    code = (
        "from gateway.testing import TestRouter, create_connection\n"
        "from gateway import set_router, send\n"
        "set_router(TestRouter())\n"
        "print(send('hi', create_connection()).status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert (done.stdout, done.stderr) == ("sent\n", "")
    assert not (tmp_path / "real").exists()


class Counting(App):
    """Apps keep their state as long as the router lives."""

    count = 0

    def handle(self, msg):
        self.count += 1
        msg.respond(str(self.count))
        return True


def test_apps_keep_their_state(gateway_router):
    gateway_router.add_app(Counting)
    run_script("1 > a\n1 < 1\n1 > b\n1 < 2")
