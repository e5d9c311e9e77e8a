"""How fast a full queue drains through SMPP: ours, Kannel, Jasmin and a bare smpplib client, in turns at one carrier.

    python bench/smpp.py --count 10000 --window 50 --latency 0.02 --rounds 3

Ours is the whole service with durability full: claimed, journalled and settled in SQLite. Kannel is bearerbox with
its spool store, filled by HTTP through smsbox. Jasmin keeps its queue in RabbitMQ and has a window of one (see
``peers/jasmin.py`` for what it needs). smpplib keeps nothing. The carrier's own clock says from which submit to
which it took; CPU and memory are those of all processes of a contender, in that time. Prints one JSON object for each
contender, with medians.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from peers import jasmin as jasmin_peer

TEXT = "The quick brown fox jumps over the lazy dog"
LIMIT_S = 300.0
SMPPLIB = """
import collections, socket, sys, smpplib.client
port, window, count = map(int, sys.argv[1:])
client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
under_way = collections.Counter()
client.set_message_sent_handler(lambda pdu: under_way.subtract(["open"]))
client.connect(); client.bind_transceiver(system_id="bench", password="bench")
for number in range(count):
    while under_way["open"] >= window: client.read_once()
    under_way["open"] += 1
    client.send_message(source_addr="12345", destination_addr=f"25470{number:07d}", short_message=TEXT)
while under_way["open"]: client.read_once()
""".replace("TEXT", repr(TEXT.encode()))
BARE = """
import socket, sys
from drivers.smpp import codec, names
from drivers.smpp.framing import FrameBuffer
port, window, count = map(int, sys.argv[1:])
line = socket.create_connection(("127.0.0.1", port))
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
who = codec.body(names.BIND_TRANSCEIVER, {"system_id": "bench", "password": "bench"})
line.sendall(codec.pdu(names.BIND_TRANSCEIVER, 1, 0, who))
line.recv(1000)
body = codec.submit_body(codec.SubmitFields((1, 1, b"254700000001\\0"), TEXT))
frames, sequence, under_way = FrameBuffer(), 1, 0
while sequence <= count or under_way:
    out = b""
    while under_way < window and sequence <= count:
        sequence, under_way = sequence + 1, under_way + 1
        out += codec.pdu(names.SUBMIT_SM, sequence, 0, body)
    line.sendall(out)
    under_way -= sum(1 for _ in frames.feed(line.recv(65536)))
""".replace("TEXT", repr(TEXT.encode()))
KANNEL = """
group = core
admin-port = {admin}
admin-password = x
smsbox-port = {smsbox}
store-type = spool
store-location = {folder}/spool
log-file = /dev/null
log-level = 4

group = smsc
smsc = smpp
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = {window}
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {http}
log-file = {folder}/smsbox.log
log-level = 1

group = sendsms-user
username = app
password = app
"""


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Carrier:
    """The virtual carrier, in a process of its own."""

    def __init__(self, folder: Path, port: int, latency: float, rate: float) -> None:
        self.log = folder / "carrier.log"
        command = [
            sys.executable, "-m", "drivers.virtual", "carrier", "--port", str(port), "--account", "bench:bench:12345",
            "--log", str(self.log), "--faults", f"latency={latency}", "--faults", f"rate={rate}",
            "--faults", "burst=10.0",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self._read = self._lines = 0

    def lines(self) -> int:
        """How many it has logged; reads on where it was, so that watching costs the contenders nothing."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(self._read)
            more = log.read()
            self._read += len(more)
            self._lines += more.count(b"\n")
        return self._lines

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def used(pids: list[int]) -> tuple[float, float]:
    """Seconds of CPU and peak megabytes of these processes."""
    seconds = megabytes = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            status = Path(f"/proc/{pid}/status").read_text()
            megabytes += int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return seconds, megabytes


