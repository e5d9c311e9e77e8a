"""The demonstration ends by itself, well, and soon, when nobody watches."""

import subprocess
import sys
import time


def test_demo_shows_everything_and_ends(tmp_path):
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    log = tmp_path / "demo" / "service.log"
    assert done.returncode == 0, (done.stdout, done.stderr, log.read_text() if log.exists() else "")
    assert time.monotonic() - before < 40
    assert str(tmp_path / "demo" / "gateway.toml") in done.stdout
    for text in ("echo hello through the modem", "echo hello through the carrier"):
        assert text in done.stdout
    assert "all well" in done.stdout.splitlines()[-1]
