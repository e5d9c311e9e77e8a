"""What two processes of one host share: its boot, its view of processes, and a clock that never jumps."""

from __future__ import annotations

import functools
import time
from pathlib import Path


@functools.cache
def here() -> str:
    """The same for all processes that see each other: this boot of this host, and the PID namespace (namespaces(7))."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def same(host: str) -> bool:
    """Whether ``here()``, as it was noted once, is of this boot, whatever the PID namespace."""
    return host.partition("/")[0] == here().partition("/")[0]


def uptime_ms() -> int:
    """Milliseconds since boot, time asleep included; no setting of the wall clock moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22 of stat); None when there is none."""
    try:
        # That of its first thread: qemu-user makes up /proc/PID/stat for the process itself, which would then note
        # another start than others find, and be taken for dead.
        stat = Path(f"/proc/{pid}/task/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    name_ends = stat.rpartition(")")[2].split()
    return None if name_ends[0] in {"Z", "X"} else int(name_ends[19])
