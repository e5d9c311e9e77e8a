"""What the tests start from, kept in ``build/appliance``: Debian trees, the packages, the wheels for install.sh."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "appliance"
# No compiler, no curl, no ps, no modprobe: what the gateway needs, and systemd.
INCLUDED = "systemd,systemd-sysv,dbus,udev,python3,python3-venv"


def run(*command: str | Path, limit_s: float = 900.0, **environ: str) -> str:
    """Run a command of the host; its stdout."""
    env = {**os.environ, **environ}
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False, env=env)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout


class Packages:
    """Made when first asked for, and used again."""

    def __init__(self) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)

    def tree(self, suite: str, arch: str = "") -> Path:
        """A minimal Debian with what the package depends on. Skips where none can be fetched."""
        tree = KEPT / "-".join(filter(None, (suite, arch)))
        if not (tree / ".complete").exists():
            shutil.rmtree(tree, ignore_errors=True)
            options = [f"--architectures={arch}"] if arch else []
            command = ["mmdebstrap", "--variant=minbase", f"--include={INCLUDED}", *options, suite, str(tree)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
            if done.returncode:
                pytest.skip(f"no Debian {suite} {arch} could be made here: {done.stderr.strip().splitlines()[-1]}")
            (tree / "etc/machine-id").write_text("")
            (tree / ".complete").touch()
        return tree

    def deb(self, arch: str = "amd64", *, source: Path = ROOT) -> Path:
        """The package of this checkout (or a copy of it), built anew when something in it is newer."""
        folder = KEPT / "deb" if source == ROOT else source / "dist"
        built = sorted(folder.glob(f"sms-gateway_*_{arch}.deb"))
        if not built or built[-1].stat().st_mtime < newest(source):
            for old in built:
                old.unlink()
            environ = {"PYTHON": sys.executable, "WHEELS": str(ROOT / "build/wheels")}
            run("sh", source / "systemd/deb/build.sh", arch, folder, **environ)
            built = sorted(folder.glob(f"sms-gateway_*_{arch}.deb"))
        return built[-1]

    def wheels(self, version: str = "3.11") -> Path:
        """All that install.sh fetches, for a machine without network."""
        lock = ROOT / "requirements.lock"
        folder = KEPT / f"wheels-{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
        if not folder.exists():
            half = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(half, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--no-deps"]
            where = ["--require-hashes", "-r", str(lock), "--dest", str(half)]
            run(*pip, *where, "--python-version", version, "--implementation", "cp", *_platforms())
            half.rename(folder)
        return folder


def _platforms() -> list[str]:
    names = [f"manylinux_2_28_{os.uname().machine}", f"manylinux2014_{os.uname().machine}"]
    return [word for name in names for word in ("--platform", name)]


def newest(source: Path) -> float:
    """When something that goes into the package last changed, in seconds since 1970."""
    parts = [source / name for name in ("gateway", "drivers", "systemd")]
    files = [path for part in parts for path in part.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return max(path.stat().st_mtime for path in [*files, source / "pyproject.toml", source / "requirements.lock"])


def next_version(target: Path) -> Path:
    """A copy of the checkout whose version is higher and whose schema has one more step."""
    for name in ("gateway", "drivers", "systemd"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copy(ROOT / name, target / name)
    _edit(target / "pyproject.toml", r'^version = "([^"]+)"', r'version = "\1.1"')
    upgrades = target / "gateway/store/upgrades.py"
    head = re.search(r'^HEAD = "(\w+)"', upgrades.read_text(), re.MULTILINE)
    assert head is not None
    _edit(upgrades, r'^HEAD = "\w+"', 'HEAD = "9999"')
    step = (
        f'from alembic import op\n\nrevision, down_revision = "9999", "{head[1]}"\n\n\n'
        'def upgrade():\n    op.execute("CREATE TABLE one_more_step (id INTEGER PRIMARY KEY)")\n'
    )
    (target / "gateway/store/migrations/versions/next_9999.py").write_text(step)
    return target


def _edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), flags=re.MULTILINE)
    assert count == 1, (path, pattern)
    path.write_text(text)
