"""How fast modems are driven, and what that weighs: others and we, in turns, on the same emulated modem.

    python bench/gsm.py [--messages 20] [--rounds 2] [--only pace,once,parallel,idle,latency] [--idle 16]

Others are gammu-smsd and smstools3 where they are installed (Debian: gammu-smsd, smstools), and python-gammu by itself.
A rate is told by the modem's own record: the time from its first message to its last. Nothing here needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gateway
from drivers.base import Health, Outcome, Result, State, Submit
from drivers.process import DeviceProcess
from drivers.text import split
from gateway.store import devices

PHONE = "+447700900123"
SMSC = "+447700900999"
TEXT = "The clinic is open tomorrow from 8 to 12. Please bring your card."
LIMIT_S = 240.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Modem:
    """A virtual modem in a process of its own."""

    def __init__(self, folder: Path, send_time: float = 0.0, name: str = "modem") -> None:
        self.log, self.port = folder / f"{name}.jsonl", folder / f"{name}.tty"
        code = (
            "import sys, json; from drivers.virtual.options import ModemOptions;"
            "from drivers.virtual.runner import Runner;"
            "runner = Runner(); runner.add(ModemOptions.of(json.loads(sys.argv[1]))); print(flush=True); runner.run()"
        )
        options = {"name": name, "send_time": send_time, "log": str(self.log), "link": str(self.port)}
        command = [sys.executable, "-c", code, json.dumps(options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout
        self.process.stdout.readline()

    def times(self) -> list[float]:
        """When each message reached it (monotonic)."""
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line)["mono"] for line in self.log.read_text().splitlines()]
        return []

    def wait(self, count: int) -> list[float]:
        end = time.monotonic() + LIMIT_S
        while len(times := self.times()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(times)} of {count} messages came in {LIMIT_S:.0f} s")
            time.sleep(0.05)
        return times

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


def smsd_of_gammu(modem: Modem, folder: Path, count: int) -> None:
    for name in ("in", "out", "sent", "error"):
        (folder / name).mkdir()
    rc = folder / "smsdrc"
    rc.write_text(
        f"[gammu]\ndevice = {modem.port}\nconnection = at115200\n[smsd]\nservice = files\nlogfile = {folder}/smsd.log\n"
        f"inboxpath = {folder}/in/\noutboxpath = {folder}/out/\n"
        f"sentsmspath = {folder}/sent/\nerrorsmspath = {folder}/error/\n"
    )
    for _ in range(count):
        inject = ["gammu-smsd-inject", "-c", str(rc), "TEXT", PHONE, "-text", TEXT]
        subprocess.run(inject, check=True, capture_output=True)
    with running(["gammu-smsd", "-c", str(rc)], folder):
        modem.wait(count)


def smstools(modem: Modem, folder: Path, count: int) -> None:
    for name in ("incoming", "outgoing", "checked", "sent", "failed"):
        (folder / name).mkdir()
    rc = folder / "smsd.conf"
    rc.write_text(
        f"devices = GSM1\noutgoing = {folder}/outgoing\nchecked = {folder}/checked\nincoming = {folder}/incoming\n"
        f"sent = {folder}/sent\nfailed = {folder}/failed\nlogfile = {folder}/smsd.log\npidfile = {folder}/pid\n"
        f"infofile = {folder}/info\ndelaytime = 1\n[GSM1]\ndevice = {modem.port}\nincoming = yes\nsmsc = {SMSC[1:]}\n"
    )
    for number in range(count):
        (folder / "outgoing" / f"m{number}").write_text(f"To: {PHONE[1:]}\n\n{TEXT}")
    with running(["/usr/sbin/smsd", f"-c{rc}", "-t"], folder):
        modem.wait(count)


def python_gammu(modem: Modem, folder: Path, count: int) -> None:
    code = (
        "import gammu, sys; machine = gammu.StateMachine();"
        "machine.SetConfig(0, {'Device': sys.argv[1], 'Connection': 'at115200'}); machine.Init();"
        "[machine.SendSMS({'Text': sys.argv[2], 'SMSC': {'Number': sys.argv[3]}, 'Number': sys.argv[4]})"
        " for _ in range(int(sys.argv[5]))]"
    )
    with running([sys.executable, "-c", code, str(modem.port), TEXT, SMSC, PHONE, str(count)], folder):
        modem.wait(count)


def driver(name: str) -> Callable[[Modem, Path, int], None]:
    def contender(modem: Modem, _folder: Path, count: int) -> None:
        process = started(name, modem)
        try:
            drive([process], count)
        finally:
            process.stop(5.0)

    return contender


def started(name: str, modem: Modem) -> DeviceProcess:
    process = DeviceProcess("modem", {"name": "bench", "driver": name, "port": str(modem.port), "receipts": False})
    process.start()
    until(process, lambda event: isinstance(event, Health) and event.state is State.UP)
    return process


def until(process: DeviceProcess, that: Callable[[object], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not any(that(event) for event in process.events()):
        if time.monotonic() > end:
            raise TimeoutError("the modem did not come up")
        select.select([process], [], [], 0.5)


def drive(processes: list[DeviceProcess], count: int) -> None:
    """Send ``count`` messages through each at once."""
    for process in processes:
        process.send(*(Submit(token, PHONE, split(TEXT, reference=0), receipt=False) for token in range(1, count + 1)))
    left = count * len(processes)
    end = time.monotonic() + LIMIT_S
    while left:
        select.select(processes, [], [], 0.5)
        for result in (event for process in processes for event in process.events() if isinstance(event, Result)):
            assert result.outcome is Outcome.ACCEPTED, result
            left -= 1
        if time.monotonic() > end:
            raise TimeoutError(f"{left} messages are left after {LIMIT_S:.0f} s")


@contextlib.contextmanager
def service(folder: Path, name: str, modems: list[Modem], **keys: str) -> Iterator[subprocess.Popen[bytes]]:
    """The whole gateway, all its devices up."""
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    tables = "".join(
        f'[modem.m{number}]\nport = "{modem.port}"\ndriver = "{name}"\nreceipts = false\n{more}'
        for number, modem in enumerate(modems)
    )
    config = folder / "gateway.toml"
    config.write_text(f'[gateway]\nstate = "{folder}/state"\n{tables}')
    gateway.configure(config)
    with running([sys.executable, "-m", "gateway", "-c", str(config), "run"], folder) as process:
        end = time.monotonic() + LIMIT_S
        while not all_up(len(modems)):
            if time.monotonic() > end:
                raise TimeoutError((folder / "log").read_text()[-2000:])
            time.sleep(0.1)
        yield process
    gateway.set_router(None)


def all_up(count: int) -> bool:
    with contextlib.suppress(gateway.StoreError), gateway.get_router().session.store.read() as c:
        return sum(row.state == "up" for row in devices.all(c)) == count
    return False


def whole(name: str) -> Callable[[Modem, Path, int], None]:
    def contender(modem: Modem, folder: Path, count: int) -> None:
        with service(folder, name, [modem]):
            connections = gateway.lookup_connections("m0", [PHONE])
            for _ in range(count):
                gateway.send(TEXT, connections)
            modem.wait(count)

    return contender


CONTENDERS = {
    "gammu-smsd": smsd_of_gammu,
    "smstools3": smstools,
    "python-gammu": python_gammu,
    "driver gammu": driver("gammu"),
    "driver at": driver("at"),
    "gateway, gammu": whole("gammu"),
    "gateway, at": whole("at"),
}
NEEDED = {"gammu-smsd": "gammu-smsd", "smstools3": "/usr/sbin/smsd"}


@contextlib.contextmanager
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-gsm-") as folder:
        yield Path(folder)


def race(title: str, send_time: float, count: int, rounds: int) -> None:
    """Every contender in turns; the median of the rounds."""
    print(f"\n{title}: messages a second (median of {rounds}, {count} messages each; load {os.getloadavg()[0]:.1f})")
    rates: dict[str, list[float]] = {}
    for _, (name, contender) in itertools.product(range(rounds), CONTENDERS.items()):
        if name in NEEDED and not shutil.which(NEEDED[name]):
            continue
        with place() as folder, contextlib.closing(Modem(folder, send_time)) as modem:
            try:
                contender(modem, folder, count)
            except TimeoutError as error:
                print(f"  {name}: {error}")
            times = modem.times()
            if len(times) > 1:
                rates.setdefault(name, []).append((len(times) - 1) / (times[-1] - times[0]))
    for name, found in rates.items():
        pace = f"{statistics.median(found) * send_time:7.1%} of the modem's pace" if send_time else ""
        print(f"  {name:15} {statistics.median(found):8.2f}  {pace}  {[round(rate, 2) for rate in found]}")


def parallel(count: int) -> None:
    print(f"\nmodems at once, driver at, 1 s a message (load {os.getloadavg()[0]:.1f})")
    for modems in (1, 8):
        with place() as folder, contextlib.ExitStack() as stack:
            made = [stack.enter_context(contextlib.closing(Modem(folder, 1.0, f"m{n}"))) for n in range(modems)]
            processes = [started("at", modem) for modem in made]
            drive(processes, count)
            times = [modem.times() for modem in made]
            span = max(each[-1] for each in times) - min(each[0] for each in times)
            print(f"  {modems} modems: {modems * (count - 1) / span:.2f} messages a second")
            for process in processes:
                process.stop(5.0)


def used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def children(pid: int) -> list[int]:
    found = (Path(task, "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(word) for words in found for word in words]


def idle(count: int, seconds: float) -> None:
    for name in ("at", "gammu"):
        with place() as folder, contextlib.ExitStack() as stack:
            made = [stack.enter_context(contextlib.closing(Modem(folder, 0.0, f"m{n}"))) for n in range(count)]
            with service(folder, name, made) as process:
                pids = [process.pid, *children(process.pid)]
                time.sleep(5.0)
                before = sum(map(used_s, pids))
                time.sleep(seconds)
                share = (sum(map(used_s, pids)) - before) / seconds
                mine, theirs = pss_mb(pids[0]), [pss_mb(pid) for pid in pids[1:]]
                print(
                    f"\n{count} modems idle, driver {name}: {share:.1%} of one core; "
                    f"{statistics.mean(theirs):.1f} MB (PSS) a modem, {mine:.1f} MB the service "
                    f"(load {os.getloadavg()[0]:.1f})"
                )


def latency(count: int) -> None:
    with place() as folder, contextlib.closing(Modem(folder)) as modem, service(folder, "at", [modem]):
        connections = gateway.lookup_connections("m0", [PHONE])
        delays = []
        for number in range(1, count + 1):
            time.sleep(0.3)
            began = time.monotonic()
            gateway.send(TEXT, connections)
            delays.append((modem.wait(number)[-1] - began) * 1000)
        told = sorted(delays)
        print(
            f"\nsend() to the message at the modem, idle gateway, driver at: median {statistics.median(told):.1f} ms, "
            f"worst of {count} {told[-1]:.1f} ms (load {os.getloadavg()[0]:.1f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--idle", type=int, default=16)
    parser.add_argument("--only", default="pace,once,parallel,idle,latency")
    given = parser.parse_args()
    parts = {
        "pace": lambda: race("1 s a message", 1.0, given.messages, given.rounds),
        "once": lambda: race("answered at once", 0.0, given.messages, given.rounds),
        "parallel": lambda: parallel(given.messages),
        "idle": lambda: idle(given.idle, 30.0),
        "latency": lambda: latency(given.messages),
    }
    for name in given.only.split(","):
        parts[name]()


if __name__ == "__main__":
    main()
