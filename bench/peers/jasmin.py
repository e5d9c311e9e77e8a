"""Jasmin with its RabbitMQ and Redis, for ``bench/smpp.py``: ports and files of their own, its queue filled by HTTP.

``$JASMIN`` names the virtual environment that Jasmin from PyPI is in; rabbitmq-server and redis-server are Debian's.
RabbitMQ's start script gives up its rights to a user of its own, so this needs root.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

LIMIT_S = 60.0
PORTS = ("jcli", "http-api", "smpp-server", "smpp-server-pb", "client-management", "router", "amqp-broker")
LOGGED = (*PORTS, "service-smppclient", "sm-listener", "redis-client", "deliversm-thrower", "dlr")
ORDERS = """
group -a
gid bench
ok
user -a
username app
password app
gid bench
uid bench
ok
smppccm -a
cid bench
host 127.0.0.1
port {port}
username bench
password bench
bind transceiver
submit_throughput 0
con_fail_delay 1
con_loss_delay 1
loglevel 40
ok
smppccm -1 bench
mtrouter -a
type defaultroute
connector smppc(bench)
rate 0
ok
"""


def missing() -> str:
    """Why it can't take part; empty when it can."""
    if "JASMIN" not in os.environ:
        return "JASMIN names no virtual environment with Jasmin"
    if os.getuid() != 0:
        return "RabbitMQ's start script needs root"
    return "" if shutil.which("rabbitmq-server") and shutil.which("redis-server") else "RabbitMQ or Redis is missing"


@contextlib.contextmanager
def running(
    folder: Path, carrier: int, free_port: Callable[[], int], texts: list[tuple[str, str]]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The three of them, with the texts queued; the carrier appears afterwards at its port."""
    ports = {name: free_port() for name in (*PORTS, "redis-client")}
    root = _root(folder, ports)
    processes = []
    try:
        processes.append(_start(["redis-server", "--port", str(ports["redis-client"]), "--save", ""]))
        processes.append(_start(["rabbitmq-server"], _rabbit(root, ports["amqp-broker"], free_port())))
        _reach(ports["redis-client"])
        _reach(ports["amqp-broker"])
        venv = Path(os.environ["JASMIN"]) / "bin"
        processes.insert(0, _start([venv / "python", venv / "jasmind.py"], {"ROOT_PATH": str(root)}))
        _reach(ports["http-api"])
        _order(ports["jcli"], ORDERS.format(port=carrier))
        _fill(ports["http-api"], texts)
        yield processes
    finally:
        for process, how in zip(processes, (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL), strict=False):
            # Killed, jasmind would leave a lock behind that keeps the next one from starting.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            process.wait()
        # The broker has left its starter's group together with its rights.
        with contextlib.suppress(OSError):
            os.kill(int((root / "rabbit/pid").read_text()), signal.SIGKILL)


def _root(folder: Path, ports: dict[str, int]) -> Path:
    root = folder / "jasmin"
    for part in ("etc/jasmin/resource", "etc/jasmin/store", "var/log/jasmin", "rabbit"):
        (root / part).mkdir(parents=True)
    folder.chmod(0o755)
    shutil.chown(root / "rabbit", "rabbitmq")
    given = {name: f"port = {port}\n" for name, port in ports.items()}
    sections = [f"[{name}]\nlog_level = ERROR\n{given.get(name, '')}" for name in LOGGED]
    sections[0] += "authentication = False\n"
    (root / "etc/jasmin/jasmin.cfg").write_text("".join(sections))
    specification = next(Path(os.environ["JASMIN"]).glob("lib/python3*/site-packages/txamqp/specs/standard/*0-9-1*"))
    shutil.copy(specification, root / "etc/jasmin/resource/amqp0-9-1.xml")
    return root


def _rabbit(root: Path, port: int, cluster: int) -> dict[str, str]:
    return {
        "RABBITMQ_NODENAME": f"bench{port}@localhost", "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(cluster), "RABBITMQ_MNESIA_BASE": str(root / "rabbit"),
        "RABBITMQ_LOG_BASE": str(root / "rabbit"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / "none"),
        "RABBITMQ_PID_FILE": str(root / "rabbit/pid"),
    }  # fmt: skip


def _start(command: list[str | Path], environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen(command, env={**os.environ, **(environ or {})}, **quiet)  # type: ignore[call-overload]


def _reach(port: int) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {port}"
            time.sleep(0.1)
        else:
            return


def _order(port: int, orders: str) -> None:
    """Type orders into its console, each after the prompt."""
    with socket.create_connection(("127.0.0.1", port), 10) as console:
        for line in orders.strip().splitlines():
            console.sendall(line.encode() + b"\r\n")
            said = b""
            while not {b"jcli : ", b"> "} & {said[-7:], said[-2:]}:
                said += console.recv(4096)


def _fill(port: int, texts: list[tuple[str, str]]) -> None:
    def push(share: list[tuple[str, str]]) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port)
        for to, text in share:
            asked = {"username": "app", "password": "app", "from": "12345", "to": to, "content": text}
            client.request("GET", f"/send?{urllib.parse.urlencode(asked)}")
            assert client.getresponse().read().startswith(b"Success")

    workers = [threading.Thread(target=push, args=(texts[at::4],)) for at in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
