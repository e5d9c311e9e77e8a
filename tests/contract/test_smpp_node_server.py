"""Against a carrier that nobody here wrote: node-smpp. Needs ``npm install smpp`` somewhere on NODE_PATH."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from smpp_rig import owner, text

from drivers.base import Encoding, Incoming, Outcome, Part, Receipt, State, Submit

SCRIPT = Path(__file__).with_name("node_smpp_server.js")


def missing() -> str:
    if shutil.which("node") is None:
        return "node is not installed"
    found = subprocess.run(["node", "-e", "require.resolve('smpp')"], capture_output=True, check=False)
    return "" if found.returncode == 0 else "node-smpp is not installed (npm install smpp; NODE_PATH=…/node_modules)"


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there")


@pytest.fixture
def smsc():
    process = subprocess.Popen(["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.port = json.loads(process.stdout.readline())["port"]
        yield process
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def options(smsc, **more):
    return {
        "name": "node", "host": "127.0.0.1", "port": smsc.port, "system_id": "acme", "password": "secret",
        "source": "12345", **more,
    }  # fmt: skip


def test_there_and_back(smsc):
    with owner(options(smsc)) as us:
        us.send(text(1, "hello"))
        (result,) = us.until_results(1)
        us.until(lambda: us.of(Receipt) and us.of(Incoming))
        assert us.health.operator == "node-smpp"
    assert result.outcome is Outcome.ACCEPTED
    assert result.reference in us.of(Receipt)[0].references
    assert us.of(Incoming)[0].payload == b"echo hello"
    assert json.loads(smsc.stdout.readline()) == {"to": "254700000001", "text": "hello", "udh": None}
    assert json.loads(smsc.stdout.readline()) == {"acknowledged": 0}


def test_parts_with_a_header(smsc):
    parts = tuple(Part(i, 2, Encoding.GSM7, b"part", bytes([0, 3, 9, 2, i]), 9) for i in (1, 2))
    with owner(options(smsc)) as us:
        us.send(Submit(1, "+254700000001", parts))
        us.until_results(2)
    assert all(result.outcome is Outcome.ACCEPTED for result in us.results())


def test_a_wrong_password(smsc):
    with owner(options(smsc, password="wrong"), up=False) as us:
        us.until_state(State.BLOCKED)
