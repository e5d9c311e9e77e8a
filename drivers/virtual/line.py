"""The serial line as the modem sees it: octets in, command lines and prompt inputs out (ITU-T V.250 §5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

CR = 0x0D
LF = 0x0A
BACKSPACE = 0x08
ESCAPE = 0x1B
CTRL_Z = 0x1A
LINE_LIMIT = 1024
"""Octets that a command line or a PDU may have; what is longer is answered with an error."""


class Kind(Enum):
    """How a command is given (3GPP TS 27.007 §4)."""

    EXECUTE = ""
    READ = "?"
    TEST = "=?"
    SET = "="


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a line: ``AT+CPMS="SM"`` is ``Command("+CPMS", Kind.SET, ("SM",))``."""

    name: str
    kind: Kind = Kind.EXECUTE
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A whole line, without its CR. ``commands`` is None when it can't be understood."""

    text: str
    commands: tuple[Command, ...] | None


@dataclass(frozen=True, slots=True)
class PromptInput:
    """What was typed at the ``>`` prompt; None when it was given up with ESC."""

    text: str | None


_EXTENDED = re.compile(r"([+^$%#*_&\\][A-Z0-9_]+)(=\?|\?|=|)", re.IGNORECASE)
_BASIC = re.compile(r"(S\d+|[A-Z])(=\?|\?|=|)(\d*)", re.IGNORECASE)
_DIAL = re.compile(r"D[^;]*;?", re.IGNORECASE)


class Line:
    """Collects octets into command lines, or into the input of a prompt while ``prompting``."""

    def __init__(self) -> None:
        self.echo = True
        self.prompting = False
        self._buffer = bytearray()
        self._last = ""

    def feed(self, octet: int) -> CommandLine | PromptInput | None:
        """Take one octet in; return what it completed, if anything."""
        return self._feed_prompt(octet) if self.prompting else self._feed_command(octet)

    def begins(self, octet: int) -> bool:
        """Whether this octet is the first of a command line."""
        return not self.prompting and not self._buffer and octet > 0x20

    def clear(self) -> None:
        """Drop an unfinished line, and leave the prompt."""
        self._buffer.clear()
        self.prompting = False

    def _feed_prompt(self, octet: int) -> PromptInput | None:
        if octet not in (ESCAPE, CTRL_Z):
            if len(self._buffer) <= LINE_LIMIT:
                self._buffer.append(octet)
            return None
        text = self._buffer.decode("latin-1")
        self.clear()
        return PromptInput(None if octet == ESCAPE else text)

    def _feed_command(self, octet: int) -> CommandLine | None:
        if octet == CR:
            text = self._buffer.decode("latin-1")
            self._buffer.clear()
            return self._command_line(text)
        if octet == BACKSPACE:
            del self._buffer[-1:]
        elif octet in (ESCAPE, CTRL_Z):
            self._buffer.clear()
        elif octet != LF and len(self._buffer) <= LINE_LIMIT:
            self._buffer.append(octet)
        if self._buffer.upper() == b"A/":
            self._buffer.clear()
            return self._command_line(self._last)
        return None

    def _command_line(self, text: str) -> CommandLine | None:
        start = text.upper().find("AT")
        if start < 0:
            return None
        self._last = text
        too_long = len(text) > LINE_LIMIT
        return CommandLine(text, None if too_long else parse(text[start + 2 :]))


def parse(body: str) -> tuple[Command, ...] | None:
    """The commands behind ``AT``; None when any of them can't be understood."""
    commands: list[Command] = []
    at = 0
    while at < len(body):
        if body[at] in "; ":
            at += 1
            continue
        found = _one(body, at)
        if found is None:
            return None
        command, at = found
        commands.append(command)
    return tuple(commands)


def _one(body: str, at: int) -> tuple[Command, int] | None:
    if dial := _DIAL.match(body, at):
        return Command("D", Kind.SET, (dial.group()[1:],)), dial.end()
    if extended := _EXTENDED.match(body, at):
        name, mark = extended.group(1).upper(), extended.group(2)
        if Kind(mark) is not Kind.SET:
            return Command(name, Kind(mark)), extended.end()
        raw, end = _until_semicolon(body, extended.end())
        return Command(name, Kind.SET, _arguments(raw)), end
    if basic := _BASIC.match(body, at):
        name, mark, number = basic.group(1).upper(), basic.group(2), basic.group(3)
        return Command(name, Kind(mark), (number,) if number else ()), basic.end()
    return None


def _until_semicolon(body: str, start: int) -> tuple[str, int]:
    end = next(_outside_quotes(body, ";", start), len(body))
    return body[start:end], end + 1


def _arguments(raw: str) -> tuple[str, ...]:
    """Split at the commas outside quotes, and take the quotes off."""
    arguments: list[str] = []
    start = 0
    for end in (*_outside_quotes(raw, ",", 0), len(raw)):
        arguments.append(raw[start:end].strip().strip('"'))
        start = end + 1
    return tuple(arguments)


def _outside_quotes(text: str, separator: str, start: int) -> Iterator[int]:
    quoted = False
    for at in range(start, len(text)):
        if text[at] == '"':
            quoted = not quoted
        elif text[at] == separator and not quoted:
            yield at
