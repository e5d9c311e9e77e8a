"""How fast the whole service takes what a carrier hands in, each answered after its commit, durability full.

    python bench/smpp_incoming.py --count 20000 --rounds 3

The queue of the virtual carrier is full before the service binds; the carrier tells when the last one was acknowledged.
Without apps: what the apps cost is ``bench/api.py``'s affair. Prints one JSON object with medians.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smpp import family, free_port, used

from drivers.virtual.control import Control

LIMIT_S = 300.0


def run(count: int) -> dict[str, float]:
    """One round."""
    with tempfile.TemporaryDirectory() as text:
        folder, port = Path(text), free_port()
        carrier = subprocess.Popen(
            [sys.executable, "-m", "drivers.virtual", "carrier", "--port", str(port), "--account",
             "bench:bench:12345", "--control", str(folder / "control")], stdout=subprocess.PIPE,
        )  # fmt: skip
        assert carrier.stdout
        carrier.stdout.readline()
        config = folder / "gateway.toml"
        config.write_text(
            f'[gateway]\nstate = "{folder}/state"\n[smpp.bench]\nhost = "127.0.0.1"\nport = {port}\n'
            'system_id = "bench"\npassword = "bench"\nreconnect = "1s"\n'
        )
        config.chmod(0o600)
        with Control(folder / "control") as control:
            control.do("deliver", sender="+254700000001", text="hello there", count=count)
            service = subprocess.Popen(
                [sys.executable, "-m", "gateway", "-c", str(config), "run"], stderr=subprocess.DEVNULL
            )
            try:
                return _measure(control, service, count)
            finally:
                for process in (service, carrier):
                    process.send_signal(signal.SIGTERM)
                    process.wait()


def _measure(control: Control, service: subprocess.Popen[bytes], count: int) -> dict[str, float]:
    def left() -> int:
        return int(control.do("status")["waiting"]["bench"])

    end = time.monotonic() + LIMIT_S
    while (first := left()) == count:
        assert time.monotonic() < end, "nothing is acknowledged"
        time.sleep(0.05)
    begun, (cpu, _) = time.monotonic(), used(family(service.pid))
    while left():
        assert time.monotonic() < end, "not all are acknowledged"
        time.sleep(0.1)
    seconds, (spent, megabytes) = time.monotonic() - begun, used(family(service.pid))
    return {
        "incoming_per_s": round(first / seconds),
        "cpu_s_per_1000": round((spent - cpu) / first * 1000, 3),
        "peak_mb": round(megabytes, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=1)
    of = parser.parse_args()
    rounds = [run(of.count) for _ in range(of.rounds)]
    print(json.dumps({key: statistics.median(each[key] for each in rounds) for key in rounds[0]}))


if __name__ == "__main__":
    main()
