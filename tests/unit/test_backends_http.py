"""Backends over HTTP: what is asked of real servers on the loopback interface, and what becomes of their answers."""

import base64
import json
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from servers import WebServer, serving

from gateway import ConfigurationError, api, configure, get_router, lookup_connections, messages, receive, send
from gateway.backends import faults
from gateway.config import from_mapping, from_text
from gateway.session import now_ms
from gateway.store import outbox

HTTP, KANNEL, VUMI = (
    "gateway.backends.http:HttpBackend",
    "gateway.backends.kannel:KannelBackend",
    "gateway.backends.vumi:VumiBackend",
)
NUMBERS = ["+254700000001", "+254700000002", "+254700000003"]


@pytest.fixture
def web():
    with serving(WebServer()) as server:
        yield server


@pytest.fixture
def start(tmp_path):
    def begin(class_, url, **options):
        table = {"class": class_, "url": url, "retry_delay": "1h", **options}
        configure(
            {"gateway": {"state": str(tmp_path), "durability": "fast", "router": "blocking"}, "backend": {"web": table}}
        )
        return get_router()

    yield begin
    api.adopt(None)


def put(text, numbers=NUMBERS[:1], **more):
    message = send(text, lookup_connections("web", numbers), **more)
    return [str(each.status) for each in message.transmissions], message


def again(message):
    """Let what waits for another try be tried now."""
    get_router().session.store.write(lambda c: outbox.promote(c, now_ms() + 7_200_000))
    get_router().deliver()
    return [str(each.status) for each in message.refresh().transmissions]


def form(body):
    return {name: value for name, (value,) in parse_qs(body.decode(), keep_blank_values=True).items()}


