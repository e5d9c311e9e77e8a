"""Other gateways hand messages in over HTTP, through the real service, and report what became of ours."""

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest
import trustme
from running import PHONE, Service, eventually, free_port
from servers import WebServer, serving

TEXT = "a message from elsewhere: 5 € & more"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    directory = tmp_path_factory.mktemp("walk")
    with serving(WebServer()) as web:
        port = free_port()
        service = Service(directory, config(directory, port, web))
        service.web, service.url = web, f"http://127.0.0.1:{port}"
        try:
            service.start()
            eventually(lambda: "the HTTP server is up" in service.log.read_text())
            yield service
            assert service.stop() == 0, service.log.read_text()
            assert "Traceback" not in service.log.read_text()
        finally:
            service.close()


def config(directory, port, web, token="t0ken"):
    (directory / "partner.token").write_text(f"{token}\n")
    return f"""
[gateway]
state = "{directory}/state"
region = "GB"
apps = ["gateway.apps.echo"]
[backend.partner]
class = "gateway.backends.http:HttpBackend"
url = "{web.url}/out"
[backend.kannel]
class = "gateway.backends.kannel:KannelBackend"
url = "{web.url}/sendsms"
password = "p"
dlr_url = "http://127.0.0.1:{port}/in/kannel/report"
[backend.vumi]
class = "gateway.backends.vumi:VumiBackend"
url = "{web.url}/vumi"
[server.http]
listen = "127.0.0.1:{port}"
most = 4096
[server.http.in.partner]
token = {{ file = "partner.token" }}
params = {{ identity = "from", text = "message", id = "msgid" }}
[server.http.in.renamed]
backend = "partner"
path = "/legacy/receive.php"
user = "old"
password = "pass"
plus = true
[server.http.in.kannel]
networks = ["127.0.0.0/8"]
kind = "kannel"
[server.http.in.elsewhere]
backend = "partner"
token = "x"
networks = ["192.0.2.0/24"]
[server.http.in.vumi]
kind = "vumi"
token = "v"
"""


