"""The tests of the appliance boot whole systems, so they run only when asked for: ``make appliance``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trees
from machine import BootError, Machine, why_not


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "appliance: boots a whole system (root, systemd-nspawn, mmdebstrap); minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "appliance" in config.option.markexpr:
        return
    here = Path(__file__).parent
    slow = [item for item in items if here in item.path.parents and item.get_closest_marker("appliance")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def packages() -> trees.Packages:
    """What is built once for all tests."""
    if reason := why_not():
        pytest.skip(reason)
    return trees.Packages()


def booted(packages: trees.Packages, suite: str, folder: Path, **binds: Path) -> Iterator[Machine]:
    """A running machine with this Debian and without network; it is gone afterwards."""
    tree = folder / f"tree-{suite}"
    trees.run("cp", "-a", "--reflink=auto", packages.tree(suite), tree)
    machine = Machine(tree, binds)
    try:
        try:
            machine.boot()
        except BootError as error:
            # Nothing of ours is in it yet: it is this host that can't.
            pytest.skip(str(error))
        yield machine
    finally:
        machine.close()
        if not os.environ.get("SMS_GATEWAY_KEEP"):
            shutil.rmtree(tree, ignore_errors=True)
