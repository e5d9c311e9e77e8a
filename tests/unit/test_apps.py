"""The apps that are shipped, and how apps are found."""

import pytest

from gateway import App, ConfigurationError, ErrorMessage, KeywordHandler, config, lookup_connections, receive, send
from gateway.apps import loading
from gateway.testing import create_connection, run_script


class Yes(KeywordHandler):
    keyword = "yes"

    def handle(self, text):
        self.respond(f"yes {text}")

    def help(self):
        self.respond("yes?")


class Raises(KeywordHandler):
    keyword = "raise"

    def help(self):
        raise RuntimeError("in here")


@pytest.fixture
def apps(gateway_router):
    """Add apps with their options, as the config does."""

    def add(path, **options):
        gateway_router.add_app(path, options)

    return add


def test_echo_and_ping(apps):
    apps("gateway.apps.echo")
    run_script("1 > ECHO: Hello  there\n1 < Hello  there\n1 > ping\n1 < pong\n1 > Ping")
    run_script("1 > echo\n1 < To echo some text, send: ECHO <ANYTHING>")


def test_the_default_answers_what_nobody_handled(apps, gateway_router):
    apps("gateway.apps.echo")
    apps("gateway.apps.default", response="100% sorry {you}")
    run_script("1 > ping\n1 < pong\n1 > what\n1 < 100% sorry {you}")
    assert type(gateway_router.outbound[-1]) is ErrorMessage


def test_an_empty_default_is_silent(apps):
    apps("gateway.apps.default", response="")
    run_script("1 > what")


def test_the_default_has_a_default(apps):
    apps("gateway.apps.default")
    run_script("1 > what\n1 < Sorry, we didn't understand your message. Please try again.")


def test_handlers_by_their_paths(apps):
    apps("gateway.apps.handlers", handlers=[f"{__name__}.Yes", f"{__name__}:Raises"])
    run_script("1 > yes sir\n1 < yes sir\n1 > no")
    with pytest.raises(RuntimeError) as caught:
        run_script("1 > raise")
    assert "Raises" in caught.value.__notes__[0]


def test_registration_and_language(apps):
    apps("gateway.apps.registration", languages={"en": "English", "sw": "Swahili"})
    run_script(
        """
        1 > language sw
        1 < You must JOIN or IDENTIFY yourself before you can set your language preference.
        1 > join
        1 < To register, send JOIN <NAME>
        1 > REG Ann
        1 < Thank you for registering, as Ann!
        1 > lang SWAHILI
        1 < I will speak to you in Swahili.
        1 > lang xx
        1 < Sorry, I don't speak "xx".
        1 > registration office
        """
    )
    (connection,) = lookup_connections("mockbackend", ["1"])
    assert (connection.contact.name, connection.contact.language) == ("Ann", "sw")
    run_script("1 > register Anne\n1 < Thank you for registering, as Anne!")
    (again,) = lookup_connections("mockbackend", ["1"])
    assert (again.contact.id, again.contact.name) == (connection.contact.id, "Anne")


def test_the_message_log_has_one_entry_for_each_recipient(apps, gateway_router):
    apps("gateway.apps.echo")
    apps("gateway.apps.messagelog")
    receive("ping", create_connection({"identity": "5"}))
    entries = gateway_router.get_app("messagelog").entries(identity="5")
    assert [(each.direction, each.text, each.status) for each in entries] == [
        ("in", "ping", "handled"),
        ("out", "pong", "sent"),
    ]


def test_who_says_stop_gets_no_more_messages(apps, gateway_router, mock_backend):
    apps("gateway.apps.optout", stopped="bye", started="")
    apps("gateway.apps.echo")
    run_script("1 > ping\n1 < pong\n1 > Stop!\n1 < bye\n1 > stop it\n")
    mock_backend.clear_sent_messages()
    (gone, other) = lookup_connections("mockbackend", ["1", "2"])
    message = send("news", [gone, other])
    assert [str(each.status) for each in message.transmissions] == ["cancelled", "sent"]
    assert message.errors == ["the recipient has opted out"]
    assert message.status == "sent"
    assert mock_backend.sent_messages[0]["identities"] == ["2"]
    run_script("1 > START")
    assert send("news", gone).status == "sent"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no.such.app", "No module named"),
        ("gateway.apps.base:Nothing", "not an App"),
        ("gateway.errors", "exactly one App, gateway.errors holds none"),
        ("json", "holds none"),
    ],
)
def test_an_app_that_isnt_there(path, said):
    with pytest.raises(ConfigurationError, match=said):
        loading.find(path)


def test_a_package_has_its_app_in_the_module_app(tmp_path, monkeypatch):
    package = tmp_path / "clinic_for_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text("from gateway import App\n\nclass Clinic(App):\n    pass\n")
    (package / "two.py").write_text("from gateway import App\n\nclass A(App):\n    pass\n\nclass B(App):\n    pass\n")
    (package / "broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert loading.find("clinic_for_test").name == "clinic_for_test"
    assert loading.find("clinic_for_test.app") is loading.find("clinic_for_test")
    assert loading.find("clinic_for_test.two:B").name == "two"
    with pytest.raises(ConfigurationError, match="holds A, B"):
        loading.find("clinic_for_test.two")
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        loading.find("clinic_for_test.broken")


def test_faults_for_check():
    made = config.from_mapping(
        {
            "gateway": {"apps": ["gateway.apps.echo", "no.such"]},
            "app": {"echo": {"nonsense": 1}},
        }
    )
    first, second = loading.faults(made, made.gateway.apps)
    assert first.path == "gateway.apps[0]"
    assert "nonsense" in first.message
    assert second.path == "gateway.apps[1]"
    typo = config.from_mapping({"gateway": {"apps": ["gateway.apps.echo"]}, "app": {"ecko": {"a": 1}}})
    assert [fault.path for fault in loading.faults(typo, typo.gateway.apps)] == ["app.ecko"]


def test_options_reach_the_app():
    class Mine(App):
        def configure(self, *, limit=1):
            self.limit = limit

    app = loading.build(Mine, None, {"limit": 5})
    assert (app.limit, app.options) == (5, {"limit": 5})
    with pytest.raises(ConfigurationError, match="limt"):
        loading.build(Mine, None, {"limt": 5})
