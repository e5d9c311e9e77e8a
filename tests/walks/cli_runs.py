"""Runs the real command in a process of its own, in a folder with a real config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = """\
[gateway]
region = "KE"
apps = ["gateway.apps.echo"]

[modem.mtn]
port = "virtual"
driver = "at"
rate = "10/minute"
quota = ["200/day"]

[smpp.acme]
host = "virtual"
password = "s3cr3t"

[backend.pool]
devices = ["mtn", "acme"]

[[route]]
prefix = "+254"
backend = "pool"
"""

TRANSMISSION = [
    "id", "transmission", "direction", "backend", "identity", "text", "status", "device", "parts", "encoding",
    "complete", "error", "created_at", "due_at", "sent_at", "delivered_at", "received_at", "possible_duplicate",
    "in_response_to", "fields",
]  # fmt: skip
DEVICE = [
    "name", "kind", "driver", "state", "reason", "signal", "operator", "imei", "iccid", "queued", "sending",
    "sent_total", "failed_total", "received_total",
]  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """The objects on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Folder:
    """A working folder with ``gateway.toml`` and ``./state``."""

    path: Path

    def write(self, text: str = CONFIG, name: str = "gateway.toml") -> Path:
        """Write a file that only its owner can read."""
        path = self.path / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def run(self, *args: str, stdin: str | None = None, **variables: str) -> Ran:
        """Run ``sms-gateway`` with these arguments; it must never show a traceback."""
        done = subprocess.run(
            self.command(*args), cwd=self.path, env=self.environment(variables), input=stdin, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def good(self, *args: str, **kwargs: str) -> Ran:
        """The same for a command that has to succeed."""
        ran = self.run(*args, **kwargs)
        assert ran.status == 0, ran
        return ran

    @staticmethod
    def command(*args: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "gateway", *args]

    @staticmethod
    def environment(variables: dict[str, str]) -> dict[str, str]:
        """The environment without what would change the meaning of the config."""
        strange = ("SMS_GATEWAY_CONFIG", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")
        plain = {key: value for key, value in os.environ.items() if key not in strange}
        return {**plain, "PYTHONUTF8": "1", **variables}
