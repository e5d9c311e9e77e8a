"""How fast the queue is, what it writes, and what the service weighs while many messages wait.

    python bench/queue.py [--full] [--url URL] [--durability full]

Without a URL a SQLite file is made in the current directory's file system and removed again. Every figure is with the
durability asked for; claim and settle are those of a device with a window of 200. ``--full`` goes up to a million
queued messages, which takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

# This file has the name of a module of the standard library, which others import.
sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).resolve().parent]

import argparse  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from itertools import count  # noqa: E402

from drivers.base import Outcome  # noqa: E402
from gateway import api, configure, lookup_connections, send  # noqa: E402
from gateway.store import nodes, outbox  # noqa: E402
from gateway.store.engine import Store  # noqa: E402
from gateway.store.types import PartResult, Settlement, Status  # noqa: E402

LANE = "mtn"
TEXT = "The clinic is open tomorrow from 8 to 12. Please bring your card. Reply STOP to get no more messages."
MOST_RSS_MB = 120
PROCESSES = 8
TRACED = 200
WINDOW, TURNS = 200, 20
"""How many rows a device takes at once, and how often for one figure."""
references = count()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def people(wanted: int, first: int = 700_000_000):
    return lookup_connections(LANE, [f"+254{first + n}" for n in range(wanted)])


def written() -> int:
    """Octets that this process has sent to disks so far (proc(5), io)."""
    return int(re.search(r"write_bytes: (\d+)", Path("/proc/self/io").read_text()).group(1))


class Measure:
    """Runs ``work``, which gives how many it did, for ``seconds`` or so many ``times``."""

    def __init__(self, work: Callable[[], int], seconds: float = 0.0, times: int = 1) -> None:
        work()
        octets, cpu, start = written(), time.process_time(), time.perf_counter()
        self.done, runs, passed = 0, 0, 0.0
        while passed < seconds or runs < times:
            self.done += work()
            runs += 1
            passed = time.perf_counter() - start
        self.rate = self.done / passed
        self.cpu_us = (time.process_time() - cpu) / self.done * 1e6
        self.octets = (written() - octets) / self.done

    def __str__(self) -> str:
        return f"{self.rate:8.0f}/s  {self.cpu_us:7.0f} µs of CPU  {self.octets / 1024:7.1f} KiB written"


def accept(wanted: int) -> Callable[[], int]:
    """Sends to ``wanted`` recipients in one call, to other ones each time."""
    some = people(max(wanted, 500))
    calls = count()

    def work() -> int:
        first = next(calls) * wanted % len(some)
        send(TEXT, some[first : first + wanted])
        return wanted

    return work


def serve(store: Store, epoch: int, rows: int = WINDOW) -> Callable[[], int]:
    """Claims up to ``rows`` and settles them as sent."""

    def work() -> int:
        request = outbox.ClaimRequest(LANE, (LANE,), epoch, max_rows=rows)
        claimed = store.write(lambda c: outbox.claim(c, request, now_ms()))
        results = [
            PartResult(one.attempt, 1, Outcome.ACCEPTED, f"{next(references):x}", left_ms=now_ms()) for one in claimed
        ]
        ends = [Settlement(one.attempt, one.transmission, Status.SENT) for one in claimed]
        store.write(lambda c: outbox.settle(c, epoch, results, ends, now_ms()))
        return len(claimed)

    return work


def fill(wanted: int) -> None:
    """Queue messages, 1,000 recipients each, until so many wait."""
    some = people(1000)
    with api.get_router().session.store.read() as c:
        there = outbox.counts(c).get((LANE, Status.QUEUED), 0)
    for start in range(there, wanted, 1000):
        send(TEXT, some[: min(1000, wanted - start)])


def by_processes(given: argparse.Namespace, state: str, url: str | None) -> float:
    """Accepted messages a second, by so many processes at once."""
    word = [sys.executable, __file__, "--durability", given.durability, "--seconds", str(given.seconds)]
    word += ["--state", state, *(["--url", url] if url else [])]
    started = [
        subprocess.Popen([*word, "--child", str(n)], stdout=subprocess.PIPE, text=True) for n in range(PROCESSES)
    ]
    return sum(float(child.communicate()[0]) for child in started)


def syncs(given: argparse.Namespace, state: str, work: str) -> str:
    """How often one message waits for the disk on its way, counted by strace(1)."""
    if given.url or not shutil.which("strace"):
        return "not counted: needs SQLite and strace"
    with tempfile.NamedTemporaryFile("r") as told:
        traced = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync,pwrite64", "-o", told.name]
        child = [sys.executable, __file__, "--durability", given.durability, "--state", state, "--traced", work]
        subprocess.run([*traced, *child], check=True, stdout=subprocess.DEVNULL)
        calls = dict.fromkeys(("fsync", "fdatasync", "pwrite64"), 0)
        for line in told.read().splitlines():
            words = line.split()
            if words and words[-1] in calls:
                calls[words[-1]] = int(words[3])
    both = (calls["fsync"] + calls["fdatasync"]) / TRACED
    return f"{both:6.3f} waits for the disk, {calls['pwrite64'] / TRACED:6.1f} writes"


def traced(work: str) -> None:
    """What ``syncs`` looks at: so many messages accepted one by one, or claimed and settled 20 at a time."""
    store = api.get_router().session.store
    if work == "accept":
        one = accept(1)
        for _ in range(TRACED):
            one()
        return
    turn = serve(store, store.write(lambda c: nodes.start(c, "traced", "drain", 10**9, now_ms())), rows=20)
    for _ in range(TRACED // 20):
        turn()


def rss_mb(state: str, url: str | None) -> float:
    """The most memory that the service's own process takes in its first seconds with this queue, in MB."""
    config = Path(state, "gateway.toml")
    database = f'database = "{url}"\n' if url else ""
    config.write_text(
        f'[gateway]\nstate = "{state}"\n{database}[modem.{LANE}]\nport = "virtual"\nrate = "600/minute"\n'
    )
    service = subprocess.Popen(
        [sys.executable, "-m", "gateway", "-c", str(config), "run"], stderr=subprocess.PIPE, text=True
    )
    try:
        for line in service.stderr:
            if "is ready" in line:
                break
        time.sleep(5)
        status = Path(f"/proc/{service.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024
    finally:
        service.terminate()
        service.communicate()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--durability", choices=["full", "fast"], default="full")
    parser.add_argument("--full", action="store_true", help="up to a million queued")
    parser.add_argument("--queued", type=int, nargs="*")
    parser.add_argument("--seconds", type=float, help="time for each figure")
    parser.add_argument("--state", help=argparse.SUPPRESS)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--traced", choices=["accept", "serve"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.queued = given.queued or ([1000, 100_000, 1_000_000] if given.full else [1000, 20_000])
    given.seconds = given.seconds or (5.0 if given.full else 1.5)
    return given


def use(given: argparse.Namespace, state: str) -> None:
    gateway = {"state": state, "durability": given.durability, **({"database": given.url} if given.url else {})}
    configure({"gateway": gateway, "modem": {LANE: {"port": "virtual"}}})


def report(given: argparse.Namespace, state: str) -> None:
    use(given, state)
    store = api.get_router().session.store
    kind = "SQLite" if store.path else "PostgreSQL"
    print(f"{kind}, durability {given.durability}; each figure is for one message to one recipient", flush=True)
    epoch = store.write(lambda c: nodes.start(c, "bench", "drain", 10**9, now_ms()))
    for queued in given.queued:
        fill(queued + WINDOW * (TURNS + 1))
        through = Measure(serve(store, epoch), times=TURNS)
        print(f"claim, settle, {queued:8} wait {through}", flush=True)
    print(f"send, one recipient          {Measure(accept(1), given.seconds)}", flush=True)
    print(f"send, 1000 recipients        {Measure(accept(1000), given.seconds)}", flush=True)
    print(f"send, one, by {PROCESSES} processes    {by_processes(given, state, given.url):8.0f}/s", flush=True)
    print(f"  accepted                   {syncs(given, state, 'accept')}", flush=True)
    print(f"  claimed and settled by 20  {syncs(given, state, 'serve')}", flush=True)
    fill(given.queued[-1])
    api.adopt(None)
    used = rss_mb(state, given.url)
    verdict = "" if used < MOST_RSS_MB else f"  (more than {MOST_RSS_MB})"
    print(f"the service with {given.queued[-1]:8} queued takes {used:.0f} MB{verdict}")


def main() -> None:
    given = arguments()
    if given.state and (given.traced or given.child is not None):
        use(given, given.state)
        if given.traced:
            traced(given.traced)
        else:
            people(500)
            print(Measure(accept(1), given.seconds).rate)
        api.adopt(None)
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".") as directory:
        report(given, str(Path(directory).resolve()))


if __name__ == "__main__":
    main()
