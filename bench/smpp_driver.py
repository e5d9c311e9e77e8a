"""How fast the SMPP driver submits and receives, alone, against the virtual carrier.

    python bench/smpp_driver.py --count 20000 --window 50 --latency 0.02

The driver runs in its own process as in the service; the owner's side is only the pipe. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from drivers.base import Ack, Encoding, Health, Incoming, Outcome, Part, Receipt, Result, State, Submit
from drivers.process import DeviceProcess
from drivers.virtual.control import Control


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_up(device: DeviceProcess) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        select.select([device], [], [], 0.2)
        if any(isinstance(event, Health) and event.state is State.UP for event in device.events()):
            return
    raise SystemExit("the driver did not bind")


def submit(device: DeviceProcess, carrier_pid: int, arguments: argparse.Namespace) -> dict:
    text = b"The quick brown fox jumps over the lazy dog"
    given = done = refused = 0
    round_trip = 0.0
    ahead = arguments.ahead * arguments.window * arguments.binds
    begin = time.monotonic()
    cpu, carrier_cpu = cpu_seconds(device.pid), cpu_seconds(carrier_pid)
    while done < arguments.count:
        room = min(ahead - (given - done - refused), arguments.count - done - (given - done - refused))
        if room > 0:
            device.send(
                *(
                    Submit(
                        given + i,
                        f"+25470{(given + i) % 10**7:07d}",
                        (Part(1, 1, Encoding.GSM7, text),),
                        receipt=arguments.receipts,
                    )
                    for i in range(room)
                )
            )
            given += room
        select.select([device], [device] if device.wants_write else [], [], 1)
        for event in device.events():
            if isinstance(event, Result):
                if event.outcome is Outcome.ACCEPTED:
                    done += 1
                else:
                    refused += 1
            elif isinstance(event, (Incoming, Receipt)):
                device.send(Ack((event.key,)))
            elif isinstance(event, Health) and event.round_trip_s:
                round_trip = event.round_trip_s
    seconds = time.monotonic() - begin
    limit = arguments.window * arguments.binds / arguments.latency if arguments.latency else None
    return {
        "submits_per_s": round(done / seconds),
        "of_window_limit": limit and round(done / seconds / limit, 3),
        "round_trip_ms": round(round_trip * 1000, 1) or None,
        "refused": refused,
        "cpu_s_per_1000": round((cpu_seconds(device.pid) - cpu) / done * 1000, 3),
        "peak_mb": round(peak_mb(device.pid), 1),
        "carrier_cpu_s_per_1000": round((cpu_seconds(carrier_pid) - carrier_cpu) / done * 1000, 3),
        "owner_cpu_s": round(resource.getrusage(resource.RUSAGE_SELF).ru_utime, 2),
    }


def receive(device: DeviceProcess, control: Control, arguments: argparse.Namespace) -> dict:
    begin = time.monotonic()
    cpu = cpu_seconds(device.pid)
    control.do("deliver", sender="+254700000001", text="hello there", count=arguments.incoming)
    came = 0
    while came < arguments.incoming:
        select.select([device], [], [], 1)
        keys = tuple(event.key for event in device.events() if isinstance(event, Incoming))
        if keys:
            device.send(Ack(keys))
            came += len(keys)
    seconds = time.monotonic() - begin
    return {
        "incoming_per_s": round(came / seconds),
        "cpu_s_per_1000": round((cpu_seconds(device.pid) - cpu) / came * 1000, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--incoming", type=int, default=10000)
    parser.add_argument("--window", type=int, default=50)
    parser.add_argument("--binds", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="the carrier throttles at this rate")
    parser.add_argument("--ahead", type=int, default=2, help="windows that the owner hands over in advance")
    parser.add_argument("--receipts", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        control_path = f"{folder}/control"
        command = [
            sys.executable,
            "-m",
            "drivers.virtual",
            "carrier",
            "--account",
            "bench:bench:12345",
            "--control",
            control_path,
            "--faults",
            f"latency={arguments.latency}",
            "--faults",
            f"rate={arguments.rate}",
            "--faults",
            "burst=10.0",
        ]
        carrier = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        where = json.loads(carrier.stdout.readline())
        device = DeviceProcess(
            "smpp",
            {
                "name": "bench",
                "host": where["host"],
                "port": where["port"],
                "system_id": "bench",
                "password": "bench",
                "source": "12345",
                "window": arguments.window,
                "binds": arguments.binds,
            },
        )
        try:
            device.start()
            wait_up(device)
            print(json.dumps(submit(device, carrier.pid, arguments)))
            if arguments.incoming:
                with Control(control_path, timeout=60) as control:
                    print(json.dumps(receive(device, control, arguments)))
        finally:
            device.stop(1)
            carrier.send_signal(signal.SIGTERM)
            carrier.wait()


if __name__ == "__main__":
    main()
