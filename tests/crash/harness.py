"""The crash contract, proved by killing: the service, its devices' processes and its callers die, and nothing is lost.

A virtual carrier and a virtual modem outlive every kill and are the witnesses of what was really sent; so are an app
and a Python backend, whose notes are files.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "walks"))

from checker import History, check, faults
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

import gateway
from gateway.store import outbox
from gateway.store.crashing import Point

HERE = Path(__file__).parent
CALLER = """
import sys
import gateway
gateway.configure(sys.argv[1])
for tag in sys.argv[2].split():
    for n in range(12):
        for backend, count in (("modem", 1), ("carrier", 25), ("python", 5)):
            if backend not in sys.argv[3:]:
                continue
            text = f"{tag} {n} {backend} ñ" + (f" and more of {tag} {n}" * 20 if n % 4 == 3 else "")
            numbers = [f"+4477008{n:03}{i:02}" for i in range(count if n % 4 != 3 else 1)]
            message = gateway.send(text, gateway.lookup_connections(backend, numbers), key=f"{tag} {n} {backend}")
            print(message.id, text, sep="\\t", flush=True)
"""
IN_CALLER = (Point.SEND_STORED, Point.COMMIT_BEFORE, Point.COMMIT_AFTER)
LIMIT_S = 30.0
"""How long a round waits for the service to come by a crash point."""
KEYS = 'settle = "2s"\nattempts = 1000'


class Harness:
    """One state directory that survives many deaths."""

    def __init__(self, directory: Path, seed: int, *, modem: bool = True) -> None:
        self.chance, self.history = random.Random(seed), History()
        self.died_at: set[Point] = set()
        self.directory, self._tag = directory, "r0"
        self.carrier = virtual_carrier(directory, "--faults", "latency=0.05")
        self.devices = {"carrier": self.carrier} | ({"modem": virtual_modem(directory)} if modem else {})
        text = config(
            directory,
            self.devices.get("modem"),
            self.carrier,
            carrier_keys=f'window = 20\nrate = "300/second"\n{KEYS}',
            modem_keys=f'driver = "at"\n{KEYS}\n[backend.python]\nclass = "witness:Writing"',
        )
        text = text.replace("apps = [", 'apps = ["witness:Counting", ')
        os.environ |= {"PYTHONPATH": str(HERE), "CRASH_WITNESS": str(directory)}
        self.service = Service(directory, text)

    def round(self, number: int, at: Point | None = None, nth: int = 1) -> None:
        """Callers send, phones send, everything dies: at a crash point, at the ``nth`` pass, or at a random moment."""
        in_caller = at in IN_CALLER and self.chance.random() < (1.0 if at is Point.SEND_STORED else 0.5)
        crash = {"SMS_GATEWAY_CRASH_AT": f"{at}:{nth}"} if at else {}
        before, self._tag = self._tag, f"r{number}"
        caller = subprocess.Popen(
            [sys.executable, "-c", CALLER, self.service.config, f"{before} {self._tag}", *self.devices, "python"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | (crash if in_caller else {}),
        )
        try:
            self._start(crash if not in_caller else {}, sure=at is None)
            self._inject(number)
            self._wait(at, caller if in_caller else self.service.process)
        finally:
            caller.kill()
            self._heard(caller.stdout.read())
            caller.stdout.close()
            caller.wait()
        self.service.kill()
        self.history.kills += 1
        self._note_doubts()

    def _start(self, crash: dict[str, str], *, sure: bool) -> None:
        # Some rounds die while the service starts.
        limit = self.chance.choice([90.0, 90.0, 90.0, 0.3, 0.8]) if sure else 2.0
        try:
            self.service.start(limit, **crash)
        except AssertionError:
            if limit == 90.0:
                raise

    def _wait(self, at: Point | None, dying: subprocess.Popen) -> None:
        pause = threading.Event()
        if at is None:
            if self.chance.random() < 0.3:
                pause.wait(self.chance.uniform(0.0, 0.7))
                self._kill_a_device()
            pause.wait(self.chance.uniform(0.0, 1.5))
            return
        if at is Point.STOP_WRITTEN:
            pause.wait(self.chance.uniform(0.5, 1.5))
            self.service.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            if dying.wait(LIMIT_S) == -signal.SIGKILL:
                self.died_at.add(at)

    def _kill_a_device(self) -> None:
        with suppress(ProcessLookupError, FileNotFoundError):
            if children := self.service.children():
                os.kill(self.chance.choice(children), signal.SIGKILL)

    def _inject(self, number: int) -> None:
        for name, device in self.devices.items():
            for index in range(4):
                text = f"echo in {number} {index} {name}"
                self.history.injected.append(text)
                with device.control() as control:
                    control.deliver(PHONE, text)

    def _heard(self, output: str) -> None:
        for line in output.splitlines(keepends=True):
            # A line that was cut off was not a promise yet.
            if line.endswith("\n"):
                message_id, text = line.rstrip("\n").split("\t")
                self.history.promised[message_id] = text

    def _note_doubts(self) -> None:
        gateway.configure(self.service.config)
        for status in ("sending", "unknown"):
            self.history.in_doubt |= {
                one.id for message in gateway.messages(status=status, limit=100_000) for one in message.transmissions
            }
        gateway.set_router(None)

    def settle(self, patience_s: float = 60.0) -> None:
        """Let the service finish everything, as long as it gets on with it, and end it in order."""
        self.service.start(90.0)
        gateway.configure(self.service.config)
        while (now := (self._open(), self._handled()))[0] or now[1] < len(self.history.injected):
            moved = lambda now=now: (self._open(), self._handled()) != now  # noqa: E731
            eventually(moved, patience_s, f"{now}; {self.service.log.read_text()[-3000:]}")
        until = time.monotonic() + 5.0
        while self._count(status="sent") and time.monotonic() < until:
            threading.Event().wait(0.5)  # the last receipts are under way
        assert self.service.stop() == 0

    def _open(self) -> list[tuple[str, str, int]]:
        """What is not at its end, counted by lane and status."""
        with gateway.get_router().session.store.read() as c:
            return sorted((lane, str(status), count) for (lane, status), count in outbox.counts(c).items() if count)

    def _handled(self) -> int:
        return self._count(direction="in", status="handled")

    def _count(self, **which: str) -> int:
        return len(gateway.messages(**which, limit=1_000_000))

    def check(self) -> dict[str, int]:
        """What must be 0, and in brackets what may be more."""
        left = [
            (entry["text"], entry["to"])
            for device in self.devices.values()
            for entry in device.witness()
            if entry.get("status", 0) == 0
        ]
        left += [(entry["text"], entry["to"]) for entry in self._notes("backend.jsonl")]
        runs = [(entry["id"], entry["again"]) for entry in self._notes("apps.jsonl")]
        out, incoming = (gateway.messages(direction=way, limit=1_000_000) for way in ("out", "in"))
        return check(self.history, out, incoming, left, runs)

    def _notes(self, name: str) -> list[dict[str, object]]:
        path = self.directory / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def close(self) -> None:
        """End all processes."""
        gateway.set_router(None)
        self.service.close()
        for device in self.devices.values():
            device.close()


def run(directory: Path, seed: int, rounds: int, points: list[tuple[Point, int]], *, modem: bool = True):
    """Kill at each of ``points`` (place, pass) and ``rounds`` times at random; what the checker found."""
    harness = Harness(directory, seed, modem=modem)
    plan: list[tuple[Point | None, int]] = [*points, *((None, 1) for _ in range(rounds))]
    harness.chance.shuffle(plan)
    try:
        for number, (at, nth) in enumerate(plan, 1):
            harness.round(number, at, nth)
        harness.settle()
        found = harness.check()
        history = harness.history
        print(
            f"{history.kills} kills, {len(history.promised)} messages promised, {len(history.injected)} came in, "
            f"{len(history.in_doubt)} transmissions in flight at a kill"
        )
        print(*history.lost, sep="\n")
        if missed := {at for at, _ in points} - harness.died_at:
            print(f"crash points that no service came by in time: {', '.join(sorted(missed))}")
        return found
    finally:
        harness.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills at random moments")
    parser.add_argument("--passes", type=int, default=2, help="kills at each crash point, each at a later pass")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--no-modem", action="store_true", help="the carrier alone")
    parser.add_argument("--keep", type=Path, help="a new folder for everything, kept afterwards")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    points = [(at, 1 + 3 * n) for at in Point for n in range(given.passes)]
    with tempfile.TemporaryDirectory(prefix="sms-crash-") as directory:
        if given.keep:
            given.keep.mkdir()
        found = run(given.keep or Path(directory), given.seed, given.rounds, points, modem=not given.no_modem)
    for what, count in found.items():
        print(f"{count:6}  {what}")
    return 1 if faults(found) else 0
