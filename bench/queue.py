"""How fast the queue is: accepting, and claiming and settling while many messages wait.

    python bench/queue.py [--url URL] [--queued 1000 100000 1000000] [--durability full]

Without a URL a SQLite file is made in the current directory's file system and removed again. Every figure is with
the durability asked for; the claim and settle rates are of a device with a window of 200.
"""

from __future__ import annotations

import sys
from pathlib import Path

# This file has the name of a module of the standard library, which others import.
sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).resolve().parent]

import argparse  # noqa: E402
import multiprocessing  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from itertools import count  # noqa: E402

from drivers.base import Outcome  # noqa: E402
from gateway.store import connections, nodes, outbox  # noqa: E402
from gateway.store.engine import Store  # noqa: E402
from gateway.store.ids import new_id  # noqa: E402
from gateway.store.types import NewMessage, NewTransmission, PartResult, Settlement, Status  # noqa: E402

LANE = "bench"
AGEING_MS = 30_000
TEXT = "The clinic is open tomorrow from 8 to 12. Please bring your card. Reply STOP to get no more messages."
numbers = count(700_000_000)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def message(c, recipients: list[str]) -> None:
    now = now_ms()
    found = connections.lookup(c, LANE, recipients, now)
    new = tuple(NewTransmission(each.id, LANE, each.identity, LANE, 1, "gsm7") for each in found)
    outbox.enqueue(c, NewMessage(new_id(now), TEXT, new), now, AGEING_MS)


def recipients(n: int) -> list[str]:
    return [f"+254{next(numbers)}" for _ in range(n)]


def rate(work: Callable[[], int], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        done += work()
    return done / passed


def accept(store: Store, size: int, seconds: float) -> float:
    def one() -> int:
        wanted = recipients(size)
        store.write(lambda c: message(c, wanted))
        return size

    return rate(one, seconds)


def accept_by_threads(store: Store, threads: int, seconds: float) -> float:
    sums: list[float] = []
    workers = [threading.Thread(target=lambda: sums.append(accept(store, 1, seconds))) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(sums)


def _accept_in_process(url: str, durability: str, first: int, seconds: float, results) -> None:
    global numbers  # noqa: PLW0603 - each process sends to numbers of its own
    numbers = count(first)
    store = Store.open(url, durability)
    results.put(accept(store, 1, seconds))
    store.close()


def accept_by_processes(url: str, durability: str, processes: int, seconds: float) -> float:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(
            target=_accept_in_process, args=(url, durability, 100_000_000 + n * 10_000_000, seconds, results)
        )
        for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


def fill(store: Store, wanted: int) -> None:
    with store.read() as c:
        there = outbox.counts(c).get((LANE, Status.QUEUED), 0)
    some = recipients(min(5000, max(0, wanted - there)))
    while there < wanted:
        part = some[: wanted - there]
        store.write(lambda c, part=part: message(c, part))
        there += len(part)


def serve(store: Store, epoch: int, seconds: float) -> tuple[float, float, float, float]:
    """Rows a second through claim and settle, CPU microseconds for each, and the median milliseconds of each commit."""
    claims, settles, done, references = [], [], [], count()

    def turn() -> int:
        start = time.perf_counter()
        request = outbox.ClaimRequest(LANE, (LANE,), epoch)
        claimed = store.write(lambda c: outbox.claim(c, request, now_ms()))
        between = time.perf_counter()
        results = [PartResult(one.attempt, 1, Outcome.ACCEPTED, f"{next(references):x}") for one in claimed]
        ends = [Settlement(one.attempt, one.transmission, Status.SENT) for one in claimed]
        store.write(lambda c: outbox.settle(c, epoch, results, ends, now_ms()))
        claims.append(between - start)
        settles.append(time.perf_counter() - between)
        done.append(len(claimed))
        return len(claimed)

    spent = time.process_time()
    rows = rate(turn, seconds)
    spent = (time.process_time() - spent) / sum(done)
    return rows, spent * 1e6, statistics.median(claims) * 1000, statistics.median(settles) * 1000


@contextmanager
def database(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".") as directory:
        yield f"sqlite:///{Path(directory).resolve()}/gateway.db"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--durability", choices=["full", "fast"], default="full")
    parser.add_argument("--queued", type=int, nargs="*", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each figure")
    given = parser.parse_args()
    with database(given.url) as url:
        store = Store.open(url, given.durability, upgrade=True)
        epoch = store.write(lambda c: nodes.start(c, "bench", "service", 10**9, now_ms()))
        print(f"{url.partition(':')[0]}, durability {given.durability}")
        print(f"accept, one recipient        {accept(store, 1, given.seconds):10.0f} messages/s")
        print(f"accept, one, by 8 threads    {accept_by_threads(store, 8, given.seconds):10.0f} messages/s")
        by_processes = accept_by_processes(url, given.durability, 8, given.seconds)
        print(f"accept, one, by 8 processes  {by_processes:10.0f} messages/s")
        print(f"accept, 1000 recipients      {accept(store, 1000, given.seconds):10.0f} recipients/s")
        print("    queued   through/s   CPU for one   claim of 200   settle of 200")
        for queued in given.queued:
            fill(store, queued)
            rows, spent, claim_ms, settle_ms = serve(store, epoch, given.seconds)
            print(f"{queued:10}  {rows:10.0f}  {spent:9.0f} µs  {claim_ms:10.1f} ms  {settle_ms:11.1f} ms", flush=True)
        print(f"resident at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
        store.close()


if __name__ == "__main__":
    main()
