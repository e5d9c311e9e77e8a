"""Four gateways on one queue in PostgreSQL: one is killed, one stops beyond its lease, the database restarts."""

import contextlib
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from running import Device, Service, eventually

import gateway

COUNT, LEASE_S = 600, 8
NODES = ("gw1", "gw2", "gw3", "gw4")


def config(directory, node, url, carrier, *, pool='devices = ["gw1-acme", "gw2-acme", "gw3-acme", "gw4-acme"]'):
    return f"""
[gateway]
state = "{directory}/{node}/state"
database = "{url}"
node = "{node}"
lease = "{LEASE_S}s"

[smpp.{node}-acme]
host = "{carrier.ready["host"]}"
port = {carrier.ready["port"]}
system_id = "{node}"
password = "secret"
source = "+447700900002"
window = 10
rate = "25/second"
settle = "1s"
attempts = 100
reconnect = "1s"

[backend.pool]
{pool}
strategy = "balance"
return_after = "0s"
"""


@pytest.fixture
def gateways(tmp_path, postgres):
    accounts = [word for node in NODES for word in ("--account", f"{node}:secret:+447700900002")]
    carrier = Device("carrier", tmp_path, "--faults", "latency=0.05", "--receipt-delay", "0.2", *accounts)
    url = postgres.new_database()
    made = {}
    for node in NODES:
        (tmp_path / node).mkdir()
        made[node] = Service(tmp_path / node, config(tmp_path, node, url, carrier))
    gateway.configure(made["gw3"].config)
    try:
        yield made, carrier, postgres
    finally:
        gateway.set_router(None)
        for each in made.values():
            if each.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    each.process.send_signal(signal.SIGCONT)
            each.close()
        carrier.close()


def queue(backend="pool", count=COUNT):
    numbers = [f"+4477008{index:05}" for index in range(count)]
    return [
        gateway.send("to all", gateway.lookup_connections(backend, numbers[at : at + 50])) for at in range(0, count, 50)
    ]


def reached(carrier):
    return Counter("+" + entry["to"].lstrip("+") for entry in carrier.witness() if entry["status"] == 0)


def rows(messages):
    return [one for message in messages for one in message.refresh().transmissions]


def lives(node):
    """Whether nobody has declared a gateway dead."""
    with gateway.get_router().session.store.read() as c:
        return c.exec_driver_sql(f"SELECT count(*) FROM node WHERE name = '{node}' AND ended_ms IS NULL").scalar_one()


def statuses(messages):
    return Counter(str(one.status) for one in rows(messages))


def logs(made):
    """The end of what each gateway has logged; of those that were never started there is nothing."""
    return "\n".join(f"{node}:\n{each.log.read_text()[-1500:]}" for node, each in made.items() if each.log.exists())


@pytest.mark.timeout(400)
def test_nothing_is_lost_when_gateways_die_and_the_database_restarts(gateways):
    made, carrier, postgres = gateways
    for each in made.values():
        each.start(90)
    eventually(
        lambda: all("the device is up" in each.log.read_text() for each in made.values()), 60, lambda: logs(made)
    )
    messages = queue()
    eventually(lambda: sum(reached(carrier).values()) >= 60, 60, lambda: logs(made))
    made["gw1"].kill()
    made["gw2"].process.send_signal(signal.SIGSTOP)
    eventually(lambda: sum(reached(carrier).values()) >= 140, 60, lambda: logs(made))
    postgres.stop()
    postgres.start()
    both = (made["gw3"], made["gw4"])
    eventually(lambda: not lives("gw2"), 60, lambda: logs(made))
    made["gw2"].process.send_signal(signal.SIGCONT)
    # What it had handed out is refused, and it ends, to begin anew under a new epoch.
    assert made["gw2"].process.wait(60) == 1, logs(made)
    assert "has taken over" in made["gw2"].log.read_text()

    def settled():
        return set(statuses(messages)) <= {"sent", "delivered"}

    eventually(settled, 120, lambda: logs(made))
    got, by_number = reached(carrier), {one.connection.identity: one for one in rows(messages)}
    assert len(by_number) == COUNT
    assert [number for number in by_number if not got[number]] == []
    twice = {number for number, count in got.items() if count > 1}
    assert [number for number in twice if not by_number[number].possible_duplicate] == []
    assert {one.device for one in by_number.values()} == {f"{node}-acme" for node in NODES}
    assert both[0].stop() == both[1].stop() == 0


def test_what_waits_for_a_dead_gateways_own_device_waits_and_its_pools_go_on(gateways):
    made, _, _ = gateways
    for node in ("gw3", "gw4"):
        made[node].start(60)
    gateway.configure(made["gw1"].config)  # a device is addressed by name where its config is
    own, shared = queue("gw1-acme", 5), queue("pool", 40)
    eventually(lambda: set(statuses(shared)) <= {"sent", "delivered"}, 60, lambda: logs(made))
    assert statuses(own) == {"queued": 5}
    made["gw1"].start(60)
    eventually(lambda: set(statuses(own)) <= {"sent", "delivered"}, 60, lambda: logs(made))
    assert {one.device for one in rows(own)} == {"gw1-acme"}


def test_a_notice_wakes_the_other_gateways(gateways):
    made, carrier, _ = gateways
    made["gw4"].start(60)
    eventually(lambda: "the device is up" in made["gw4"].log.read_text(), 60)
    store = gateway.get_router().session.store
    heard = []
    listener = store.notices(lambda: heard.append(True))
    listener.start()
    try:
        eventually(lambda: heard)
        before = len(heard)
        queue("pool", 1)
        eventually(lambda: len(heard) > before, 5)
        (waits,) = queue("gw3-acme", 1)
        # A verb of a person is heard too, by the API and by the command.
        for verb in (waits.hold, lambda: made["gw3"].cli("release", waits.id)):
            before = len(heard)
            verb()
            eventually(lambda before=before: len(heard) > before, 5)
    finally:
        listener.stop()
    eventually(lambda: sum(reached(carrier).values()) == 1)


def test_check_warns_of_foreign_devices_until_they_were_seen(gateways):
    made, _, _ = gateways
    done = made["gw4"].cli("check")
    assert "good" in done
    assert _warned(made["gw4"]) == {"gw1-acme", "gw2-acme", "gw3-acme"}
    made["gw3"].start(60)
    eventually(lambda: "the device is up" in made["gw3"].log.read_text(), 60)
    eventually(lambda: _warned(made["gw4"]) == {"gw1-acme", "gw2-acme"})


def _warned(service):
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "-c", str(service.config), "check"],
        capture_output=True, text=True, timeout=60, check=True, cwd=Path.cwd(),
    )  # fmt: skip
    return {line.split("no device '")[1].split("'")[0] for line in done.stderr.splitlines() if "no device '" in line}
