"""E-mail out: what is mailed, to whom, and what becomes of it when the server doesn't take it."""

import pytest
from servers import MailServer, serving

from gateway import api, configure, get_router, lookup_connections, messages, receive, send


@pytest.fixture
def mail():
    with serving(MailServer()) as server:
        yield server


def start(tmp_path, smtp_port, **options):
    table = {"host": "127.0.0.1", "port": smtp_port, "tls": "none", "sender": "Gateway <sms@example.com>", **options}
    configure(
        {
            "gateway": {"state": str(tmp_path), "durability": "fast", "apps": ["gateway.apps.email"]},
            "modem": {"mtn": {"port": "virtual"}},
            "app": {"email": table},
        }
    )
    return get_router()


@pytest.fixture(autouse=True)
def closed():
    yield
    api.adopt(None)


def put(text):
    return receive(text, lookup_connections("mtn", ["+254700000001"])[0])


def test_an_incoming_message_is_mailed_to_each_address(tmp_path, mail):
    router = start(tmp_path, mail.port, to=["ops@example.com", "boss@example.com"])
    message = put("héllo\nyou")
    router.drain()
    assert [(sender, to) for sender, to, _ in mail.mails] == [
        ("sms@example.com", "ops@example.com"),
        ("sms@example.com", "boss@example.com"),
    ]
    first = mail.mails[0][2]
    assert (first["subject"], first["to"], first["auto-submitted"]) == (
        "SMS from +254700000001", "ops@example.com", "auto-generated",
    )  # fmt: skip
    assert first.get_content().splitlines() == ["héllo", "you"]
    carried = messages(backend="email")
    assert [(each.status, each.in_response_to.id) for each in carried] == [("sent", message.id)] * 2
    assert first["message-id"] == f"<{carried[0].id}@example.com>"


def test_apps_send_mail_as_they_send_messages(tmp_path, mail):
    router = start(tmp_path, mail.port)
    put("not mailed")
    send("report", lookup_connections("email", ["a@example.com"]), fields={"subject": "Daily\r\nBcc: x@example.com"})
    router.drain()
    ((_, to, sent),) = mail.mails
    assert (to, sent["subject"], sent["bcc"]) == ("a@example.com", "Daily Bcc: x@example.com", None)


def test_a_refused_address_is_tried_again_alone(tmp_path, mail):
    router = start(tmp_path, mail.port)
    mail.refused.add("b@example.com")
    message = send("x", lookup_connections("email", ["a@example.com", "b@example.com"]))
    router.drain()
    first, second = message.refresh().transmissions
    assert (first.status, second.status) == ("sent", "queued")
    assert "550 nobody here" in second.error
    assert len(mail.mails) == 1


def test_a_server_that_is_not_there_costs_nothing_but_time(tmp_path):
    with serving(MailServer()) as gone:
        pass
    router = start(tmp_path, gone.port, to="ops@example.com")
    put("x")
    router.drain()
    (carried,) = messages(backend="email")
    assert carried.status == "queued"
    assert "Connection refused" in carried.errors[0]


def test_a_busy_server_is_tried_again(tmp_path, mail):
    mail.greeting = b"421 too busy"
    router = start(tmp_path, mail.port, to="ops@example.com")
    put("x")
    router.drain()
    assert "421" in messages(backend="email")[0].errors[0]


def test_subject_and_text_are_templates(tmp_path, mail):
    router = start(tmp_path, mail.port, to="ops@example.com", subject="{backend}: {text}", text="{number} {x} {text}")
    put("{number}")
    router.drain()
    assert mail.mails[0][2]["subject"] == "mtn: {number}"
    assert mail.mails[0][2].get_content().strip() == "+254700000001 {x} {number}"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"host": ""}, "host must be the mail server"),
        ({"sender": "nobody"}, "sender must be an address"),
        ({"to": ["nobody"]}, "to must be an address"),
        ({"tls": "ssl"}, "tls must be one of none, starttls, tls"),
        ({"port": 0}, "port must be a whole number"),
        ({"adress": "x"}, "adress is unknown"),
    ],
)
def test_faults_of_the_config_are_said(tmp_path, options, fault):
    router = start(tmp_path, 25, **options)
    assert fault in router.missing_apps["gateway.apps.email"]
