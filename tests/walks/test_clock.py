"""The wall clock is set under a running service: nothing expires, nothing stalls, ``at`` follows."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running import PHONE, Service, config, eventually, virtual_carrier, virtual_modem

DAY = 86400
YEARS_1970 = -int(datetime.now(UTC).timestamp()) + 600
# libfaketime 0.9.10 takes a deadline of the real monotonic clock for one of the faked wall clock: ``time.sleep`` (and
# ``Popen.wait`` with a limit, which calls it) then fails or takes years. It leaves the span of a select alone.
SLEEP = "import select, time\ntime.sleep = lambda span_s: select.select([], [], [], span_s) and None\n"


class Faked(Service):
    """A service, and commands beside it, whose wall clock is ``set``; the monotonic one is the kernel's."""

    def __init__(self, directory, text, library):
        super().__init__(directory, text)
        self._offset = Path(directory) / "faketime"
        self.set(0)
        sleep = Path(directory) / "sleep"
        sleep.mkdir()
        (sleep / "sitecustomize.py").write_text(SLEEP)
        self.environ = {
            "PYTHONPATH": str(sleep),
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset_s):
        """Let the clock be so many seconds off."""
        self.offset_s = offset_s
        new = self._offset.with_name("faketime.new")
        new.write_text(f"{offset_s:+d}\n")
        new.replace(self._offset)

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    def start(self, limit_s=30.0):
        return super().start(limit_s, **self.environ)

    def cli(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "-c", str(self.config), *arguments],
            capture_output=True, text=True, timeout=60, check=False, env=os.environ | self.environ,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def step(self, offset_s):
        """Set the clock and wait until the service has noticed."""
        seen = self.log.read_text().count("the clock was set")
        self.set(offset_s)
        eventually(lambda: self.log.read_text().count("the clock was set") > seen)

    def stop(self, limit_s=60.0):
        code = super().stop(limit_s)
        assert "Traceback" not in self.log.read_text()
        return code

    def status(self, message_id):
        return [each["status"] for each in json.loads(self.cli("show", message_id, "--json"))["transmissions"]]


def library():
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        missing = "no libfaketime (Debian: libfaketime) on this host"
        if os.environ.get("SMS_GATEWAY_CI") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found[-1]


@pytest.fixture
def walk(tmp_path):
    faked = library()
    modem, carrier = virtual_modem(tmp_path), virtual_carrier(tmp_path)
    text = config(tmp_path, modem, carrier, modem_keys='driver = "at"', carrier_keys='settle = "2s"')
    service = Faked(tmp_path, text, faked)
    service.devices = {"modem": modem, "carrier": carrier}
    yield service
    for each in (service, modem, carrier):
        each.close()


def texts(walk, device="carrier"):
    return [entry["text"] for entry in walk.devices[device].witness()]


@pytest.mark.parametrize("offset_s", [DAY, -DAY, YEARS_1970], ids=["a-day-ahead", "a-day-back", "1970"])
def test_nothing_expires_and_nothing_stalls(walk, offset_s):
    walk.start()
    eventually(lambda: walk.log.read_text().count("the device is up") == 2, what="both devices up")
    walk.cli("pause", "carrier")
    waiting = walk.cli("send", "carrier", "waits for an hour", PHONE, "--expires", _iso(walk, 3600)).strip()
    later = walk.cli("send", "modem", "at its time", PHONE, "--at", _iso(walk, 7200)).strip()
    walk.step(offset_s)
    new = walk.cli("send", "carrier", "sent after the step", PHONE, "--expires", _iso(walk, 3600)).strip()
    with walk.devices["modem"].control() as control:
        control.deliver(PHONE, "echo polled")
    eventually(lambda: "polled" in texts(walk, "modem"), what="the modem is polled and answered")
    assert walk.status(waiting) == walk.status(new) == ["queued"]
    assert walk.status(later) == (["delivered"] if offset_s > 7200 else ["queued"])
    walk.cli("resume", "carrier")
    eventually(lambda: walk.status(waiting) == walk.status(new) == ["delivered"])
    assert texts(walk) == ["waits for an hour", "sent after the step"]
    assert walk.stop() == 0


def test_a_message_due_at_a_moment_leaves_when_the_clock_is_set_to_it(walk):
    walk.start()
    due = walk.cli("send", "carrier", "due in ten hours", PHONE, "--at", _iso(walk, 36000)).strip()
    walk.step(7200)
    assert walk.status(due) == ["queued"]
    walk.step(36001)
    eventually(lambda: walk.status(due) == ["delivered"])
    assert walk.stop() == 0


def test_a_start_with_a_clock_that_fell_back_opens_no_quota_and_sends_nothing_early(walk):
    text = walk.config.read_text().replace('settle = "2s"', 'quota = "2/hour"\nsettle = "2s"')
    walk.config.write_text(text)
    walk.start()
    first = [walk.cli("send", "carrier", f"number {n}", PHONE).strip() for n in range(3)]
    eventually(lambda: [walk.status(each) for each in first].count(["delivered"]) == 2)
    due = walk.cli("send", "modem", "due in an hour", PHONE, "--at", _iso(walk, 3600)).strip()
    assert walk.stop() == 0
    ups = walk.log.read_text().count("the device is up")
    walk.set(-DAY)
    walk.start()
    eventually(lambda: walk.log.read_text().count("the device is up") == ups + 2)
    sent = walk.cli("send", "modem", "goes at once", PHONE).strip()
    eventually(lambda: walk.status(sent) == ["delivered"])
    assert len(texts(walk)) == 2
    assert walk.status(due) == ["queued"]
    assert walk.stop() == 0


def _iso(walk, seconds):
    return (walk.now() + timedelta(seconds=seconds)).isoformat(timespec="seconds")
