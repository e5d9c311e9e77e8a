"""The pages without a network: nothing a client sends makes them fail, and nothing that fails is told to a client."""

import html.parser
import threading
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import App, api, config, configure, messages
from gateway.errors import StoreError
from gateway.web.markup import Markup, many, tag
from gateway.web.request import Request
from gateway.web.site import Site

SERVER = {
    "in": {
        "one": {"token": "t"}, "kannel": {"kind": "kannel", "networks": "127.0.0.0/8"},
        "vumi": {"kind": "vumi", "networks": "127.0.0.0/8"},
    },
    "user": {"crm": {"token": "c"}, "amina": {"password": "p"}},
}  # fmt: skip
PATHS = ["/", "/send", "/messages/x", "/sent/x", "/tester", "/login", "/logout", "/style.css", "/in/one", "/in/kannel",
         "/in/kannel/report", "/in/one/report", "/in/vumi", "/in/vumi/report", "/messages/", "//", "/none"]  # fmt: skip
NAMES = st.sampled_from(
    ["id", "identity", "text", "token", "charset", "status", "to", "smsid", "guard", "user", "number"]
)
FORM = st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=6).map(
    lambda pairs: "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs)
)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "authorization", "cookie", "origin", "host", "idempotency-key", "sec-fetch-site"]),
    st.one_of(
        st.sampled_from(
            ["application/json", "Bearer c", "Basic YW1pbmE6cA==", "Basic =", "sms-gateway=x", "Bearer é", "null"]
        ),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    max_size=4,
)


class Raises(App):
    def handle(self, msg):
        raise RuntimeError("s3cret")


def start(folder, **gateway):
    configure(
        {
            "gateway": {"state": str(folder), "durability": "fast", **gateway},
            "backend": {"one": {"class": "gateway.backends.database:DatabaseBackend"}},
            "server": {"http": SERVER},
        }
    )
    return Site(api.get_router().config)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    made = start(tmp_path_factory.mktemp("site"))
    headers = dict(ask(made, "/login", user="amina", password="p").headers)
    cookie = headers["set-cookie"].partition(";")[0]
    home = made(Request("GET", "/", headers={"cookie": cookie})).body
    yield made, cookie, home.partition('name="guard" value="')[2].partition('"')[0]
    api.adopt(None)


@pytest.fixture
def site(tmp_path):
    yield start(tmp_path)
    api.adopt(None)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]), path=st.sampled_from(PATHS), query=FORM, headers=HEADERS,
    body=st.one_of(FORM.map(str.encode), st.binary(max_size=60), st.just(b'{"to": "+1", "text": "x"}')),
    here=st.booleans(),
)  # fmt: skip
def test_whatever_is_asked_is_answered(fuzzed, method, path, query, headers, body, here):
    site, cookie, guard = fuzzed
    more = {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"} if here else {}
    answer = site(Request(method, path, f"guard={guard}&{query}" if here else query, {**headers, **more}, body))
    assert answer.status in {200, 202, 303, 400, 401, 403, 404, 405, 415, 429}
    assert "Traceback" not in answer.body
    answer.body.encode()


@given(st.text(), st.text())
def test_every_text_comes_out_of_the_html_as_it_went_in(text, attribute):
    found = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, name, attributes):
            found.append((name, dict(attributes)["title"]))

        def handle_data(self, data):
            found.append(data)

    reader = Reader(convert_charrefs=True)
    reader.feed(tag("p", text, title=attribute))
    reader.close()
    assert found[0] == ("p", attribute)
    assert "".join(found[1:]) == text


def test_only_what_was_made_here_is_html():
    assert many("<b>", Markup("<i>")) == "&lt;b&gt;<i>"
    assert type(Markup("<b>") + "<i>") is str, "a sum is a text again, and is escaped"


def ask(site, path, **form):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return site(Request("POST", path, headers=kind, body=urlencode(form).encode()))


def test_a_failure_of_ours_is_in_the_log_and_nowhere_else(site, monkeypatch):
    def fail(*_):
        raise RuntimeError("s3cret")

    monkeypatch.setattr(api.get_router(), "receive_incoming", fail)
    answer = ask(site, "/in/one", token="t", identity="+1", text="x")
    assert (answer.status, answer.body) == (500, "the gateway failed; its log says how\n")


def test_what_can_not_be_stored_now_is_asked_for_again(site, monkeypatch):
    def full(*_):
        raise StoreError("the disk is full: /var/lib/s3cret")

    monkeypatch.setattr(api.get_router(), "receive_incoming", full)
    answer = ask(site, "/in/one", token="t", identity="+1", text="x")
    assert (answer.status, answer.body) == (503, "the message can't be stored now\n")
    assert ("retry-after", "10") in answer.headers


def test_an_app_that_fails_in_a_blocking_router_has_its_message_kept(tmp_path):
    site = start(tmp_path, router="blocking", apps=[f"{__name__}:Raises"])
    try:
        assert ask(site, "/in/one", token="t", identity="+1", text="x", id="1").status == 200
        assert ask(site, "/in/one", token="t", identity="+1", text="x", id="1").status == 200
        assert [str(each.status) for each in messages(direction="in")] == ["failed"]
    finally:
        api.adopt(None)


def test_the_same_message_at_the_same_moment_is_stored_once(site):
    gate, answers = threading.Barrier(8), []

    def put():
        gate.wait(10)
        answers.append(ask(site, "/in/one", token="t", identity="+1", text="x", id="1").status)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [200] * 8
    assert len(messages(direction="in")) == 1


def test_texts_that_no_database_takes_are_taken(site):
    assert ask(site, "/in/one", token="t", identity="+1", text="a\0b", id="c\0").status == 200
    (message,) = messages(direction="in")
    assert (message.text, message.fields) == ("a\ufffdb", {"external_id": "c\ufffd"})


def test_without_users_there_is_no_page():
    site = Site(config.from_mapping({"server": {"http": {"in": {"one": {"token": "t"}}}}}))
    for path in ("/", "/send", "/login", "/tester", "/style.css"):
        assert site(Request("GET", path)).status == 404
