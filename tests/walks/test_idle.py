"""A service that has nothing to do leaves the card alone."""

import os
from pathlib import Path

import pytest
from running import Service, config, eventually, virtual_carrier, virtual_modem

LOOKS = 40
"""Rounds of the schedule that are watched, one a second with this lease; each device says meanwhile how it is."""
LEASE = 'lease = "3s"'


@pytest.fixture
def service(tmp_path):
    modem, carrier = virtual_modem(tmp_path), virtual_carrier(tmp_path)
    made = Service(tmp_path, config(tmp_path, modem, carrier, gateway=LEASE)).start()
    yield made
    made.close()
    modem.close()
    carrier.close()


def looked(service, times):
    """Wait until the lease was looked after so often: each time, systemd is told how the devices are."""
    while times:
        times -= b"STATUS=" in service.notified()


def files(folder):
    """Each file, and when it was last written. The index of the WAL is memory that is shared."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def written(pids):
    """Octets that these processes have sent to disks (proc(5))."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/io").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def test_an_idle_service_writes_nothing(service, tmp_path):
    eventually(lambda: service.cli("status", "--json").count('"state": "up"') == 2)
    state, pids, seen = tmp_path / "state", [service.process.pid, *service.children()], []

    def settled():
        """What the start had to write is written."""
        looked(service, 15)
        seen.append(files(state))
        return seen[-1] in seen[:-1]

    eventually(settled, 90)
    lines, octets = service.log.read_text(), written(pids)
    looked(service, LOOKS)
    assert files(state) == seen[-1]
    assert written(pids) - octets <= os.sysconf("SC_PAGE_SIZE"), "the index of the WAL at most"
    assert service.log.read_text() == lines
