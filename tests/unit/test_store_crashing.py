"""The crash points are where the harness believes them to be."""

import re
import subprocess
import sys
from pathlib import Path

import gateway
from gateway.store.crashing import Point


def test_each_point_is_in_the_code_once_or_more():
    source = "\n".join(
        path.read_text() for path in Path(gateway.__file__).parent.rglob("*.py") if path.name != "crashing.py"
    )
    assert set(re.findall(r"\bPoint\.([A-Z_]+)", source)) == {each.name for each in Point}


def test_the_process_dies_at_the_pass_that_is_named(tmp_path):
    code = "from gateway.store.crashing import *\nfor n in range(9):\n print(n, flush=True)\n point(Point.APP_RUN)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SMS_GATEWAY_CRASH_AT": "app.run:3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-9, "0\n1\n2\n")
