"""Servers of the standard library that remember what they were given: HTTP and just enough SMTP."""

import contextlib
import http.server
import socketserver
import threading
from email import message_from_bytes, policy


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class WebServer(http.server.ThreadingHTTPServer):
    """Answers with the codes of ``plan``, or (code, body), then 204; ``posts`` has (path, headers, body)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Web)
        self.posts, self.plan, self.hang = [], [], threading.Event()
        self.hang.set()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.server.hang.wait(30)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.posts.append((self.path, headers, body))
        planned = self.server.plan.pop(0) if self.server.plan else 204
        code, said = planned if isinstance(planned, tuple) else (planned, b"")
        self.send_response(code)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP (RFC 5321) as far as smtplib needs it; ``mails`` has (sender, recipient, message)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mails, self.refused, self.greeting = [], set(), b"220 here"
        self.port = self.server_address[1]


class _Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self._say(self.server.greeting)
        sender, recipient = "", ""
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"MAIL":
                sender = line.partition(b"<")[2].partition(b">")[0].decode()
            elif verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                if recipient in self.server.refused:
                    self._say(b"550 nobody here")
                    continue
            elif verb == b"DATA":
                self._say(b"354 go on")
                octets = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append((sender, recipient, message_from_bytes(octets, policy=policy.default)))
            elif verb == b"QUIT":
                self._say(b"221 bye")
                return
            self._say(b"250 ok")

    def _say(self, line):
        self.wfile.write(line + b"\r\n")
