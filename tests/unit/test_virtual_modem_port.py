"""The virtual modem as programs see it: a port, a control socket, a process."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from virtual_host import OTHER, OWN, submit

from drivers.text.pdu import tpdu_length
from drivers.virtual.control import Control, ControlError, swap
from drivers.virtual.handle import virtual_modem
from drivers.virtual.options import ModemOptions
from drivers.virtual.runner import Runner

DEADLINE_S = 10.0


class Program:
    """A program that has the port open."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def close(self):
        os.close(self.descriptor)

    def read_until(self, end: bytes) -> bytes:
        said, until = b"", time.monotonic() + DEADLINE_S
        while end not in said:
            ready, _, _ = select.select([self.descriptor], [], [], until - time.monotonic())
            assert ready, said
            data = os.read(self.descriptor, 4096)
            if not data:
                raise EOFError(said)
            said += data
        return said

    def ask(self, command: str) -> bytes:
        os.write(self.descriptor, command.encode() + b"\r")
        return self.read_until(b"OK\r\n")

    def send(self, pdu: bytes) -> bytes:
        os.write(self.descriptor, b"AT+CMGS=%d\r" % tpdu_length(pdu))
        self.read_until(b"> ")
        os.write(self.descriptor, pdu.hex().encode() + b"\x1a")
        return self.read_until(b"OK\r\n")


@contextmanager
def opened(tmp_path, **options):
    with (
        virtual_modem({"link": tmp_path / "modem", "control": tmp_path / "control", "number": OWN, **options}) as port,
        Control(port.control) as control,
    ):
        yield port, control


def test_a_program_talks_through_the_link(tmp_path):
    with opened(tmp_path) as (port, _), closing(Program(port.path)) as program:
        assert port.path == tmp_path / "modem"
        assert port.imei.encode() in program.ask("AT+CGSN")
    assert not (tmp_path / "modem").is_symlink()
    assert not (tmp_path / "control").exists()


def test_the_port_may_be_closed_and_opened_again(tmp_path):
    with opened(tmp_path) as (port, control):
        for _ in range(5):
            with closing(Program(port.path)) as program:
                fcntl.ioctl(program.descriptor, termios.TIOCEXCL)
                program.ask("AT")
        # What is said to nobody is lost, as at a real port.
        control.do("say", text="RDY")
        control.status()
        with closing(Program(port.path)) as program:
            assert b"RDY" not in program.ask("AT")


def test_nobody_reads_and_nothing_blocks(tmp_path):
    with opened(tmp_path) as (port, control), closing(Program(port.path)):
        for _ in range(200):
            control.do("say", text="x" * 1000)
        assert control.status()["name"] == "virtual"


def test_a_long_answer_waits_for_a_slow_reader(tmp_path):
    with opened(tmp_path, sm_size=200) as (port, control), closing(Program(port.path)) as program:
        control.do("fill")
        os.write(program.descriptor, b"AT+CMGL=4\r")
        # One more round of the modem's loop: it has said what fits, and nobody has read.
        control.status()
        assert program.read_until(b"OK\r\n").count(b"+CMGL: ") == 200


def test_unplugging_ends_the_line_and_removes_the_link(tmp_path):
    with opened(tmp_path) as (port, control), closing(Program(port.path)) as program:
        control.do("unplug")
        assert not port.path.is_symlink()
        with pytest.raises(OSError, match="Input/output"):
            os.write(program.descriptor, b"AT\r")
        assert control.status()["port"] is None
        assert control.do("plug", link=str(tmp_path / "other")) == str(tmp_path / "other")
        with closing(Program(tmp_path / "other")) as again:
            assert port.imei.encode() in again.ask("AT+CGSN")


def test_it_vanishes_by_itself_in_the_middle_of_a_message(tmp_path):
    with opened(tmp_path, faults={"vanish": "pdu"}) as (port, control), closing(Program(port.path)) as program:
        with pytest.raises((OSError, EOFError)):
            program.send(submit())
        assert [seen["answered"] for seen in control.sent()] == ["OK"]
        assert not port.path.is_symlink()


def test_a_link_never_replaces_a_file(tmp_path):
    (tmp_path / "modem").write_text("precious")
    with pytest.raises(FileExistsError), opened(tmp_path):
        pass
    assert (tmp_path / "modem").read_text() == "precious"


def test_twins_are_swapped(tmp_path):
    with (
        virtual_modem({"link": tmp_path / "a", "control": tmp_path / "ca"}, name="one") as one,
        virtual_modem({"link": tmp_path / "b", "control": tmp_path / "cb"}, name="two") as two,
        Control(one.control) as first,
        Control(two.control) as second,
    ):
        swap(first, second)
        with closing(Program(tmp_path / "a")) as at_a, closing(Program(tmp_path / "b")) as at_b:
            assert two.imei.encode() in at_a.ask("AT+CGSN")
            assert one.imei.encode() in at_b.ask("AT+CGSN")


