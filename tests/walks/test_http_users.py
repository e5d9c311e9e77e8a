"""Software sends by HTTP, and people at the page, through the real service; nobody sees what is another's."""

import base64
import http.client
import json
import urllib.parse
from pathlib import Path

import argon2
import pytest
from running import PHONE, Service, eventually, free_port

CONFIG = """
[gateway]
state = "{directory}/state"
apps = ["gateway.apps.echo"]
[backend.kept]
class = "gateway.backends.database:DatabaseBackend"
[backend.other]
class = "gateway.backends.database:DatabaseBackend"
[server.http]
listen = "127.0.0.1:{port}"
[server.http.user.crm]
token = "crm-token"
backends = ["kept"]
rate = "40/minute"
[server.http.user.shop]
token = "shop-token"
backends = ["kept", "other"]
[server.http.user.amina]
password = '{hash}'
[server.http.user.far]
token = "far-token"
password = "far"
networks = ["192.0.2.0/24"]
[server.http.user.slow]
token = "slow-token"
backends = ["kept"]
rate = "2/hour"
"""
PASSWORD = "pass wörd"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory, port = tmp_path_factory.mktemp("walk"), free_port()
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    service = Service(directory, CONFIG.format(directory=directory, port=port, hash=hashed))
    service.port = port
    try:
        service.start()
        eventually(lambda: "the HTTP server is up" in service.log.read_text())
        yield service
        assert service.stop() == 0, service.log.read_text()
        log = service.log.read_text()
        assert "Traceback" not in log
        assert PASSWORD not in log
        assert "-token" not in log
    finally:
        service.close()


class Client:
    """A client with a cookie, as a browser has."""

    def __init__(self, walk, **headers):
        self.walk, self.headers = walk, {name.replace("_", "-"): value for name, value in headers.items()}

    def ask(self, method, path, body=None, **headers):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.walk.port, timeout=20)
        try:
            given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            found = answer.read().decode()
            if cookie := answer.headers["set-cookie"]:
                self.headers["cookie"] = cookie.partition(";")[0]
            return answer.status, answer.headers, found
        finally:
            connection.close()

    def form(self, path, **given):
        """Post a form."""
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", path, urllib.parse.urlencode(given), content_type=kind)

    def send(self, **wanted):
        """Post /send; status and answer."""
        status, _, body = self.ask("POST", "/send", json.dumps(wanted), content_type="application/json")
        return status, json.loads(body) if body.startswith("{") else body.strip()


@pytest.fixture
def crm(walk):
    return Client(walk, authorization="Bearer crm-token")


@pytest.fixture
def page(walk):
    """Somebody who is logged in, and the guard of their forms."""
    client = Client(walk)
    status, headers, _ = client.form("/login", user="amina", password=PASSWORD)
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]
    _, _, html = client.ask("GET", "/")
    client.guard = html.partition('name="guard" value="')[2].partition('"')[0]
    return client


def test_a_message_is_stored_and_seen(walk, crm):
    status, said = crm.send(to=[PHONE, "+447700900124"], text="héllo", priority=5, fields={"order": 7})
    assert (status, said["direction"], said["text"]) == (202, "out", "héllo")
    assert [each["identity"] for each in said["transmissions"]] == [PHONE, "+447700900124"]
    assert said["transmissions"][0]["fields"] == {"order": 7, "user": "crm"}

    def seen():
        code, headers, body = crm.ask("GET", f"/messages/{said['id']}")
        assert (code, headers["content-type"]) == (200, "application/json")
        return json.loads(body)["status"] == "sent"

    eventually(seen)
    printed = [row for row in walk.rows("--out") if row["id"] == said["id"]]
    assert json.loads(crm.ask("GET", f"/messages/{said['id']}")[2])["transmissions"] == printed, "as --json prints it"


def test_the_example_of_the_manual(crm):
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
    wanted = json.loads(page.partition("```json\n")[2].partition("```")[0])
    status, said = crm.send(**{**wanted, "backend": "kept"})
    assert (status, said["status"], len(said["transmissions"])) == (202, "queued", 2)


def test_times_and_the_like(crm):
    status, said = crm.send(
        to=PHONE, text="later", at="+2h", expires="2099-01-01T00:00Z", flash=True, on_unknown="hold"
    )
    assert status == 202
    (row,) = said["transmissions"]
    assert (row["status"], row["backend"]) == ("queued", "kept")
    assert row["due_at"] > row["created_at"]