def test_a_form_is_posted_for_each_recipient(start, web):
    start(HTTP, f"{web.url}/send")
    statuses, message = put("héllo & bye", NUMBERS)
    assert statuses == ["sent"] * 3
    assert [path for path, _, _ in web.posts] == ["/send"] * 3
    assert [form(body) for _, _, body in web.posts] == [
        {"identity": number, "text": "héllo & bye", "id": message.id} for number in NUMBERS
    ]
    assert web.posts[0][1]["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"


def test_parameters_have_the_names_that_the_other_side_wants(start, web, tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    extra = {"from": "12345", "key": {"file": str(tmp_path / "key")}}
    start(
        HTTP, f"{web.url}/{{identity}}/x?a=1", format="query", params={"text": "message", "source": "sender"},
        extra=extra, strip_plus=True, user="me", password="pass word",
    )  # fmt: skip
    put("hi", fields={"source": "SHOP"})
    ((path, headers, body),) = web.posts
    assert (urlsplit(path).path, body) == ("/254700000001/x", b"")
    asked = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
    assert asked == {"a": "1", "from": "12345", "key": "s3cret", "message": "hi", "sender": "SHOP"}
    assert headers["authorization"] == "Basic " + base64.b64encode(b"me:pass word").decode()


def test_json_with_a_token_and_a_header(start, web, monkeypatch):
    monkeypatch.setenv("WEB_TOKEN", "t0ken")
    start(HTTP, web.url, format="json", token={"env": "WEB_TOKEN"}, headers={"X-Tenant": "7"})
    _, message = put("hi")
    ((_, headers, body),) = web.posts
    assert json.loads(body) == {"identity": NUMBERS[0], "text": "hi", "id": message.id}
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer t0ken", "7")


def test_each_recipient_has_its_own_end(start, web):
    start(HTTP, web.url)
    web.plan += [204, (400, b"no such number\nmore"), 503]
    statuses, message = put("hi", NUMBERS)
    assert statuses == ["sent", "failed", "queued"]
    errors = [each.error for each in message.transmissions]
    assert errors == [
        None, "the backend web: the server answered 400 Bad Request: no such number",
        "the backend web: the server answered 503 Service Unavailable",
    ]  # fmt: skip
    assert again(message) == ["sent", "failed", "sent"]
    assert [form(body)["identity"] for _, _, body in web.posts] == [*NUMBERS, NUMBERS[2]]
    assert len({form(body)["id"] for _, _, body in web.posts}) == 1, "so that the server knows a repetition"


@pytest.mark.parametrize("code", [302, 401, 404, 429, 500])
def test_what_is_not_about_the_message_is_tried_again(start, web, code):
    start(HTTP, web.url)
    web.plan += [code]
    statuses, message = put("hi")
    assert statuses == ["queued"]
    assert again(message) == ["sent"]


def test_tries_come_to_an_end(start, web):
    start(HTTP, web.url, retries=1)
    web.plan += [500, 500]
    _, message = put("hi")
    assert again(message) == ["failed"]


def test_an_answer_may_have_to_say_something(start, web):
    start(HTTP, web.url, expect="^OK")
    web.plan += [(200, b"ERR 7\nunknown"), (200, b"OK 1")]
    statuses, message = put("hi")
    assert statuses == ["queued"]
    assert message.errors == ["the backend web: the server's answer is not what is expected: ERR 7"]
    assert again(message) == ["sent"]


def test_a_silent_server_costs_one_time_out(start, web):
    start(HTTP, web.url, timeout="200ms")
    web.hang.clear()
    try:
        statuses, _ = put("hi", NUMBERS)
        assert statuses == ["queued"] * 3
    finally:
        web.hang.set()
    assert len(web.posts) <= 1


def test_a_server_that_is_not_there_is_named_without_its_url(start):
    with serving(WebServer()) as gone:
        pass
    start(HTTP, f"{gone.url}/?token=s3cret")
    _, message = put("hi")
    assert "Connection refused" in message.errors[0]
    assert "s3cret" not in message.errors[0]


def test_a_certificate_is_verified(start, tmp_path):
    ours, server = trustme.CA(), WebServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("127.0.0.1").configure_cert(context)
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server):
        url = server.url.replace("http:", "https:")
        start(HTTP, url)
        _, message = put("hi")
        assert "CERTIFICATE_VERIFY_FAILED" in message.errors[0]
        start(HTTP, url, ca=str(tmp_path / "ca.pem"))
        assert put("hi again")[0] == ["sent"]


def test_a_secret_that_is_gone_is_tried_again(start, web, tmp_path):
    key = tmp_path / "key"
    key.write_text("one")
    start(HTTP, web.url, token={"file": str(key)})
    key.unlink()
    statuses, message = put("hi")
    assert statuses == ["queued"]
    key.write_text("two")
    assert again(message) == ["sent"]
    assert web.posts[0][1]["authorization"] == "Bearer two", "a new secret needs no restart"


def test_kannel_is_asked_as_its_manual_says(start, web):
    start(
        KANNEL, f"{web.url}/cgi-bin/sendsms", username="app", password="p&w", source="22141", smsc="mtn",
        strip_plus=True, dlr_url="http://127.0.0.1:8080/in/kannel/report", dlr_token="t",
    )  # fmt: skip
    _, message = put("price 5€")
    put("привет")
    asked = [{name: value for name, (value,) in parse_qs(urlsplit(path).query).items()} for path, _, _ in web.posts]
    assert asked[0] == {
        "username": "app", "password": "p&w", "to": NUMBERS[0][1:], "from": "22141", "smsc": "mtn", "text": "price 5€",
        "coding": "0", "charset": "UTF-8", "dlr-mask": "19",
        "dlr-url": f"http://127.0.0.1:8080/in/kannel/report?id={message.id}&identity=%%2B254700000001&token=t"
        "&status=%d&answer=%A",
    }  # fmt: skip
    assert (asked[1]["coding"], asked[1]["text"]) == ("2", "привет")


def test_kannel_in_another_character_set(start, web):
    start(KANNEL, web.url, password="p", charset="ISO-8859-1", coding="gsm7")
    put("né ☃")
    assert "text=n%E9+%3F&coding=0&charset=ISO-8859-1" in web.posts[0][0]


def test_vumi_gets_its_json(start, web):
    start(VUMI, web.url, source="22141", user="u", password="p")
    question = receive("hello", lookup_connections("web", NUMBERS[:1])[0], fields={"external_id": "v1"})
    put("answer", in_response_to=question)
    ((_, headers, body),) = web.posts
    (sent,) = messages(direction="out")
    assert json.loads(body) == {
        "content": "answer", "to_addr": NUMBERS[:1], "session_event": None, "in_reply_to": "v1", "from_addr": "22141",
        "metadata": {"rapidsms_msg_id": sent.id},
    }  # fmt: skip
    assert headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(("class_", "options", "fault"), [
    (HTTP, {}, "backend.web.url: is missing; this key has no default"),
    (HTTP, {"url": "ftp://x"}, 'backend.web.url: must be an http or https URL in ASCII, such as "https://sms.example.com/send"'),
    (HTTP, {"url": "http://x/{numbre}"}, "{numbre} stands for nothing"),
    (HTTP, {"url": "http://x", "tiemout": "5s"}, "backend.web.tiemout: unknown key; did you mean 'timeout'?"),
    (HTTP, {"url": "http://x", "timeout": "5m"}, "'5m' is out of range; write"),
    (HTTP, {"url": "http://x", "params": {"number": "to"}}, "backend.web.params: 'number' is unknown; the keys"),
    (HTTP, {"url": "http://x", "format": "xml"}, "backend.web.format: 'xml' is not allowed"),
    (HTTP, {"url": "http://x", "extra": {"k": {"fil": "x"}}}, "web.extra: the value of 'k' must be a string, or"),
    (HTTP, {"url": "http://x", "headers": {"a b": "x"}}, "backend.web.headers: 'a b' can't be the name of a header"),
    (HTTP, {"url": "http://x", "token": "a", "user": "b"}, "backend.web.token: has no use beside user and password"),
    (HTTP, {"url": "http://x", "token": {"env": "NOT_SET"}}, "web.token: the environment variable NOT_SET is not"),
    (HTTP, {"url": "http://x", "expect": "("}, "backend.web.expect: must be a regular expression, not '('"),
    (KANNEL, {}, "backend.web.password: is missing"),
    (KANNEL, {"password": "p", "charset": "UTF-9"}, 'backend.web.charset: must be a character set such as "UTF-8"'),
])  # fmt: skip
def test_a_fault_is_one_sentence(class_, options, fault):
    (found,) = faults(from_mapping({"backend": {"web": {"class": class_, **options}}}))
    assert fault in str(found)


def test_faults_have_their_lines_and_stop_configure(tmp_path):
    text = f'[backend.web]\nclass = "{HTTP}"\nurl = "http://x"\ntoken = {{ file = "none" }}\n'
    (found,) = faults(from_text(text, path=tmp_path / "gateway.toml"))
    assert (found.line, found.path) == (4, "backend.web.token")
    with pytest.raises(ConfigurationError, match=r"backend\.web\.url: is missing"):
        configure({"gateway": {"state": str(tmp_path)}, "backend": {"web": {"class": HTTP}}})


def test_secrets_are_not_shown(start):
    router = start(HTTP, "http://x/?k=s3cret", token="t0ken", extra={"key": "s3cret"})
    for shown in (repr(router.config.backend), repr(router.backends["web"].options)):
        assert "s3cret" not in shown
        assert "t0ken" not in shown


def test_threads_may_share_a_backend(start, web):
    router = start(HTTP, web.url)
    backend = router.backends["web"]
    threads = [threading.Thread(target=backend.send, args=(str(n), "hi", NUMBERS, {})) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(web.posts) == 12
