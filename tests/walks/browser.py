"""A real browser, Chromium without a window, driven by W3C WebDriver's JSON over HTTP."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import pytest
from running import eventually, free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which an element's name comes (W3C WebDriver, "Elements")."""


class Browser:
    """One window."""

    def __init__(self, url):
        self._url = url

    def _ask(self, method, path, **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self._url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        """Go to a page, and wait until it is there."""
        self._ask("POST", "/url", url=url)

    @property
    def url(self):
        """Where we are."""
        return self._ask("GET", "/url")

    def find(self, css):
        """The first element that a selector fits; an AssertionError where there is none."""
        try:
            return self._ask("POST", "/element", using="css selector", value=css)[ELEMENT]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"no {css} in {self.text()!r}: {error.read()[:200]!r}") from None

    def type(self, css, text):
        """Replace what stands in a field."""
        element = self.find(css)
        self._ask("POST", f"/element/{element}/clear")
        self._ask("POST", f"/element/{element}/value", text=text)

    def click(self, css):
        """Click, and wait for the page that follows."""
        element = self.find(css)
        self.run("(window.before = true)")
        self._ask("POST", f"/element/{element}/click")
        eventually(self._another, what=f"the page behind {css}")

    def _another(self):
        with contextlib.suppress(urllib.error.HTTPError):  # between two pages there is none
            return self.run("!window.before && document.readyState === 'complete'")
        return False

    def text(self, css="body"):
        """What a person reads there."""
        return (
            self._ask("GET", f"/element/{self.find(css)}/text")
            if css != "body"
            else self.run("document.body.innerText")
        )

    def run(self, expression):
        """The value of an expression of JavaScript in the page."""
        return self._ask("POST", "/execute/sync", script=f"return {expression}", args=[])

    def log(self):
        """What the browser complained of."""
        return [each["message"] for each in self._ask("POST", "/se/log", type="browser")]

    def picture(self, path):
        """What it looks like, as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))


@contextlib.contextmanager
def browsing(directory):
    """A new browser with no memory; the test is skipped where there is none."""
    if not shutil.which("chromedriver"):
        pytest.skip("there is no browser (Debian: chromium-driver)")
    port = free_port()
    # Chromium's sockets lie in TMPDIR and must fit in sun_path's 108 bytes (unix(7)): a test's own
    # directory is too long for that.
    short = tempfile.TemporaryDirectory(prefix="b", ignore_cleanup_errors=True)
    with (directory / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"],
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": short.name, "TMPDIR": short.name},
        )
    url = f"http://127.0.0.1:{port}/session"
    try:
        eventually(lambda: _ready(port), 60)
        options = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        wanted = {"goog:chromeOptions": {"args": options}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = f"{url}/{_started(url, wanted)}"
        yield Browser(session)
        urllib.request.urlopen(urllib.request.Request(session, method="DELETE"), timeout=60).close()
    finally:
        driver.terminate()
        driver.wait(20)
        short.cleanup()


def _started(url, wanted):
    body = json.dumps({"capabilities": {"alwaysMatch": wanted}}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=120) as answer:
            return json.load(answer)["value"]["sessionId"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"no session of a browser: {error.read()!r}") from None


def _ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            return json.load(answer)["value"]["ready"]
    except OSError:
        return False
