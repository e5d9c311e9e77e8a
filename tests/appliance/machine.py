"""A whole Debian under systemd-nspawn: booted, worked with from outside, thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
BOOT_S = 90.0
TOOLS = ("systemd-nspawn", "mmdebstrap", "nsenter", "unshare", "dpkg-deb")
CGROUPS = Path("/sys/fs/cgroup")
# systemd wants one hierarchy. On a host with the old ones it gets its own view of the new one.
UNIFIED = """\
set -e
if [ ! -e /sys/fs/cgroup/cgroup.procs ]; then
    umount -l /sys/fs/cgroup/* 2>/dev/null || true
    umount -l /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir -p "/sys/fs/cgroup/$0"
echo $$ >"/sys/fs/cgroup/$0/cgroup.procs"
exec "$@"
"""
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}


def why_not() -> str:
    """Why no system can be booted here; empty when nothing speaks against trying."""
    if os.geteuid() != 0:
        return "booting a system in a container needs root"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    packages = "apt-get install systemd-container mmdebstrap"
    return f"missing here: {', '.join(missing)} (Debian: {packages})" if missing else ""


def eventually(condition: Callable[[], T], limit_s: float = 30.0, what: str = "") -> T:
    """What ``condition`` gives as soon as it is true; an AssertionError with the last value after ``limit_s``."""
    until, pause = time.monotonic() + limit_s, threading.Event()
    while not (value := condition()):
        assert time.monotonic() < until, f"{what or condition} was still {value!r} after {limit_s:.0f} s"
        pause.wait(0.1)
    return value


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


class BootError(AssertionError):
    """systemd did not come up; the message has the end of the console."""


class Machine:
    """One system. ``binds``: folders of the host by their name in ``/``, read only."""

    def __init__(self, tree: Path, binds: Mapping[str, Path]) -> None:
        self.tree = tree
        self._binds = [f"--bind-ro={path}:/{name}" for name, path in binds.items()]
        self._name = f"{tree.name}-{os.getpid()}"
        self._console = tree.parent / f"{tree.name}.console"
        self._leader = 0
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Start it and wait until systemd has done its part. Raises BootError."""
        command = [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", UNIFIED, self._name),
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"),
            *(f"--directory={self.tree}", "--hostname=pi", *self._binds, "--boot", "--console=read-only"),
        ]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(command, stdout=console, stderr=console, stdin=subprocess.DEVNULL)
        try:
            self._leader = eventually(self._find_leader, BOOT_S)
            eventually(self._is_up, BOOT_S)
        except AssertionError:
            self.close()
            console_end = self._console.read_text(errors="replace")[-2000:]
            raise BootError(f"systemd did not come up in a container:\n{console_end}") from None

    def _find_leader(self) -> int:
        assert self._process is not None
        pid = self._process.pid
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for child in map(int, children):
                if Path(f"/proc/{child}/comm").read_text().strip() in ("systemd", "init"):
                    return child
        assert self._process.poll() is None, "it has ended"
        return 0

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running", status=None).out.strip()
        return state in ("running", "degraded")

    def run(
        self, *command: str, user: str = "", status: int | None = 0, text: str | None = None, limit_s: float = 600.0
    ) -> Ran:
        """Run a command inside, as root or ``user``; its exit status has to be ``status`` (None: any)."""
        inside = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        inside += ["--root", "--wd", "--", *(("runuser", "-u", user, "--") if user else ()), *command]
        done = subprocess.run(
            inside, env=CLEAN, input=text, capture_output=True, text=True, timeout=limit_s, check=False
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert status is None or ran.status == status, (command, ran)
        return ran

    def sh(self, script: str, user: str = "", status: int | None = 0, limit_s: float = 600.0) -> str:
        """Run a shell script inside; its stdout."""
        return self.run("sh", "-euc", script, user=user, status=status, limit_s=limit_s).out

    def show(self, *properties: str) -> dict[str, str]:
        """Properties of the service's unit."""
        wanted = [f"--property={name}" for name in properties]
        out = self.run("systemctl", "show", "sms-gateway", *wanted).out
        return dict(line.split("=", 1) for line in out.splitlines())

    def state(self) -> str:
        """``active/running`` and the like."""
        found = self.show("ActiveState", "SubState")
        return f"{found['ActiveState']}/{found['SubState']}"

    def running(self, limit_s: float = 60.0) -> int:
        """Wait until the service says READY; its process id."""

        def pid() -> int:
            found = self.show("ActiveState", "SubState", "MainPID")
            return int(found["MainPID"]) if (found["ActiveState"], found["SubState"]) == ("active", "running") else 0

        try:
            return eventually(pid, limit_s, "the service")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.journal()}") from None

    def journal(self, *options: str) -> str:
        """The service's log."""
        return self.run("journalctl", "--no-pager", "-u", "sms-gateway", *(options or ("-n", "60", "-o", "cat"))).out

    def files(self, *below: str) -> set[str]:
        """Every path below these folders."""
        paths: Sequence[str] = below or ("/etc", "/opt", "/usr", "/var/lib")
        skipped = "-path /usr/share/python3 -prune -o -name __pycache__ -prune -o -path /var/lib/dpkg -prune -o"
        return set(self.sh(f"find {' '.join(paths)} -xdev {skipped} -print").splitlines())

    def write(self, path: str, content: str, mode: str = "0640", group: str = "sms-gateway") -> None:
        """Write a file inside, of root and ``group``."""
        self.run("sh", "-euc", f'cat >"{path}"; chmod {mode} "{path}"; chgrp {group} "{path}"', text=content)

    def drop_in(self, *settings: str) -> None:
        """Change the service's unit until the next boot; without settings it is as it was."""
        folder = "/run/systemd/system/sms-gateway.service.d"
        text = "\n".join(["[Service]", *settings, ""])
        script = f"mkdir -p {folder}; cat >{folder}/test.conf" if settings else f"rm -r {folder}"
        self.run("sh", "-euc", script, text=text)
        self.run("systemctl", "daemon-reload")

    def lacks(self, *tools: str) -> None:
        """It has none of these: what is tested needs none."""
        found = self.sh(f"for tool in {' '.join(tools)}; do command -v $tool || true; done")
        assert found == "", found

    def close(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            if self._leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._leader, signal.SIGKILL)
            try:
                self._process.wait(20.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process, self._leader = None, 0
