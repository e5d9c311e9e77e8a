"""Autoreply and forward: answers and passing on, by rules of the config alone."""

import pytest

from gateway import App, ConfigurationError, lookup_connections, receive
from gateway.testing import create_connection, create_contact, run_script


class Raises(App):
    def handle(self, msg):
        if msg.text == "raise":
            raise ValueError("no")
        return


def test_autoreply_answers_by_the_first_rule_that_fits(gateway_router):
    rule = [
        {"keyword": "hours|open", "reply": "9 to 5, {number}"},
        {"pattern": r"\bhelp\b", "from": "+254", "reply": "Kenya: call 1"},
        {"pattern": r"\bhelp\b", "reply": "call 2: {text}"},
        {"backend": "other", "reply": "never"},
    ]
    gateway_router.add_app("gateway.apps.autoreply", {"rule": rule})
    gateway_router.add_app("gateway.apps.default", {"response": "what?"})
    run_script("""
        +1 > Hours please
        +1 < 9 to 5, +1
        +254700000001 > please help me
        +254700000001 < Kenya: call 1
        +1 > HELP {number}
        +1 < call 2: HELP {number}
        +1 > openly
        +1 < what?
    """)


def test_a_rule_that_is_not_final_lets_later_apps_answer_too(gateway_router):
    gateway_router.add_app("gateway.apps.autoreply", {"rule": {"reply": "noted", "final": False}})
    gateway_router.add_app("gateway.apps.echo", {})
    run_script("+1 > ping\n+1 < noted\n+1 < pong")


def test_forward_passes_on_to_all_but_the_sender(gateway_router, mock_backend):
    rule = {"keyword": "alarm", "to": ["+1", "+2", "+3"]}
    gateway_router.add_app("gateway.apps.forward", {"rule": rule})
    run_script("+1 > ALARM fire\n+2 < +1: ALARM fire\n+3 < +1: ALARM fire\n+1 > hello")
    ann = create_connection({"identity": "+4", "contact": create_contact({"name": "Ann"})})
    receive("alarm!", ann)
    assert [each["text"] for each in mock_backend.sent_messages] == ["+1: ALARM fire", "Ann: alarm!"]


def test_forward_passes_on_what_another_app_failed(gateway_router, mock_backend):
    gateway_router.add_app("gateway.apps.forward", {"rule": {"to": "+2", "text": "{text} at {time}"}})
    gateway_router.add_app(Raises)
    message = None
    with pytest.raises(ValueError, match="no"):
        message = receive("raise", lookup_connections("mockbackend", ["+1"])[0], id_="m1")
    assert message is None
    (sent,) = mock_backend.sent_messages
    assert sent["text"].startswith("raise at 20")
    assert sent["context"]["in_response_to"] == "m1"


def test_forward_once_even_if_the_message_is_run_again(gateway_router, mock_backend):
    app = gateway_router.add_app("gateway.apps.forward", {"rule": {"to": "+2"}})
    connection = create_connection({"identity": "+1"})
    message = receive("x", connection)
    message.connections = [create_connection({"identity": "+1", "contact": create_contact({"name": "Ann"})})]
    app.cleanup(message)
    assert [each["text"] for each in mock_backend.sent_messages] == ["+1: x"]


@pytest.mark.parametrize(
    ("app", "rule", "fault"),
    [
        ("autoreply", "x", r"\[\[app.autoreply.rule\]\]"),
        ("autoreply", {"reply": ""}, "rule 1: reply must be a string"),
        ("autoreply", [{"reply": "x"}, {"reply": "x", "keywrd": "a"}], "rule 2: unknown key 'keywrd'; did you mean"),
        ("autoreply", {"reply": "x", "pattern": "("}, "rule 1: "),
        ("autoreply", {"reply": "x", "final": "no"}, "rule 1: final must be true or false"),
        ("forward", {"keyword": "x"}, "rule 1: to must name at least one number"),
        ("forward", {"to": "+1", "through": 1}, "rule 1: through and text must be strings"),
        ("forward", {"to": [1]}, "to must be a list of strings"),
    ],
)
def test_faults_of_rules_are_said(gateway_router, app, rule, fault):
    with pytest.raises(ConfigurationError, match=fault):
        gateway_router.add_app(f"gateway.apps.{app}", {"rule": rule})
