"""Whether claiming and settling cost the same however many messages wait.

    python bench/flat.py [--queued 1000 100000 1000000] [--turns 60]

Each number of waiting messages has a SQLite file of its own in the current directory's file system, with durability
full. A turn claims 200 rows and settles them as sent, two commits; the files take turns, so that a host that becomes
slower or faster meanwhile does so for all of them. Prints for each file the median time and CPU of one message, and
how both compare with the first file's: the median of the ratios turn by turn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import count
from pathlib import Path

from drivers.base import Outcome
from gateway.store import connections, nodes, outbox
from gateway.store.engine import Store
from gateway.store.types import NewMessage, NewTransmission, PartResult, Settlement, Status

LANE = "mtn"
TEXT = "The clinic is open tomorrow from 8 to 12. Please bring your card. Reply STOP to get no more messages."
ROWS = 200
WARM_UP = 5
references, messages = count(), count()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Queue:
    """One file, and what its turns took: (seconds, seconds of CPU) of one message."""

    def __init__(self, folder: Path, waiting: int) -> None:
        self.waiting = waiting
        self.took: list[tuple[float, float]] = []
        self._store = Store.open(f"sqlite:///{folder}/{waiting}.db", upgrade=True)
        self._epoch = self._store.write(lambda c: nodes.start(c, "bench", "drain", 10**9, now_ms()))
        self._people = self._store.write(
            lambda c: connections.lookup(c, LANE, [f"+2547{n:08}" for n in range(1000)], now_ms())
        )
        for start in range(0, waiting, 1000):
            self._send(min(1000, waiting - start))

    def turn(self) -> None:
        """Claim, settle, and note what it took; as many are sent again before."""
        self._send(ROWS)
        start, cpu = time.perf_counter(), time.process_time()
        request = outbox.ClaimRequest(LANE, (LANE,), self._epoch, max_rows=ROWS)
        claimed = self._store.write(lambda c: outbox.claim(c, request, now_ms()))
        results = [
            PartResult(one.attempt, 1, Outcome.ACCEPTED, f"{next(references):x}", left_ms=now_ms()) for one in claimed
        ]
        ends = [Settlement(one.attempt, one.transmission, Status.SENT) for one in claimed]
        self._store.write(lambda c: outbox.settle(c, self._epoch, results, ends, now_ms()))
        assert len(claimed) == ROWS
        self.took.append(((time.perf_counter() - start) / ROWS, (time.process_time() - cpu) / ROWS))

    def against(self, first: Queue) -> str:
        """The medians in words."""
        (wall, cpu), (wall_ratio, cpu_ratio) = (
            [statistics.median(column) for column in zip(*rows, strict=True)]
            for rows in (
                self.took,
                [(mine[0] / its[0], mine[1] / its[1]) for mine, its in zip(self.took, first.took, strict=True)],
            )
        )
        return (
            f"{self.waiting:8} wait: {1 / wall:7.0f}/s, {cpu * 1e6:5.1f} µs of CPU each;"
            f" {wall_ratio:.2f} of the time and {cpu_ratio:.2f} of the CPU with {first.waiting}"
        )

    def close(self) -> None:
        self._store.close()

    def _send(self, wanted: int) -> None:
        some = tuple(NewTransmission(each.id, LANE, each.identity, LANE, 1, "gsm7") for each in self._people[:wanted])
        new = NewMessage(f"{next(messages):032d}", TEXT, some)
        self._store.write(lambda c: outbox.enqueue(c, new, now_ms(), 30_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, nargs="*", default=[1000, 100_000])
    parser.add_argument("--turns", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".") as directory:
        queues = [Queue(Path(directory), waiting) for waiting in given.queued]
        for _ in range(WARM_UP + given.turns):
            for queue in queues:
                queue.turn()
        for queue in queues:
            del queue.took[:WARM_UP]
            print(queue.against(queues[0]), flush=True)
            queue.close()


if __name__ == "__main__":
    main()
