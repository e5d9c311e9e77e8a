"""The page in a real browser: log in, send, watch it arrive, try the apps, and nothing of a stranger's text runs."""

import http.server

import pytest
from browser import browsing
from running import PHONE, Service, eventually, free_port
from servers import serving

EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
CONFIG = """
[gateway]
state = "{directory}/state"
apps = ["gateway.apps.echo"]
[backend.tester]
class = "gateway.backends.database:DatabaseBackend"
[server.http]
listen = "127.0.0.1:{port}"
[server.http.user.amina]
password = "correct horse"
"""


@pytest.fixture
def walk(tmp_path):
    port = free_port()
    service = Service(tmp_path, CONFIG.format(directory=tmp_path, port=port))
    service.url = f"http://127.0.0.1:{port}"
    try:
        service.start()
        eventually(lambda: "the HTTP server is up" in service.log.read_text())
        yield service
        assert service.stop() == 0, service.log.read_text()
        assert "Traceback" not in service.log.read_text()
    finally:
        service.close()


def test_somebody_sends_and_tries_the_apps(walk, tmp_path):
    with browsing(tmp_path) as browser:
        browser.open(walk.url)
        assert browser.url == f"{walk.url}/login"
        browser.type("#user", "amina")
        browser.type("#password", "wrong")
        browser.click("main form button")
        assert browser.text(".error") == "name and password are not right"
        browser.type("#password", "correct horse")
        browser.click("main form button")
        assert browser.url == f"{walk.url}/"
        assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "flex", "the style is there"

        browser.type("#to", f"{PHONE}\n+447700900124")
        browser.type("#text", f"hello\n{EVIL}")
        browser.click("main > form button")
        assert browser.url.startswith(f"{walk.url}/sent/")
        eventually(lambda: browser.text().count("sent") >= 2, what=browser.text)
        (first, second) = walk.rows("--out")
        assert first["text"] == second["text"] == f"hello\n{EVIL}"
        assert EVIL in browser.text("p.out")
        browser.open(walk.url)
        assert EVIL in browser.text("table")
        browser.picture(tmp_path / "send.png")

        browser.open(f"{walk.url}/tester?number=555123")
        browser.type("#text", f"echo {EVIL}")
        browser.click("main > form button")
        eventually(lambda: browser.run("document.querySelectorAll('p.out').length") or browser.click("main > form a"))
        assert (browser.text("p.in"), browser.text("p.out")) == (f"echo {EVIL}", EVIL)
        assert browser.run("document.title") == "Tester - SMS gateway", "no script ran"
        browser.picture(tmp_path / "tester.png")
        assert browser.log() == [], "nothing was blocked, and nothing is missing"

        browser.click("nav form button")
        assert browser.url == f"{walk.url}/login"
        browser.open(f"{walk.url}/tester")
        assert browser.url == f"{walk.url}/login"


class Elsewhere(http.server.ThreadingHTTPServer):
    """Another origin on the same host, where the cookie goes along though it is SameSite=Strict."""

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), _Form)
        self.html = (
            f"<form method=post action='{target}/'><input name=to value=1><input name=text><button>x</button></form>"
        )


class _Form(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.html.encode())

    def log_message(self, *_):
        pass


def test_a_form_of_another_site_does_nothing(walk, tmp_path):
    with serving(Elsewhere(walk.url)) as elsewhere, browsing(tmp_path) as browser:
        browser.open(f"{walk.url}/login")
        browser.type("#user", "amina")
        browser.type("#password", "correct horse")
        browser.click("main form button")
        browser.open(f"http://127.0.0.1:{elsewhere.server_port}/")
        browser.click("button")
        eventually(lambda: "this form is not from this page" in browser.text(), what=browser.text)
    assert walk.rows("--out") == []
