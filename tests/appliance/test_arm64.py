"""The package for a 64-bit Raspberry Pi, under emulation: what is in it is for that machine, and it works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trees
from machine import CLEAN

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(1800), pytest.mark.xdist_group("arm64")]


def test_every_library_in_it_is_for_that_machine(packages: trees.Packages) -> None:
    names = re.findall(r"wheels/(\S+\.whl)", trees.run("dpkg-deb", "--contents", packages.deb("arm64")))
    built = [name for name in names if not name.endswith("-none-any.whl")]
    assert all("aarch64" in name for name in built)
    for python in ("cp311", "cp313"):
        assert {name.partition("-")[0] for name in built if python in name} >= {
            "python_gammu",
            "pydantic_core",
            "psycopg_binary",
            "sqlalchemy",
        }
    assert trees.run("dpkg-deb", "--field", packages.deb("arm64"), "Architecture").strip() == "arm64"


@pytest.fixture(scope="module")
def root(packages: trees.Packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Debian 12 for arm64 with the package, its programs run by qemu."""
    if not shutil.which("qemu-aarch64-static"):
        pytest.skip("no qemu-aarch64-static here (Debian: apt-get install qemu-user-static binfmt-support arch-test)")
    tree = tmp_path_factory.mktemp("arm64") / "root"
    trees.run("cp", "-a", "--reflink=auto", packages.tree("bookworm", "arm64"), tree)
    shutil.copy(packages.deb("arm64"), tree / "root/first.deb")
    inside(tree, "dpkg -i /root/first.deb")
    yield tree
    if not os.environ.get("SMS_GATEWAY_KEEP"):
        shutil.rmtree(tree, ignore_errors=True)


def inside(tree: Path, script: str) -> str:
    """Run a shell script in the tree, with its own process ids and /proc."""
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc"]
    mounts = 'mount -t proc proc "$0/proc"; mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"; '
    mounts += 'mount --bind "$0/dev/pts/ptmx" "$0/dev/ptmx"; exec chroot "$0" sh -euc "$1"'
    done = subprocess.run(
        [*command, mounts, tree, script], env=CLEAN, capture_output=True, text=True, timeout=1500, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_it_installs_and_sends(root: Path) -> None:
    assert os.uname().machine not in inside(root, "uname -m")
    out = inside(
        root,
        "sms-gateway check\n"
        # Not runuser: it would stay between the service and the signal, and kill what needs a while to end.
        "setpriv --reuid=sms-gateway --regid=sms-gateway --init-groups sms-gateway run 2>/tmp/log & service=$!\n"
        "sms-gateway send try hello +254700000001 --wait 300 --json || { cat /tmp/log >&2; exit 1; }\n"
        "kill $service; wait $service || { cat /tmp/log >&2; exit 1; }",
    )
    assert '"status": "sent"' in out or '"status": "delivered"' in out