def test_control_verbs(tmp_path):
    with opened(tmp_path, sm_size=5) as (port, control), closing(Program(port.path)) as program:
        program.ask("ATE0;+CNMI=2,1;+CLIP=1")
        control.deliver(OTHER, "long " * 50)
        assert program.read_until(b'"SM",1\r\n').count(b"+CMTI") == 2
        assert control.do("fill") == 3
        control.deliver(OTHER, "no room")
        assert b"SMMEMFULL" in program.read_until(b'FULL: "SM"\r\n')
        assert control.status()["memories"]["SM"] == [5, 5]
        assert control.status()["waiting"] == 1
        assert len(control.memory()["SM"]) == 5
        control.do("call", number=OTHER)
        assert OTHER.encode() in program.read_until(b",0\r\n")
        control.do("hang_up")
        program.send(submit("bye"))
        assert control.sent()[0]["text"] == "bye"
        iccid = control.do("sim", name="other", pin="1234")
        assert control.status()["iccid"] == iccid
        assert control.status()["pin"]["state"] == "SIM PIN"
        control.do("sim", name="other")
        control.faults(registration="denied")
        assert b"+CREG: 0,3" in program.ask("AT+CREG?")


@pytest.mark.parametrize(
    ("verb", "arguments", "sentence"),
    [
        ("dance", {}, "no verb 'dance'"),
        ("deliver", {"text": "x"}, "sender"),
        ("deliver", {"sender": OTHER, "text": "x" * 90000}, "parts"),
        ("deliver_pdu", {"pdu": "zz"}, "hexadecimal"),
        ("faults", {"silence": "loud"}, "silence"),
        ("fill", {"memory": "XX"}, "XX"),
        ("plug", {"link": "/nonexistent/place"}, "No such file"),
    ],
)
def test_wrong_requests_get_one_sentence(tmp_path, verb, arguments, sentence):
    with opened(tmp_path) as (_, control):
        with pytest.raises(ControlError, match=sentence) as caught:
            control.do(verb, **arguments)
        assert "\n" not in str(caught.value)
        assert control.status()["name"] == "virtual"


def test_requests_that_are_no_requests(tmp_path):
    import socket

    with opened(tmp_path) as (port, control), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(port.control))
        client.sendall(b'garbage\n[1]\n{"do": 1}\n{"do": "status"}\n{"unfinished')
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            told = [json.loads(line) for line in answers]
        assert ["ok" in answer for answer in told] == [False, False, False, True]
        assert control.status()["name"] == "virtual"


def test_modems_of_one_runner_share_a_network(tmp_path):
    runner = Runner()
    runner.add(ModemOptions.of({"name": "a", "number": OWN, "link": tmp_path / "a"}))
    runner.add(ModemOptions.of({"name": "b", "number": OTHER, "link": tmp_path / "b"}))
    thread = threading.Thread(target=runner.run)
    thread.start()
    with closing(Program(tmp_path / "a")) as here, closing(Program(tmp_path / "b")) as there:
        there.ask("AT+CNMI=2,1")
        here.send(submit("across", OTHER))
        assert b'+CMTI: "SM",0' in there.read_until(b'CMTI: "SM",0')
    runner.stop()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


@contextmanager
def process(tmp_path: Path, *arguments: str):
    command = [sys.executable, "-m", "drivers.virtual", "modem", "--link", str(tmp_path / "modem")]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            yield child, json.loads(child.stdout.readline())
        finally:
            child.kill()


def test_the_process_says_where_it_is_and_ends_on_sigterm(tmp_path):
    arguments = (
        "--control",
        str(tmp_path / "control"),
        "--number",
        OWN,
        "--log",
        str(tmp_path / "log"),
        "--faults",
        "send_errors = ['ERROR']",
    )
    with process(tmp_path, *arguments) as (child, ready):
        assert ready["port"] == str(tmp_path / "modem")
        with Control(ready["control"]) as control, closing(Program(ready["port"])) as program:
            assert control.status()["faults"]["send_errors"] == ["ERROR"]
            control.faults(send_errors=[])
            program.send(submit("logged"))
        child.send_signal(signal.SIGTERM)
        assert child.wait(DEADLINE_S) == 0
    assert not (tmp_path / "modem").is_symlink()
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["text"] == "logged"


def test_log_and_sim_survive_kill(tmp_path):
    arguments = ("--log", str(tmp_path / "log"), "--state", str(tmp_path / "sim"), "--name", "mtn", "--transit", "0")
    for run in range(2):
        with process(tmp_path, *arguments) as (child, ready):
            with closing(Program(ready["port"])) as program:
                assert b"+CMGS: %d" % run in program.send(submit(f"run {run}"))
            child.kill()
            child.wait(DEADLINE_S)
    assert [json.loads(line)["text"] for line in (tmp_path / "log").read_text().splitlines()] == ["run 0", "run 1"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--maker", "nokia"], "of the maker 'nokia'"),
        (["--faults", "colour = 1"], "no fault 'colour'"),
        (["--faults", "colour"], "Expected '='"),
        (["--link", "/nonexistent/place"], "No such file"),
    ],
)
def test_wrong_options_end_with_one_sentence(arguments, sentence):
    command = [sys.executable, "-m", "drivers.virtual", "modem", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
