"""The demonstration: a virtual modem, a virtual carrier and the echo app, with the real service between them.

It sends messages to its own numbers through both devices. They come back in, the echo app answers, and the answers
come in again; every status and receipt on the way is shown as it happens.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway import api, wake
from gateway.errors import GatewayError
from gateway.service.demo_view import View, view
from gateway.store import queries
from gateway.store.queries import MessageFilter
from gateway.store.types import Direction, MessageRow, Status, TransmissionRow

CONFIG = """\
# Everything without hardware: a modem and a carrier that are programs.
[gateway]
state = "state"
apps  = ["gateway.apps.echo"]

[modem.modem]
port    = "virtual"
poll    = "1s"
virtual = { number = "+447700900001" }

[smpp.carrier]
host    = "virtual"
source  = "+447700900002"
virtual = { number = "+447700900002" }
"""
NUMBERS = {"modem": "+447700900001", "carrier": "+447700900002"}
START_LIMIT_S = 20.0
LIMIT_S = 60.0
LOOK_S = 0.2
Rows = list[tuple[TransmissionRow, MessageRow]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has happened so far, counted."""

    delivered: int
    handled: int

    @property
    def complete(self) -> bool:
        """Two messages went out and two answers, and all four came in."""
        return self.delivered >= 2 * len(NUMBERS) and self.handled >= 2 * len(NUMBERS)


def run(directory: Path | None = None, *, keep: bool = False) -> int:
    """Show it; the exit status: 0 when all that was expected has happened.

    ``directory`` is made when it is missing (default: ``demo`` here, or a fresh one when that can't be used).
    ``keep``: go on until Ctrl-C; that is also the way on a terminal.
    """
    home = _home(directory)
    file = home / "gateway.toml"
    file.write_text(CONFIG, encoding="utf-8")
    print(f"config: {file}")
    print(f"a second terminal may use: sms-gateway -c {file} status", flush=True)
    environ = {name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    with (home / "service.log").open("ab") as log:
        command = [sys.executable, "-m", "gateway", "-c", str(file), "run"]
        service = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environ)
    try:
        return _show(file, home, service, keep=keep or sys.stdout.isatty())
    except GatewayError as error:
        print(f"the demonstration failed: {error}", file=sys.stderr)
        return 1
    finally:
        _end(service)
        api.adopt(None)


def _home(directory: Path | None) -> Path:
    home = directory or Path("demo")
    try:
        home.mkdir(parents=True, exist_ok=True)
        fresh = not (home / "state").exists()
    except OSError:
        fresh = False
    if directory is None and not fresh:
        home = Path(tempfile.mkdtemp(prefix="sms-gateway-demo-"))
    return home.absolute()


def _show(file: Path, home: Path, service: subprocess.Popen[bytes], *, keep: bool) -> int:
    _await(lambda: (home / "state" / wake.NAME).exists() or service.poll() is not None, START_LIMIT_S)
    if service.poll() is not None:
        raise GatewayError(f"the service ended at once; {home / 'service.log'} says why")
    api.configure(file)
    for backend, number in NUMBERS.items():
        api.send(f"echo hello through the {backend}", api.lookup_connections(backend, [number]))
    started, outcome = time.monotonic(), Outcome(0, 0)
    with view(sys.stdout) as seen:
        try:
            while keep or not (outcome.complete or time.monotonic() - started > LIMIT_S):
                outcome = _look(seen)
                if service.poll() is not None:
                    raise GatewayError(f"the service has ended; {home / 'service.log'} says why")
                if outcome.complete:
                    seen.note("all of it arrived and was answered" + ("; Ctrl-C ends it" if keep else ""))
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            outcome = _look(seen)
    took = f" in {time.monotonic() - started:.0f} s" if not keep else ""
    word = "all well" if outcome.complete else "not everything happened"
    print(f"{word}{took}: {outcome.delivered} messages were delivered, {outcome.handled} came in and were handled")
    return 0 if outcome.complete else 1


def _look(seen: View) -> Outcome:
    rows = _rows()
    seen.show(rows)
    delivered = sum(row.direction is Direction.OUT and row.status is Status.DELIVERED for row, _ in rows)
    handled = sum(row.direction is Direction.IN and row.status is Status.HANDLED for row, _ in rows)
    return Outcome(delivered, handled)


def _rows() -> Rows:
    with api.get_router().session.store.read() as c:
        return queries.messages(c, MessageFilter(limit=200))


def _await(condition: Callable[[], bool], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            raise GatewayError(f"nothing happened for {limit_s:.0f} s")
        time.sleep(LOOK_S / 4)


def _end(service: subprocess.Popen[bytes]) -> None:
    if service.poll() is None:
        service.send_signal(signal.SIGTERM)
    try:
        service.wait(30)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        service.kill()
        service.wait()