def test_the_same_key_again_is_the_same_message_and_each_user_has_its_own_keys(walk, crm):
    _, first = crm.send(to=PHONE, text="once", key="k1")
    _, again = crm.send(to=PHONE, text="once", key="k1")
    assert first["id"] == again["id"]
    status, said = crm.send(to=PHONE, text="another", key="k1")
    assert status == 409
    assert first["id"] in said
    shop = Client(walk, authorization="Bearer shop-token", idempotency_key="k1")
    status, others = shop.send(to=PHONE, text="another", backend="kept")
    assert status == 202
    assert others["id"] != first["id"]


def test_a_user_sees_its_own_messages_only(walk, crm):
    shop = Client(walk, authorization="Bearer shop-token")
    _, said = shop.send(to=PHONE, text="secret", backend="other")
    assert crm.ask("GET", f"/messages/{said['id']}")[0] == 404
    assert crm.ask("GET", "/messages/none")[0] == 404
    walk.cli("receive", "other", PHONE, "for the shop")
    (row,) = [row for row in walk.rows("--in") if row["text"] == "for the shop"]
    assert crm.ask("GET", f"/messages/{row['id']}")[0] == 404
    assert shop.ask("GET", f"/messages/{row['id']}")[0] == 200
    basic = "Basic " + base64.b64encode(f"amina:{PASSWORD}".encode()).decode()
    assert Client(walk, authorization=basic).ask("GET", f"/messages/{said['id']}")[0] == 200, "without backends: all"


@pytest.mark.parametrize(("wanted", "sentence"), [
    ({"text": "x"}, "'to' must be a number, or a list of numbers that isn't empty"),
    ({"to": [], "text": "x"}, "'to' must be a number"),
    ({"to": [PHONE, None], "text": "x"}, "an identity must be a str or an int, not NoneType"),
    ({"to": PHONE}, "'text' must be a string"),
    ({"to": PHONE, "text": "x", "backend": "other"}, "'backend' must be one of kept, not 'other'"),
    ({"to": PHONE, "text": "x", "prioritty": 1}, "'prioritty' is unknown; did you mean 'priority'?"),
    ({"to": PHONE, "text": "x", "priority": 1000}, "priority"),
    ({"to": PHONE, "text": "x", "at": "tomorrow"}, "'tomorrow' is not a time; write ISO 8601"),
    ({"to": PHONE, "text": "x", "at": 5}, "'at' must be a string"),
    ({"to": PHONE, "text": "x", "key": "a\nb"}, "'key' must be a string of printable characters"),
    ({"to": PHONE, "text": "x", "flash": 1}, "'flash' must be true or false"),
    ({"to": PHONE, "text": "x", "encoding": "latin1"}, "encoding"),
    ({"to": PHONE, "text": "x", "fields": []}, "'fields' must be an object"),
    ({"to": PHONE, "text": "x" * 60_000}, "a message has at most 255"),
])  # fmt: skip
def test_a_refusal_is_one_sentence(walk, crm, wanted, sentence):
    before = len(walk.rows("--out"))
    status, said = crm.send(**wanted)
    assert (status, "\n" in said) == (400, False)
    assert sentence in said
    assert len(walk.rows("--out")) == before


def test_who_may_not_come_in(walk, crm):
    nobody, wrong = Client(walk), Client(walk, authorization="Bearer nobody")
    assert nobody.send(to=PHONE, text="x")[0] == 401
    assert wrong.send(to=PHONE, text="x") == (401, "the token is not right")
    assert Client(walk, authorization="Bearer far-token").send(to=PHONE, text="x")[0] == 403
    assert crm.ask("POST", "/send", "to=1", content_type="application/x-www-form-urlencoded")[0] == 415
    assert crm.ask("GET", "/send")[0] == 405
    assert nobody.ask("GET", "/messages/x")[0] == 401


def test_no_faster_than_the_rate(walk):
    slow = Client(walk, authorization="Bearer slow-token")
    assert slow.send(to=[PHONE, "+447700900125"], text="two")[0] == 202
    status, headers, body = slow.ask(
        "POST", "/send", json.dumps({"to": PHONE, "text": "x"}), content_type="application/json"
    )
    assert (status, body) == (429, "not more than 2/hour\n")
    assert 3500 < int(headers["retry-after"]) <= 3601


