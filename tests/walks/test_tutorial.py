"""The tutorial, step by step, as a newcomer types it: files are written, commands run, and what they print compared."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LIMIT_S = 60.0
ASKED_AGAIN = ("sms-gateway messages", "sms-gateway status")
"""Commands that only look: what they show may take a moment to happen."""


VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\d+\.\d+s\b"), "SECONDS"),
    (re.compile(r"\bdelivered\b"), "sent"),
    (re.compile(r" +"), " "),
    (re.compile(r" *\n"), "\n"),
)
"""What is never the same twice: moments, ids, how long it took, a receipt that came already, the width of a column."""


@dataclass
class Step:
    """One command of a console block and what it prints; ``…`` stands for anything."""

    command: str
    expected: str

    def fits(self, printed: str) -> bool:
        pattern = ".*".join(map(re.escape, same(self.expected).split("…")))
        return re.fullmatch(pattern, same(printed), re.DOTALL) is not None


def same(text):
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def steps(block):
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], ""))
        else:
            found[-1].expected += f"{line}\n"
    return found


class Terminal:
    """A shell in the folder of the tutorial; what runs in the background ends with it."""

    def __init__(self, folder):
        self.folder, self.background = folder, []
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMS_GATEWAY", "PYTEST"))}
        self.environ = {**kept, "PATH": path}

    def type(self, step):
        if step.command.endswith("&"):
            command = f"exec {step.command.rstrip('& ')}"
            self.background.append(subprocess.Popen(["sh", "-c", command], cwd=self.folder, env=self.environ))
            return
        until = time.monotonic() + (LIMIT_S if step.command.startswith(ASKED_AGAIN) else 0)
        while True:
            ran = subprocess.run(
                step.command, shell=True, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=120
            )
            if step.fits(printed := ran.stdout + ran.stderr):
                return
            assert time.monotonic() < until, f"$ {step.command}\n{printed}\nand not\n{step.expected}"

    def close(self):
        for process in self.background:
            process.terminate()
        for process in self.background:
            process.wait(60)


@pytest.mark.timeout(600)
def test_every_step_does_what_the_page_says(tmp_path):
    folder = tmp_path / "lunch"
    folder.mkdir()
    terminal = Terminal(folder)
    commands = 0
    try:
        for kind, title, block in BLOCK.findall((ROOT / "docs/tutorial.md").read_text(encoding="utf-8")):
            if title:
                (folder / title).write_text(block, encoding="utf-8")
            elif kind == "console":
                for step in steps(block):
                    terminal.type(step)
                    commands += 1
    finally:
        terminal.close()
    assert commands == 10
