"""Real parts for the walks: the service as systemd would start it, and virtual devices as processes of their own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from drivers.virtual.control import Control

MODEM_NUMBER = "+447700900001"
CARRIER_NUMBER = "+447700900002"
PHONE = "+447700900123"


def eventually(condition, limit_s=30.0, what=""):
    """What ``condition`` gives as soon as it is true; an assertion that shows the last value after ``limit_s``.

    ``what`` names it there: a text, or a function that is called only then.
    """
    until, pause = time.monotonic() + limit_s, threading.Event()
    while not (value := condition()):
        if time.monotonic() >= until:
            named = (what() if callable(what) else what) or condition
            raise AssertionError(f"{named} was still {value!r} after {limit_s:.0f} s")
        pause.wait(0.03)
    return value


def free_port():
    """A port of the loopback interface that nobody has."""
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Device:
    """A virtual modem or carrier in a process of its own, which outlives the service."""

    def __init__(self, kind, directory, *arguments, name=None):
        self.name = name or kind
        self.log = Path(directory) / f"{self.name}.jsonl"
        self._control = Path(directory) / f"{self.name}.ctl"
        command = [
            sys.executable,
            "-m",
            "drivers.virtual",
            kind,
            "--log",
            self.log,
            "--control",
            self._control,
            *arguments,
        ]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def control(self):
        """A connection to its control socket."""
        return Control(self._control)

    def witness(self):
        """Every message that reached it."""
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in self.log.read_text().splitlines()]
        return []

    def close(self):
        """End it."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Service:
    """``sms-gateway -c FILE run`` with the notify socket of a service manager."""

    def __init__(self, directory, config):
        self.directory = Path(directory)
        self.config = self.directory / "gateway.toml"
        self.config.write_text(config, encoding="utf-8")
        self.config.chmod(0o600)
        self.log = self.directory / "service.log"
        self.process = None

    def start(self, limit_s=30.0, **environ):
        """Start it and wait for READY=1."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.directory / "notify"
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "-c", str(self.config), "run"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "NOTIFY_SOCKET": str(path), **environ},
            )  # fmt: skip
        self._socket.settimeout(limit_s)
        try:
            while b"READY=1" not in self._socket.recv(4096):
                pass
        except TimeoutError:
            raise AssertionError(self.log.read_text()) from None
        return self

    def notified(self):
        """The next thing that it tells the service manager."""
        return self._socket.recv(4096)

    def stop(self, limit_s=60.0):
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended(limit_s)

    def kill(self):
        """SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        return self._ended(10.0)

    def died(self, limit_s=30.0):
        """Wait until it ends by itself; its exit status."""
        return self._ended(limit_s)

    def _ended(self, limit_s):
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end within {limit_s} s:\n{self.log.read_text()}") from None
        finally:
            self._socket.close()
        self.process = None
        return code

    def children(self):
        """Process ids of its devices."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [
            int(word)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for word in (task / "children").read_text().split()
        ]

    def cli(self, *arguments, code=0):
        """Run a command beside the service; its stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "-c", str(self.config), *arguments],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout

    def rows(self, *arguments):
        """The transmissions that ``messages --json`` lists."""
        return [json.loads(line) for line in self.cli("messages", "--json", "--limit", "1000", *arguments).splitlines()]

    def close(self):
        """End it, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._socket.close()


def config(directory, modem=None, carrier=None, *, gateway="", modem_keys="", carrier_keys=""):
    """A config for the devices given."""
    text = f'[gateway]\nstate = "{directory}/state"\napps = ["gateway.apps.echo"]\n{gateway}\n'
    if modem:
        text += f'[modem.modem]\nport = "{modem.ready["port"]}"\npoll = "500ms"\n{modem_keys}\n'
    if carrier:
        text += (
            f'[smpp.carrier]\nhost = "{carrier.ready["host"]}"\nport = {carrier.ready["port"]}\n'
            f'system_id = "demo"\npassword = "demo"\nsource = "{CARRIER_NUMBER}"\n{carrier_keys}\n'
        )
    return text


def virtual_modem(directory, *arguments):
    """A modem on a pty."""
    return Device("modem", directory, "--number", MODEM_NUMBER, "--link", Path(directory) / "modem.tty", *arguments)


def virtual_carrier(directory, *arguments):
    """A carrier with the account demo."""
    return Device(
        "carrier", directory, "--account", f"demo:demo:{CARRIER_NUMBER}", "--receipt-delay", "0.1", *arguments
    )
