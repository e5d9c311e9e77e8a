"""Web hooks: what is posted, how it is signed, and what becomes of it when the server doesn't take it."""

import base64
import hashlib
import hmac
import json

import pytest
from servers import WebServer, serving

from gateway import App, ConfigurationError, api, configure, get_router, lookup_connections, messages, receive, send

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()


@pytest.fixture
def web():
    with serving(WebServer()) as server:
        yield server


class Raises(App):
    def handle(self, msg):
        if msg.text == "raise":
            raise ValueError("no")
        return True

    def filter(self, msg):
        return msg.text == "spam"


def start(tmp_path, web, router="queued", **hook):
    configure(
        {
            "gateway": {
                "state": str(tmp_path), "durability": "fast", "router": router,
                "apps": ["gateway.apps.webhook", f"{__name__}:Raises"],
            },
            "modem": {"mtn": {"port": "virtual"}, "orange": {"port": "virtual"}},
            "app": {"webhook": {"crm": {"url": f"{web.url}/sms?token=x", "secret": SECRET, **hook}}},
        }
    )  # fmt: skip
    return get_router()


@pytest.fixture
def router(tmp_path, web):
    yield start(tmp_path, web, events=["received", "status"])
    api.adopt(None)


def hooked(**which):
    return [(each.text, str(each.status)) for each in messages(backend="webhook", **which)]


def put(text, backend="mtn", **more):
    return receive(text, lookup_connections(backend, ["+254700000001"])[0], **more)


def test_an_incoming_message_is_posted_and_signed(router, web):
    message = put("héllo", fields={"external_id": "e1"}, to="+1")
    router.drain()
    ((path, headers, body),) = web.posts
    assert path == "/sms?token=x"
    event = json.loads(body)
    assert event["type"] == "message.received"
    assert event["data"] == {
        "id": message.id, "backend": "mtn", "identity": "+254700000001", "text": "héllo", "to": "+1", "device": None,
        "complete": True, "received_at": event["timestamp"], "contact": None, "fields": {"external_id": "e1"},
    }  # fmt: skip
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    (carried,) = messages(backend="webhook")
    assert (carried.status, carried.id, carried.in_response_to.id) == ("sent", headers["webhook-id"], message.id)


def test_a_message_that_an_app_failed_is_posted_and_a_filtered_one_not(router, web):
    assert put("raise").id
    put("spam")
    router.drain()
    assert [json.loads(body)["data"]["text"] for _, _, body in web.posts] == ["raise"]


def test_changes_of_status_are_posted(router, web):
    message = send("x", lookup_connections("mtn", ["+1"]))
    message.hold()
    router.drain()
    ((_, _, body),) = web.posts
    event = json.loads(body)
    assert (event["type"], event["data"]["id"], event["data"]["status"]) == ("message.status", message.id, "held")
    router.drain()
    assert len(web.posts) == 1, "posting is no news itself"


def test_a_post_that_fails_is_tried_again_later_each_time(router, web):
    web.plan += [500, 302]
    put("x")
    router.drain()
    (carried,) = messages(backend="webhook")
    (transmission,) = carried.transmissions
    assert carried.status == "queued"
    assert "crm: the server answered 500" in transmission.error
    settings = router.backend_settings("webhook")
    pauses = [min(settings.retry_delay * settings.backoff**n, settings.retry_most) for n in range(settings.retries)]
    assert pauses[:4] == [10, 30, 90, 270]
    assert 12 * 3600 < sum(pauses) < 24 * 3600


def test_a_redirect_is_no_answer(router, web):
    web.plan += [302]
    put("x")
    router.drain()
    assert "the server answered 302" in messages(backend="webhook")[0].errors[0]
    assert [path for path, _, _ in web.posts] == ["/sms?token=x"]


def test_a_server_that_is_not_there_is_named_without_its_token(tmp_path):
    with serving(WebServer()) as gone:
        pass
    router = start(tmp_path, gone)
    put("x")
    router.drain()
    (error,) = messages(backend="webhook")[0].errors
    assert "Connection refused" in error
    assert "token" not in error
    api.adopt(None)


def test_a_message_that_is_run_again_is_posted_once(router, web):
    message = put("x", id_="m1")
    app = router.get_app("webhook")
    app.cleanup(message)
    router.drain()
    assert len(web.posts) == 1


def test_only_what_a_hook_wants(tmp_path, web):
    router = start(tmp_path, web, backends="orange")
    put("a")
    put("b", backend="orange")
    send("x", lookup_connections("mtn", ["+1"])).hold()
    router.drain()
    assert hooked() == [("b", "sent")]
    api.adopt(None)


def test_the_blocking_router_posts_before_receive_returns(tmp_path, web):
    start(tmp_path, web, router="blocking")
    put("x")
    assert len(web.posts) == 1
    api.adopt(None)


@pytest.mark.parametrize(
    ("hook", "fault"),
    [
        ({"url": "ftp://x"}, "crm.url must be an http or https URL"),
        ({"evnts": []}, "crm.evnts is unknown; did you mean 'events'?"),
        ({"events": ["sent"]}, "crm.events has 'sent'; write received or status"),
        ({"headers": {"a": 1}}, "crm.headers must be a table of strings"),
        ({"timeout": 5}, "is not a duration"),
        ({"secret": {"fil": "x"}}, "must be"),
    ],
)
def test_faults_of_the_config_are_said(tmp_path, web, hook, fault):
    router = start(tmp_path, web, **hook)
    assert fault in router.missing_apps["gateway.apps.webhook"]
    api.adopt(None)


def test_a_device_of_the_same_name_is_a_fault(tmp_path):
    configure({"gateway": {"state": str(tmp_path)}, "modem": {"webhook": {"port": "virtual"}}})
    with pytest.raises(ConfigurationError, match="the name 'webhook' is this app's own"):
        get_router().add_app("gateway.apps.webhook")
    api.adopt(None)