def test_the_page_sends_and_shows(walk, page):
    text = '<script>alert("1")</script> & ünd'
    status, headers, body = page.form("/", guard=page.guard, to=f"{PHONE}\r\n+447700900126", text=text, backend="kept")
    assert status == 303, body
    path = headers["location"]

    def sent():
        _, headers, html = page.ask("GET", path)
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; ünd" in html
        assert "<script" not in html
        return html.count(">sent<") == 2

    eventually(sent)
    _, _, home = page.ask("GET", "/")
    assert path in home
    assert "<script" not in home


def test_a_contact_is_called_by_name(walk, page):
    csv = walk.directory / "people.csv"
    people = "Ada,kept,+447700900129\nTwin,kept,+447700900131\nTwin,kept,+447700900132\n"
    csv.write_text(f"name,backend,identity\n{people}")
    walk.cli("contacts", "import", str(csv))
    status, _, html = page.form("/", guard=page.guard, to="Ada\n+447700900130", text="by name", backend="other")
    assert status == 303, html
    to = {row["identity"] for row in walk.rows("--out") if row["text"] == "by name"}
    assert to == {"+447700900129", "+447700900130"}


def test_a_mistake_keeps_what_was_typed(page):
    status, _, html = page.form("/", guard=page.guard, to=PHONE, text="a <b>", backend="kept", at="soon", priority="5")
    assert status == 200
    assert 'role="alert">&#x27;soon&#x27; is not a time' in html
    assert "a &lt;b&gt;</textarea>" in html
    assert 'value="soon"' in html


@pytest.mark.parametrize("trick", ["no guard", "another guard", "another origin", "another site"])
def test_a_form_of_another_site_is_refused(walk, page, trick):
    before = len(walk.rows("--out"))
    guard = {"no guard": "", "another guard": "x" * 43}.get(trick, page.guard)
    headers = {"another origin": {"origin": "https://evil.example"}, "another site": {"sec_fetch_site": "cross-site"}}
    body = urllib.parse.urlencode({"guard": guard, "to": PHONE, "text": "forged", "backend": "kept"})
    kind = "application/x-www-form-urlencoded"
    status, _, _ = page.ask("POST", "/", body, content_type=kind, **headers.get(trick, {}))
    assert status == 403
    assert len(walk.rows("--out")) == before


def test_the_tester_is_a_telephone(walk, page):
    number = "555001"
    status, headers, _ = page.form(
        "/tester", guard=page.guard, backend="kept", number=number, text="echo <i>hi</i>\r\nping", lines="on"
    )
    assert status == 303

    def answered():
        _, _, html = page.ask("GET", headers["location"])
        assert "<i>" not in html
        said = [part.partition(">")[2].partition("<")[0] for part in html.split("<p class=")[1:]]
        return said if len(said) >= 4 else None

    said = eventually(answered)
    assert sorted(said) == ["&lt;i&gt;hi&lt;/i&gt;", "echo &lt;i&gt;hi&lt;/i&gt;", "ping", "pong"]
    _, _, other = page.ask("GET", "/tester?number=555002&backend=kept")
    assert "pong" not in other
    assert "must be one of kept, other" in page.ask("GET", "/tester?backend=none&number=1")[2]


def test_without_a_login_there_is_nothing_to_see(walk, page):
    for path in ("/", "/tester", "/sent/x"):
        status, headers, _ = Client(walk).ask("GET", path)
        assert (status, headers["location"]) == (303, "/login")
    assert page.ask("GET", "/sent/none")[0] == 404
    assert page.form("/logout", guard=page.guard)[0] == 303
    page.headers.pop("cookie")
    assert page.ask("GET", "/")[0] == 303


def test_a_session_ends_with_its_logout(walk, page):
    cookie = dict(page.headers)
    page.form("/logout", guard=page.guard)
    page.headers = cookie
    assert page.ask("GET", "/")[0] == 303


def test_passwords_can_not_be_tried_for_long(walk):
    client = Client(walk)
    for _ in range(5):
        status, _, html = client.form("/login", user="far", password="guess")
        assert (status, "name and password are not right" in html) == (200, True)
    _, _, html = client.form("/login", user="far", password="far")
    assert "too many wrong passwords; wait a minute" in html
    assert "set-cookie" not in client.headers
    assert client.form("/login", user="amina", password=PASSWORD)[0] == 303, "others are not kept out"
