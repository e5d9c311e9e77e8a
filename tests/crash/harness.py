"""The crash contract, proved by killing: the service and its callers die at random moments, and nothing is lost.

``python tests/crash/harness.py --rounds 200 --seed 1``. A virtual carrier and a virtual modem outlive every kill and
are the witnesses of what was really sent. At the end a checker compares what callers were promised, what the
witnesses saw, and what the rows say; every count that it prints must be 0.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "walks"))

from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway
from gateway.store import outbox

CALLER = """
import sys
import gateway
gateway.configure(sys.argv[1])
for n in range(20):
    for backend in sys.argv[3:]:
        text = f"{sys.argv[2]} {n} {backend} ñ"
        numbers = [f"+4477008{n:03}{i:02}" for i in range(1 if backend == "modem" else 25)]
        message = gateway.send(text, gateway.lookup_connections(backend, numbers))
        print(message.id, text, sep="\\t", flush=True)
"""


class Harness:
    """One state directory that survives many deaths."""

    def __init__(self, directory: Path, seed: int, *, modem: bool) -> None:
        self.chance = random.Random(seed)
        self.carrier = virtual_carrier(directory, "--faults", "latency=0.05")
        self.devices = {"carrier": self.carrier}
        if modem:
            self.devices["modem"] = virtual_modem(directory)
        keys = 'settle = "2s"\nattempts = 1000'
        text = config(
            directory,
            self.devices.get("modem"),
            self.carrier,
            carrier_keys=f'window = 20\nrate = "300/second"\n{keys}',
            modem_keys=f'driver = "at"\n{keys}',
        )
        self.service = Service(directory, text)
        self.promised: dict[str, str] = {}
        self.injected: list[str] = []
        self.in_doubt: set[int] = set()
        self.kills = 0

    def round(self, number: int) -> None:
        """Callers send, phones send, everything dies at some moment."""
        caller = subprocess.Popen(
            [sys.executable, "-c", CALLER, str(self.service.config), f"r{number}", *self.devices],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._start()
            self._inject(number)
            threading.Event().wait(self.chance.uniform(0.0, 1.5))
        finally:
            caller.kill()
            self._heard(caller.stdout.read())
            caller.stdout.close()
            caller.wait()
        self.service.kill()
        self.kills += 1
        self._note_doubts()

    def _start(self) -> None:
        # Some rounds die while the service starts.
        limit = self.chance.choice([30.0, 30.0, 30.0, 0.3, 0.8])
        try:
            self.service.start(limit)
        except AssertionError:
            if limit == 30.0:
                raise

    def _inject(self, number: int) -> None:
        for index in range(5):
            text = f"echo in {number} {index}"
            self.injected.append(text)
            with self.carrier.control() as control:
                control.deliver(PHONE, text)

    def _heard(self, output: str) -> None:
        for line in output.splitlines(keepends=True):
            # A line that was cut off was not a promise yet.
            if line.endswith("\n"):
                message_id, text = line.rstrip("\n").split("\t")
                self.promised[message_id] = text

    def _note_doubts(self) -> None:
        gateway.configure(self.service.config)
        self.in_doubt |= {
            one.id for message in gateway.messages(status="sending", limit=100_000) for one in message.transmissions
        }
        gateway.set_router(None)

    def settle(self, patience_s: float = 60.0) -> None:
        """Let the service finish everything, as long as it gets on with it, and end it in order."""
        self.service.start()
        gateway.configure(self.service.config)
        while (now := (self._open(), self._handled()))[0] or now[1] < len(self.injected):
            moved = lambda now=now: (self._open(), self._handled()) != now  # noqa: E731
            eventually(moved, patience_s, f"{now[0]}; {self.service.log.read_text()[-3000:]}")
        assert self.service.stop() == 0

    def _open(self) -> list[tuple[str, str, int]]:
        """What is not at its end, counted by lane and status."""
        with gateway.get_router().session.store.read() as c:
            return sorted((lane, str(status), count) for (lane, status), count in outbox.counts(c).items() if count)

    def _handled(self) -> int:
        return len(gateway.messages(direction="in", status="handled", limit=100_000))

    def check(self) -> dict[str, int]:
        """Every count must be 0."""
        out = gateway.messages(direction="out", limit=1_000_000)
        by_id = {message.id: message for message in out}
        seen = Counter()
        for device in self.devices.values():
            seen.update(
                (entry["text"], entry["to"].lstrip("+")) for entry in device.witness() if entry.get("status", 0) == 0
            )
        found: Counter[str] = Counter()
        for message_id, text in self.promised.items():
            found["lost: promised, and no row"] += message_id not in by_id
            found["wrong text"] += message_id in by_id and by_id[message_id].text != text
        expected: defaultdict[tuple[str, str], list] = defaultdict(list)
        for message in out:
            for one in message.transmissions:
                expected[message.text, one.connection.identity.lstrip("+")].append(one)
                found["wrong state: not sent in the end"] += one.status not in ("sent", "delivered")
        for key, rows in expected.items():
            extra = seen[key] - len(rows)
            found["lost: a row says sent, and no witness saw it"] += extra < 0
            found["duplicates that are not marked"] += extra > sum(one.possible_duplicate for one in rows)
            found["duplicates of what was not in flight"] += extra > 0 and not any(
                one.id in self.in_doubt for one in rows
            )
        found["sent, and never asked for"] += sum(key not in expected for key in seen)
        came = Counter(message.text for message in gateway.messages(direction="in", limit=1_000_000))
        found["lost incoming"] += sum(came[text] == 0 for text in self.injected)
        found["doubled incoming"] += sum(count > 1 for text, count in came.items() if text in set(self.injected))
        return dict(found)

    def close(self) -> None:
        """End all processes."""
        gateway.set_router(None)
        self.service.close()
        for device in self.devices.values():
            device.close()


def run(rounds: int, seed: int, directory: Path, *, modem: bool) -> dict[str, int]:
    """Kill ``rounds`` times; the counts of the checker."""
    harness = Harness(directory, seed, modem=modem)
    try:
        for number in range(rounds):
            harness.round(number)
        harness.settle()
        found = harness.check()
        told = f"{harness.kills} kills, {len(harness.promised)} messages promised, {len(harness.injected)} came in"
        print(f"{told}, {len(harness.in_doubt)} transmissions were in doubt")
        return found
    finally:
        harness.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--modem", action="store_true", help="a modem beside the carrier")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="sms-crash-") as directory:
        found = run(given.rounds, given.seed, Path(directory), modem=given.modem)
    for what, count in found.items():
        print(f"{count:6}  {what}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