@contextlib.contextmanager
def ours(folder: Path, port: int, of: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The service, on a queue that is full already."""
    import gateway
    from gateway.store import connections, outbox
    from gateway.store.types import NewMessage, NewTransmission

    config = folder / "gateway.toml"
    config.write_text(
        f'[gateway]\nstate = "{folder}/state"\n[smpp.bench]\nhost = "127.0.0.1"\nport = {port}\nsystem_id = "bench"\n'
        f'password = "bench"\nsource = "12345"\nreceipts = false\nreconnect = "1s"\nwindow = {of.window}\n'
    )
    config.chmod(0o600)
    gateway.configure(config)
    store, now_ms = gateway.get_router().session.store, time.time_ns() // 1_000_000

    def fill(c: object) -> None:
        for number in range(of.count):
            (to,) = connections.lookup(c, "bench", [f"+25470{number:07d}"], now_ms)
            one = NewTransmission(to.id, "bench", to.identity, "bench", 1, "gsm7")
            outbox.enqueue(c, NewMessage(f"{number:032d}", TEXT, (one,)), now_ms, 30_000)

    store.write(fill)
    gateway.set_router(None)
    command = [sys.executable, "-m", "gateway", "-c", str(config), "run"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield [process]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def kannel(folder: Path, port: int, of: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """bearerbox with a full spool; the carrier appears afterwards."""
    (folder / "spool").mkdir()
    ports = {name: free_port() for name in ("admin", "smsbox", "http")}
    conf = folder / "kannel.conf"
    conf.write_text(KANNEL.format(folder=folder, port=port, window=of.window, **ports))
    boxes = []
    try:
        for box in ("bearerbox", "smsbox"):
            boxes.append(subprocess.Popen([box, conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(2)
        share = of.count // 4

        def push(worker: int) -> None:
            client = http.client.HTTPConnection("127.0.0.1", ports["http"])
            for number in range(worker * share, (worker + 1) * share):
                asked = {
                    "username": "app",
                    "password": "app",
                    "from": "12345",
                    "to": f"+25470{number:07d}",
                    "text": TEXT,
                }
                client.request("GET", f"/cgi-bin/sendsms?{urllib.parse.urlencode(asked)}")
                client.getresponse().read()

        workers = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        yield boxes
    finally:
        for process in reversed(boxes):
            process.kill()
            process.wait()


@contextlib.contextmanager
def smpplib(_folder: Path, port: int, of: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A loop around smpplib's client."""
    command = [sys.executable, "-c", SMPPLIB, str(port), str(of.window), str(of.count)]
    process = subprocess.Popen(command)
    try:
        yield [process]
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def jasmin(folder: Path, port: int, of: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """jasmind with a full queue; the carrier appears afterwards."""
    texts = [(f"25470{number:07d}", TEXT) for number in range(of.count // 4 * 4)]
    with jasmin_peer.running(folder, port, free_port, texts) as processes:
        yield processes


@contextlib.contextmanager
def bare(_folder: Path, port: int, of: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A socket that keeps the window full with one PDU: as fast as this carrier and host let anybody be."""
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port), str(of.window), str(of.count)])
    try:
        yield [process]
    finally:
        process.kill()
        process.wait()


CONTENDERS = {"ours": ours, "kannel": kannel, "jasmin": jasmin, "smpplib": smpplib, "bare": bare}


def run(name: str, of: argparse.Namespace) -> dict[str, float]:
    """One round of one contender."""
    with tempfile.TemporaryDirectory() as text, contextlib.ExitStack() as stack:
        folder, port, carrier = Path(text), free_port(), None
        if name in ("smpplib", "bare"):
            carrier = Carrier(folder, port, of.latency, of.rate)
        processes = stack.enter_context(CONTENDERS[name](folder, port, of))
        carrier = carrier or Carrier(folder, port, of.latency, of.rate)
        stack.callback(carrier.close)
        end = time.monotonic() + LIMIT_S
        while not carrier.lines():
            assert time.monotonic() < end, f"{name} sends nothing"
            time.sleep(0.01)
        pids = [pid for process in processes for pid in family(process.pid)]
        (before, _), begun = used(pids), carrier.lines()
        seconds = megabytes = 0.0
        wanted = of.count // 4 * 4
        while carrier.lines() < wanted and time.monotonic() < end:
            if all(process.poll() is None for process in processes):
                seconds, megabytes = used(pids)
            time.sleep(0.1)
        seen = [json.loads(line) for line in carrier.log.read_text().splitlines()]
        accepted = [each for each in seen if each["status"] == 0]
        took = accepted[-1]["monotonic"] - accepted[0]["monotonic"]
        return {
            "per_s": round((len(accepted) - 1) / took),
            "refused": len(seen) - len(accepted),
            "cpu_s_per_1000": round((seconds - before) / max(1, len(seen) - begun) * 1000, 3),
            "peak_mb": round(megabytes, 1),
        }


def missing(name: str) -> str:
    """Why a contender can't take part; empty when it can."""
    if name == "jasmin":
        return jasmin_peer.missing()
    return "bearerbox is missing" if name == "kannel" and not shutil.which("bearerbox") else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contenders", nargs="*", default=list(CONTENDERS))
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--window", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="the carrier throttles at this rate")
    parser.add_argument("--rounds", type=int, default=1)
    of = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(of.rounds):
        for name in of.contenders:
            if reason := missing(name):
                print(f"without {name}: {reason}", file=sys.stderr)
                continue
            found.setdefault(name, []).append(run(name, of))
    for name, rounds in found.items():
        medians = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        limit = of.window / of.latency if of.latency else None
        share = {"of_window_limit": round(medians["per_s"] / limit, 3)} if limit else {}
        print(json.dumps({"contender": name, **medians, **share}))


if __name__ == "__main__":
    main()
