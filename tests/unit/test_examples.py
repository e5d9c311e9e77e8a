"""The examples: their own tests pass, and their configs are good."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(each.parent for each in (ROOT / "examples").glob("*/gateway.toml"))


def run(*arguments, cwd):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SMS_GATEWAY"))}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=170)


def test_their_tests_pass():
    ran = run("pytest", "-q", "-p", "no:cacheprovider", "examples", cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_their_configs_are_good(folder):
    ran = run("gateway", "-c", "gateway.toml", "check", cwd=folder)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "gateway.toml: good\n", "")
