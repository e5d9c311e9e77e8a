"""Applications written for RapidSMS, as its manual shows them, with nothing changed but the imports."""

import pytest

from gateway import App as AppBase
from gateway import BaseHandler, KeywordHandler, PatternHandler, get_router, lookup_connections, receive, send
from gateway.apps.handlers import HandlersApp
from gateway.testing import run_script

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")


class HelpHandler(KeywordHandler):
    keyword = "help"

    def help(self):
        self.respond("Allowed commands are AAA, BBB, and CCC. Send HELP <command> for more help.")

    def handle(self, text):
        text = text.strip().lower()
        if text == "aaa":
            self.respond("AAA is a command.")
        else:
            self.help()


class SumHandler(PatternHandler):
    pattern = r"^(\d+) plus (\d+)$"

    def handle(self, a, b):
        a, b = int(a), int(b)
        self.respond("%d+%d = %d" % (a, b, a + b))  # noqa: UP031 - as it was


class ShoutHandler(BaseHandler):
    @classmethod
    def dispatch(cls, router, msg):
        if not msg.text.isupper():
            return False
        msg.error("Please do not shout, %s." % msg.connections[0].identity)  # noqa: UP031 - as it was
        return True


class OldHandlers(HandlersApp):
    handlers = (HelpHandler, SumHandler, ShoutHandler)


class PingPong(AppBase):
    def handle(self, msg):
        if msg.text == "ping":
            msg.respond("pong")
            return True
        return False


class EndConversation(AppBase):
    """Answers by a backend and identity, through the top-level send()."""

    def filter(self, msg):
        return msg.connections[0].identity == "+666"

    def parse(self, msg):
        msg.words = msg.text.split()

    def cleanup(self, msg):
        if msg.responses and len(msg.words) > 3:
            msg.responses[0]["text"] += "!"

    def outgoing(self, msg):
        return not msg.text.startswith("secret")


@pytest.fixture
def moved(gateway_router):
    for app in (PingPong, OldHandlers, EndConversation):
        gateway_router.add_app(app)
    return gateway_router


def test_a_conversation(moved):
    run_script("""
        +254700000001 > ping
        +254700000001 < pong
        +254700000001 > help
        +254700000001 < Allowed commands are AAA, BBB, and CCC. Send HELP <command> for more help.
        +254700000001 > help aaa
        +254700000001 < AAA is a command.
        +254700000001 > 3 plus 4
        +254700000001 < 3+4 = 7
        +254700000001 > WHAT IS IT NOW
        +254700000001 < Please do not shout, +254700000001.!
        +666 > ping
    """)


def test_the_functions_and_their_effects(moved):
    connections = lookup_connections("mockbackend", ["+1", "+2"])
    message = send("hello", connections)
    assert [each.identity for each in message.connections] == ["+1", "+2"]
    assert send("secret plan", connections).status == "cancelled"
    assert receive("ping", connections[0]).handled is True
    assert get_router().outbound[0].text == "hello"


@pytest.mark.parametrize(("old", "new"), [("connection", 0), ("contact", None), ("peer", "+1")])
def test_older_reads_work_and_warn(moved, old, new):
    message = receive("ping", lookup_connections("mockbackend", "+1")[0])
    with pytest.warns(DeprecationWarning, match=rf"message\.{old} is deprecated; write message\.connections\[0\]"):
        found = getattr(message, old)
    assert found == (message.connections[0] if new == 0 else new)
    with pytest.warns(DeprecationWarning):
        assert getattr(moved.new_outgoing_message("nobody", []), old) is None
