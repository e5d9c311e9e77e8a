"""The tap between libGammu and the modem: a pseudo terminal on one side, the modem's line on the other.

libGammu believes it has the port. The tap moves its octets to and fro while a call runs, and
- takes unsolicited lines out of the stream: libGammu takes unknown ones for answers and fails;
- sees what libGammu keeps to itself: the +CMS number, the TP-MR, the moment when a PDU leaves;
- ends calls: at the deadline libGammu is answered ERROR, at once and to all that it says, while
  nothing more reaches the modem. A call into libGammu can't be ended in any other way.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivers.gsm.at import At, Reply
from drivers.gsm.lines import PROMPTING, Kind, Line, command_name

REFUSAL = b"\r\nERROR\r\n"
HOLD_S = 0.2
"""An unfinished line is passed on after this time: libGammu may wait for something that has no line end."""
TORN_LIMIT_S = 5.0


@dataclass(slots=True)
class Sending:
    """A message that libGammu is sending: what the tap saw of it."""

    leaving: Callable[[], None]
    is_mine: Callable[[int], bool]
    in_doubt: bool
    timeout_s: float
    pdu: bytes = b""
    left: bool = False
    reference: int | None = None
    refusal: str | None = None


@dataclass(slots=True)
class Call:
    """What became of one call into libGammu."""

    timed_out: bool = False
    problem: Exception | None = None
    """What stopped the tap; to be raised by who called libGammu."""
    finals: list[str] = field(default_factory=list)


class Tap:
    """A pseudo terminal for libGammu. One thread calls ``passing``; a helper thread moves the octets meanwhile."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._stop_read, self._stop_write = os.pipe()

    def close(self) -> None:
        """Close both ends."""
        for descriptor in (self._master, self._slave, self._stop_read, self._stop_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    @contextlib.contextmanager
    def passing(self, at: At, limit_s: float, sending: Sending | None = None) -> Iterator[Call]:
        """Let libGammu speak with the modem inside this block, for ``limit_s`` at most."""
        call = Call()
        pump = _Pump(self._master, self._stop_read, at, time.monotonic() + limit_s, sending, call)
        thread = threading.Thread(target=pump.run, name="tap", daemon=True)
        thread.start()
        try:
            yield call
        finally:
            os.write(self._stop_write, b"x")
            thread.join()
            os.read(self._stop_read, 1)
            if not pump.in_step:
                at.out_of_step()


class _Pump:
    """Moves octets until it is told to stop."""

    def __init__(self, master: int, stop: int, at: At, end_mono: float, sending: Sending | None, call: Call) -> None:
        self._master = master
        self._stop = stop
        self._at = at
        self._end_mono = end_mono
        self._sending = sending
        self._call = call
        self._command = bytearray()
        self._echo = b""
        """The last command, until something of its answer was passed on."""
        self._prompted = False
        self._passing_over = False
        self._since = 0.0
        self.in_step = True
        """Whether the modem has answered all that libGammu said."""

    def run(self) -> None:
        try:
            while self._turn():
                pass
        except Exception as error:  # noqa: BLE001 - raised again in the thread whose call waits for this one
            self._call.problem = error
            self._refuse_until_stopped()

    def _turn(self) -> bool:
        """One step; False when told to stop, or when only refusing is left."""
        left = self._end_mono - time.monotonic()
        if left <= 0:
            self._call.timed_out = True
            self._refuse_until_stopped()
            return False
        wait = min(left, HOLD_S) if self._at.cutter.pending else left
        ready, _, _ = select.select([self._master, self._at.fileno(), self._stop], [], [], wait)
        if self._stop in ready:
            return False
        if self._master in ready:
            self._from_library(_read(self._master))
        if self._at.fileno() in ready:
            self._from_modem()
        elif not ready and self._at.cutter.pending:
            self._pass_torn()
        return True

    def _from_library(self, octets: bytes) -> None:
        if self._prompted:
            self._from_library_at_prompt(octets)
            return
        self._command += octets
        if b"\r" in octets:
            self._echo = bytes(self._command)
            text = self._command.decode("latin-1")
            self._at.cutter.asking = command_name(text.strip("\x1b\r\n "))
            # What follows such a command is a message, even if its prompt was not seen to come.
            self._prompted = self._at.cutter.asking in PROMPTING and "=" in text
            self._command.clear()
        self.in_step = False
        self._at.port.write(octets)

    def _from_library_at_prompt(self, octets: bytes) -> None:
        sending = self._sending
        if sending and not sending.left and octets.strip(b"\x1b\r\n"):
            sending.left = True
            sending.leaving()
        if sending:
            # libGammu pauses before the end of the PDU; the network's time begins there.
            self._end_mono = time.monotonic() + sending.timeout_s
            sending.pdu += octets
        if b"\x1a" in octets or b"\x1b" in octets:
            self._prompted = False
        self._at.port.write(octets)

    def _from_modem(self) -> None:
        octets = self._at.port.read(0)
        self._since = time.monotonic()
        for line in self._at.cutter.feed(octets):
            self._line(line)

    def _line(self, line: Line) -> None:
        if line.kind is Kind.URC:
            self._at.on_urc(line)
            return
        if line.kind is Kind.PROMPT:
            self._prompted = True
        elif line.kind is Kind.FINAL:
            if not self._is_final(line):
                return
            self._prompted = False
        elif line.kind is Kind.ANSWER and not self._is_answer(line):
            return
        self._echo = b""
        _write(self._master, line.raw)

    def _is_answer(self, line: Line) -> bool:
        sending = self._sending
        number = line.value.partition(",")[0].strip()
        if sending is None or not sending.left or line.name != "+CMGS" or not number.isdigit():
            return True
        if not sending.is_mine(int(number)):
            self._passing_over = True
            return False
        sending.reference = int(number)
        return True

    def _is_final(self, line: Line) -> bool:
        if self._passing_over:
            self._passing_over = False
            return False
        sending = self._sending
        if sending and sending.left and sending.reference is None:
            if sending.in_doubt:
                return False
            sending.refusal = None if line.text == "OK" else line.text
        elif sending and (
            line.text.startswith("+CM") or (line.text == "ERROR" and self._at.cutter.asking in PROMPTING)
        ):
            sending.refusal = line.text
        self._call.finals.append(line.text)
        self.in_step = True
        return True

    def _pass_torn(self) -> None:
        # Only what can't become an unsolicited line: those are never passed on, however slowly they come.
        if time.monotonic() - self._since > TORN_LIMIT_S:
            _write(self._master, self._at.cutter.flush())

    def _refuse_until_stopped(self) -> None:
        # libGammu takes the first line for the echo of its command, and waits on for what follows.
        _write(self._master, self._echo + REFUSAL)
        said = b""
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [], None)
            if self._stop in ready:
                return
            said += _read(self._master)
            if b"\r" in said or b"\x1a" in said:
                _write(self._master, said + REFUSAL)
                said = b""


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except (BlockingIOError, OSError):
        return b""


def _write(descriptor: int, octets: bytes) -> None:
    with contextlib.suppress(BlockingIOError, OSError):
        os.write(descriptor, octets)


def reply_of(sending: Sending) -> Reply | None:
    """The refusal that the tap saw."""
    return Reply((), sending.refusal) if sending.refusal else None
