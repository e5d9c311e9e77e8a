"""The one owner of a modem's line: commands with deadlines, the prompt, and what the modem says unasked."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from drivers.base import DriverError
from drivers.gsm.lines import Cutter, Kind, Line, command_name, kind_of
from drivers.gsm.ports import Port

ESC = b"\x1b"
CTRL_Z = b"\x1a"
QUIET_S = 0.08
"""A modem that has said nothing for this long has finished what it had begun to say."""
ANSWER_S = 5.0
PROMPT_S = 5.0
_NUMBERED = re.compile(r"\+(CM[SE]) ERROR:\s*(.+)")


class ModemSilentError(DriverError):
    """No final result before the deadline."""


class CommandRefusedError(DriverError):
    """The modem said ERROR, +CMS ERROR or +CME ERROR.

    ``family`` is ``CMS``, ``CME`` or ``""``; ``code`` the number, None when it gave words or nothing.
    """

    def __init__(self, command: str, reply: Reply) -> None:
        super().__init__(f"the modem refuses {command.partition('=')[0]} ({reply.final})")
        self.family, self.code = reply.error
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Reply:
    """What a modem answered: the lines in between, and the final result."""

    lines: tuple[str, ...]
    final: str

    @property
    def ok(self) -> bool:
        """Whether the final result is OK."""
        return self.final == "OK"

    @property
    def error(self) -> tuple[str, int | None]:
        """``("CMS", 38)`` of ``+CMS ERROR: 38``; ``("", None)`` of a bare ERROR."""
        found = _NUMBERED.match(self.final.upper())
        if not found:
            return "", None
        return found.group(1), int(found.group(2)) if found.group(2).isdigit() else None

    def value(self, name: str = "") -> str | None:
        """What stands behind ``NAME:`` in the first line that has it; without a name, the first line."""
        for line in self.lines:
            head, colon, rest = line.partition(":")
            if not name:
                return line
            if colon and head.strip().upper() == name:
                return rest.strip()
        return None


class At:
    """A modem's command line over a ``Port``. Used by one thread at a time.

    Args:
        port: the line; closed by ``close``.
        on_urc: called with every unsolicited line, from inside ``command``, ``pump`` and ``drain``.
    """

    def __init__(self, port: Port, on_urc: Callable[[Line], None]) -> None:
        self.port = port
        self.on_urc = on_urc
        self.cutter = Cutter()
        self.heard_mono = time.monotonic()
        self._in_step = False
        self._queue: deque[Line] = deque()
        self._known: dict[tuple[str, ...], str] = {}

    def fileno(self) -> int:
        """The port's descriptor, readable when ``pump`` has work."""
        return self.port.fileno()

    def close(self) -> None:
        """Close the port."""
        self.port.close()

    def knows(self, commands: tuple[str, ...], command: str | None = None) -> tuple[str, ...]:
        """These alternatives, the one that this modem has answered first; ``command``: it has answered this one."""
        if command:
            self._known[commands] = command
        return tuple(sorted(commands, key=lambda one: one != self._known.get(commands)))

    def out_of_step(self) -> None:
        """The modem may still owe an answer: bring it in step before the next command."""
        self._in_step = False

    def command(self, command: str, timeout_s: float = ANSWER_S) -> Reply:
        """Send one command line and wait for its final result, whatever it is.

        Raises ModemSilentError at the deadline, PortGoneError.
        """
        if not self._in_step:
            self.get_in_step()
        return self._ask(command, timeout_s)

    def require(self, command: str, timeout_s: float = ANSWER_S) -> Reply:
        """``command``, but raises CommandRefusedError unless the final result is OK."""
        reply = self.command(command, timeout_s)
        if not reply.ok:
            raise CommandRefusedError(command, reply)
        return reply

    def try_value(self, command: str, name: str, timeout_s: float = ANSWER_S) -> str | None:
        """What the modem says behind ``name`` (``""``: its first line), None when it refuses the command."""
        reply = self.command(command, timeout_s)
        return reply.value(name) if reply.ok else None

    def send_pdu(
        self,
        command: str,
        pdu: str,
        timeout_s: float,
        leaving: Callable[[], None],
        answered: Callable[[Line], bool],
    ) -> Reply:
        """Give a command with a prompt (``AT+CMGS``), then the PDU.

        Args:
            command: the command line.
            pdu: hexadecimal digits, without Ctrl-Z.
            timeout_s: for the answer, from the last octet of the PDU.
            leaving: called before the first octet of the PDU is written.
            answered: called with each answer line and each final result; False for one that may belong to an
                earlier message: it is passed over, an answer line with its final result.

        Raises ModemSilentError (``leaving`` tells whether before or after the PDU), PortGoneError.
        """
        if not self._in_step:
            self.get_in_step()
        self.cutter.asking = command_name(command)
        self._in_step = False
        self.port.write(command.encode("ascii") + b"\r")
        early = self._until(PROMPT_S, command, prompt=True)
        if early is not None:
            self._finished()
            return early
        leaving()
        self.port.write(pdu.encode("ascii") + CTRL_Z)
        reply = self._until(timeout_s, pdu, answered=answered)
        if reply is None:
            raise ModemSilentError(f"{command.partition('=')[0]}: a prompt instead of an answer")
        self._finished()
        return reply

    def pump(self) -> None:
        """Take in what the modem says unasked. Call when ``fileno`` is readable. Raises PortGoneError."""
        self.cutter.asking = None
        self._dispatch(self.cutter.feed(self.port.read(0)))

    def drain(self, quiet_s: float, limit_s: float) -> None:
        """Take in everything until the modem has been quiet for ``quiet_s``; ``limit_s`` at most.

        Raises PortGoneError.
        """
        self.cutter.asking = None
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            octets = self.port.read(min(quiet_s, left))
            if not octets:
                return
            self._dispatch(self.cutter.feed(octets))

    def get_in_step(self, timeout_s: float = 2.0) -> None:
        """Free a modem that waits at a prompt, and let old answers run out. Raises ModemSilentError, PortGoneError."""
        self.port.write(ESC)
        self.drain(QUIET_S, 1.0)
        self._dispatch_rest()
        reply = self._ask("AT", timeout_s)
        for text in reply.lines:
            # AT has no answer lines: these belong to what an earlier owner of the line had asked for.
            self.on_urc(Line(Kind.URC, text, text.encode("latin-1", "replace")))
        self.drain(QUIET_S, 1.0)
        self._in_step = reply.ok or self._ask("AT", timeout_s).ok

    def _dispatch_rest(self) -> None:
        rest = self.cutter.flush()
        if rest:
            self._dispatch(self.cutter.feed(rest + b"\r\n"))

    def _ask(self, command: str, timeout_s: float) -> Reply:
        self.cutter.asking = command_name(command)
        self._in_step = False
        self.port.write(command.encode("ascii") + b"\r")
        reply = self._until(timeout_s, command)
        if reply is None:
            # At a prompt that nobody asked for: out of it, and say so.
            self.port.write(ESC)
            raise ModemSilentError(f"{command.partition('=')[0]}: a prompt instead of an answer")
        self._finished()
        return reply

    def _finished(self) -> None:
        self.cutter.asking = None
        self._in_step = True
        rest = [replace(line, kind=kind_of(line.text, None)) for line in self._queue]
        self._queue.clear()
        self._dispatch(rest)

    def _until(
        self, timeout_s: float, echo: str, *, prompt: bool = False, answered: Callable[[Line], bool] | None = None
    ) -> Reply | None:
        """The reply; None for a prompt when one is waited for, or comes unexpectedly."""
        end = time.monotonic() + timeout_s
        collected: list[str] = []
        passed_over = False
        while (line := self._next(end)) is not None:
            if line.kind is Kind.URC:
                self.on_urc(line)
            elif line.kind is Kind.PROMPT and (prompt or answered is None):
                return None
            elif line.kind is Kind.FINAL:
                if not passed_over and (answered is None or answered(line)):
                    return Reply(tuple(collected), line.text)
                passed_over = False
            elif line.kind is Kind.ANSWER and line.text.rstrip("\x1a") != echo:
                if answered is None or answered(line):
                    collected.append(line.text)
                else:
                    passed_over = True
        raise ModemSilentError(f"no answer to {_shown(echo)} in {timeout_s:.0f} s")

    def _next(self, end_mono: float) -> Line | None:
        """The next line; None at the deadline."""
        while not self._queue:
            left = end_mono - time.monotonic()
            if left <= 0:
                return None
            octets = self.port.read(left)
            if octets:
                self.heard_mono = time.monotonic()
            self._queue += self.cutter.feed(octets)
        return self._queue.popleft()

    def _dispatch(self, lines: list[Line]) -> None:
        if lines:
            self.heard_mono = time.monotonic()
        for line in lines:
            if line.kind in (Kind.URC, Kind.FINAL):
                self.on_urc(line)


def _shown(command: str) -> str:
    # Neither a PDU nor a PIN belongs in a sentence for a log.
    return command.partition("=")[0] if command.upper().startswith("AT") else "a message"