def ask(walk, path, data=None, method=None, **headers):
    """Status and body of one request; ``data`` is a form, or JSON if it is no dict of strings."""
    request = urllib.request.Request(f"{walk.url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def form(**given):
    return urllib.parse.urlencode(given).encode()


def came(walk, **wanted):
    return [row for row in walk.rows("--in") if all(row[name] == value for name, value in wanted.items())]


def test_a_message_is_stored_when_it_is_answered(walk):
    said = form(token="t0ken", **{"from": PHONE, "message": TEXT, "to": "22141"})
    assert ask(walk, "/in/partner", said) == (200, "OK")
    walk.kill()
    (row,) = came(walk, text=TEXT)
    assert (row["identity"], row["backend"], row["fields"]) == (PHONE, "partner", {})
    walk.start()
    eventually(lambda: came(walk, text=TEXT, status="handled"))


@pytest.mark.parametrize("how", ["get", "form", "json", "bearer"])
def test_however_it_is_sent(walk, how):
    given = {"from": "07400 123456", "message": f"by {how}", "token": "t0ken"}
    if how == "get":
        answer = ask(walk, f"/in/partner?{urllib.parse.urlencode(given)}")
    elif how == "form":
        answer = ask(walk, "/in/partner", form(**given))
    elif how == "json":
        answer = ask(walk, "/in/partner", json.dumps(given).encode(), **{"Content-Type": "application/json"})
    else:
        answer = ask(walk, "/in/partner", form(**{**given, "token": "no"}), Authorization="Bearer t0ken")
    assert answer == (200, "OK")
    assert [row["identity"] for row in came(walk, text=f"by {how}")] == ["+447400123456"], "read in the region"


def test_the_same_message_again_is_that_message(walk):
    given = {"from": PHONE, "message": "once", "msgid": "m-1", "token": "t0ken"}
    for _ in range(3):
        assert ask(walk, "/in/partner", form(**given)) == (200, "OK")
    assert ask(walk, "/in/partner", form(**{**given, "message": "twice"})) == (200, "OK")
    assert len(came(walk, text="once")) == 1
    assert len(came(walk, text="twice")) == 1, "an id that comes again with another text loses nothing"
    assert came(walk, text="once")[0]["fields"] == {"external_id": "m-1"}


def test_an_answer_leaves_through_the_backend(walk):
    assert ask(walk, "/in/partner", form(token="t0ken", **{"from": PHONE, "message": "echo héllo"})) == (200, "OK")

    def answered():
        bodies = [urllib.parse.parse_qs(body.decode()) for path, _, body in walk.web.posts if path == "/out"]
        return [body for body in bodies if body["text"] == ["héllo"]]

    (body,) = eventually(answered)
    (id_,) = body["id"]
    told = form(token="t0ken", id=id_, identity=PHONE, status="delivered")
    assert ask(walk, "/in/partner/report", told) == (200, "OK")
    (row,) = [row for row in walk.rows("--out") if row["id"] == id_]
    assert row["status"] == "delivered"
    other = urllib.parse.urlencode({"id": id_, "identity": PHONE, "status": "2"})
    assert ask(walk, f"/in/kannel/report?{other}")[0] == 400, "it is none of Kannel's"


def test_another_path_and_basic(walk):
    basic = base64.b64encode(b"old:pass").decode()
    given = form(identity="447700900125", text="legacy")
    assert ask(walk, "/legacy/receive.php", given, Authorization=f"Basic {basic}") == (200, "OK")
    assert [row["identity"] for row in came(walk, text="legacy")] == ["+447700900125"]


def test_a_password_can_not_be_tried_for_long(walk):
    wrong = base64.b64encode(b"old:guess").decode()
    codes = [ask(walk, "/legacy/receive.php", b"", Authorization=f"Basic {wrong}")[0] for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_an_empty_text_is_a_text(walk):
    assert ask(walk, "/in/partner", form(token="t0ken", **{"from": "+447700900777", "message": ""})) == (200, "OK")
    assert came(walk, identity="+447700900777")


@pytest.mark.parametrize(("path", "given", "status", "sentence"), [
    ("/in/partner", {"message": "x", "token": "t0ken"}, 400, "the parameter 'from' is missing"),
    ("/in/partner", {"from": "+1", "token": "t0ken"}, 400, "the parameter 'message' is missing"),
    ("/in/partner", {"from": "", "message": "x", "token": "t0ken"}, 400, "an identity is 1 to 100 printable"),
    ("/in/partner", {"from": "a\0b", "message": "x", "token": "t0ken"}, 400, "an identity is 1 to 100 printable"),
    ("/in/partner", {"from": "+1", "message": "x"}, 401, "the token, or name and password, is not right"),
    ("/in/partner", {"from": "+1", "message": "x", "token": "wrong"}, 401, "the token, or name and password"),
    ("/legacy/receive.php", {"identity": "+1", "text": "x"}, 401, "the token, or name and password"),
    ("/in/elsewhere", {"identity": "+1", "text": "x", "token": "x"}, 403, "this address may not come in here"),
    ("/in/partner", {"from": "+1", "message": "x" * 5000, "token": "t0ken"}, 413, "at most 4096 octets"),
    ("/in/nobody", {}, 404, "there is nothing here"),
    ("/in/kannel/report", {"id": "none", "identity": "+1", "status": "1"}, 400, "no such message went to that"),
    ("/in/kannel/report", {"id": "none", "identity": "+1", "status": "3"}, 400, "the status must be one of 1, 2, 4"),
    ("/in/partner/report", {"id": "a", "identity": "+1", "status": "x", "token": "t0ken"}, 400, "one of sent, "),
])  # fmt: skip
def test_a_refusal_is_one_sentence(walk, path, given, status, sentence):
    before = len(walk.rows("--in"))
    code, said = ask(walk, path, form(**given))
    assert (code, said.count("\n")) == (status, 1)
    assert sentence in said
    assert len(walk.rows("--in")) == before


def test_what_else_is_refused(walk):
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert ask(walk, "/in/partner", b"--x--", **multipart)[0] == 415
    assert ask(walk, "/in/partner", b"[1]", **{"Content-Type": "application/json"}) == (
        400,
        "the body must be a JSON object\n",
    )
    assert ask(walk, "/in/partner", b"[" * 4000, **{"Content-Type": "application/json"})[0] == 400
    assert ask(walk, "/in/partner", method="DELETE")[0] == 405
    assert ask(walk, "/in/vumi?token=v")[0] == 405


def test_kannel_s_requests(walk):
    text = urllib.parse.quote("price 5 € Ж".encode("utf-16-be"))
    path = f"/in/kannel?id=%2B447700900126&text={text}&charset=UTF-16BE&coding=2&smsid=k1&to=22141"
    assert ask(walk, path) == (200, ""), "a body would be sent as the answer"
    assert came(walk, text="price 5 € Ж")[0]["fields"] == {"external_id": "k1"}
    assert ask(walk, "/in/kannel?id=1&text=x&charset=nosuch")[0] == 400
    walk.cli("send", "kannel", "for kannel", PHONE)

    def sent():
        paths = [path for path, _, _ in walk.web.posts if path.startswith("/sendsms")]
        return [path for path in paths if "text=for+kannel" in path]

    (asked,) = eventually(sent)
    (dlr_url,) = urllib.parse.parse_qs(asked)["dlr-url"]
    for status, end in (("8", "sent"), ("2", "failed")):
        page = dlr_url.replace("%%", "\1").replace("%d", status).replace("%A", "id%3A7+err%3A001").replace("\1", "%")
        assert ask(walk, page.removeprefix(walk.url)) == (200, "")
        (row,) = [row for row in walk.rows("--out") if row["text"] == "for kannel"]
        assert row["status"] == end
    assert row["error"] == "id:7 err:001"


def test_vumi_s_json(walk):
    message = {
        "message_id": "v1", "to_addr": "22141", "from_addr": PHONE, "transport_name": "t", "transport_type": "sms",
        "content": None, "session_event": "new", "group": None,
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Authorization": "Bearer v"}
    assert ask(walk, "/in/vumi", json.dumps(message).encode(), **headers) == (200, "")
    (row,) = came(walk, backend="vumi")
    kept = {name: value for name, value in message.items() if value is not None}
    assert (row["text"], row["fields"]) == ("", {"external_id": "v1", **kept})
    del message["to_addr"]
    code, said = ask(walk, "/in/vumi", json.dumps(message).encode(), **headers)
    assert (code, said) == (400, "'to_addr' must be a string that isn't empty\n")


def test_a_reload_takes_a_new_secret(walk):
    text = walk.config.read_text()
    (walk.directory / "partner.token").write_text("new\n")
    walk.config.write_text(text + "\n[server.http.in.later]\nbackend = 'partner'\ntoken = 'l'\n")
    count = walk.log.read_text().count("the HTTP server is up")
    walk.process.send_signal(1)
    eventually(lambda: walk.log.read_text().count("the HTTP server is up") > count)
    assert ask(walk, "/in/partner", form(token="new", **{"from": PHONE, "message": "after"})) == (200, "OK")
    assert ask(walk, "/in/later", form(token="l", identity=PHONE, text="later")) == (200, "OK")
    assert ask(walk, "/in/partner", form(token="t0ken", **{"from": PHONE, "message": "x"}))[0] == 401


def test_over_tls_and_on_a_port_that_is_taken_at_first(tmp_path):
    ours, web = trustme.CA(), WebServer()
    issued = ours.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    text = config(tmp_path, web.server_port, web)
    text = text.replace("most = 4096", 'tls = { cert = "server.pem", key = "server.pem" }')
    service = Service(tmp_path, text)
    try:
        service.start()
        eventually(lambda: "the HTTP server can't listen" in service.log.read_text())
        web.server_close()
        service.url = web.url.replace("http:", "https:")
        eventually(lambda: "the HTTP server is up" in service.log.read_text(), 60)
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        page = f"{service.url}/in/kannel?id=%2B447700900126&text=secure"
        with urllib.request.urlopen(page, timeout=20, context=context) as answer:
            assert answer.status == 200
        assert came(service, text="secure")
        assert service.stop() == 0
    finally:
        web.server_close()
        service.close()
