"""What a modem says, cut into lines and told apart: answers, final results, prompts and unsolicited results.

Pure: octets in, values out (ITU-T V.250 §5.7, 3GPP TS 27.005 §3 and TS 27.007 §9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a line is."""

    ANSWER = "answer"
    FINAL = "final"
    PROMPT = "prompt"
    URC = "urc"
    """Unsolicited: nobody asked for it."""
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``raw`` has its line end; ``body`` is the PDU line that follows ``+CMT`` and ``+CDS``."""

    kind: Kind
    text: str
    raw: bytes
    body: str = ""

    @property
    def name(self) -> str:
        """``+CMTI`` of ``+CMTI: "SM",3``; the whole text where there is no colon."""
        return self.text.partition(":")[0].strip()

    @property
    def value(self) -> str:
        """What stands behind the colon."""
        return self.text.partition(":")[2].strip()


FINALS = frozenset({"OK", "ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "NO CARRIER", "BUSY", "NO ANSWER"})
FINAL_PREFIXES = ("+CMS ERROR", "+CME ERROR")
DIAL_FINALS = frozenset({"NO CARRIER", "BUSY", "NO ANSWER"})
WORDS = frozenset(
    {"RING", "RDY", "START", "CALL READY", "SMS READY", "SMS DONE", "PB DONE", "SIM READY", "NORMAL POWER DOWN"}
    | {"POWERED DOWN", "MODEM:STARTUP", "+SIM READY", "+SMS FULL", "+PBREADY", "^SYSSTART", "OVER-VOLTAGE WARNNING"}
)
"""Unsolicited words; makers agree on few."""
TWO_LINES = frozenset({"+CMT", "+CDS", "+CBM"})
"""Unsolicited results whose PDU stands on the next line."""
ALIASES = {
    "+CCID": {"+ICCID", "+CCID"},
    "^ICCID": {"^ICCID", "ICCID"},
    "+QCCID": {"+QCCID", "+CCID"},
    "+CGSN": {"+CGSN", "+GSN"},
    "+CPINR": {"+CPINR"},
}
"""Commands that some modems answer under another name."""
PROMPTING = frozenset({"+CMGS", "+CMGW", "+CMGC", "+CNMA"})
"""Commands that are answered with a prompt (3GPP TS 27.005 §3.5, §4.3)."""
_COMMAND = re.compile(r"AT([+^$%#*_&][A-Z0-9]+)", re.IGNORECASE)
_EXTENDED = re.compile(r"[+^$%#*][A-Za-z0-9 ]+(:|$)")
_PROMPT = re.compile(rb"[\r\n\0 ]*> ?")
_REGISTRATIONS = frozenset({"+CREG", "+CGREG", "+CEREG"})
_PARTIAL_LIMIT = 4096


def command_name(command: str) -> str:
    """``+CMGS`` of ``AT+CMGS=23``; an empty string for basic commands such as ``ATI``."""
    found = _COMMAND.match(command)
    return found.group(1).upper() if found else ""


class Cutter:
    """Cuts what comes from a modem into ``Line`` values, whatever the pieces it comes in.

    ``asking`` is the command that runs (None: none does, so every line is unsolicited); the owner sets it.
    """

    def __init__(self) -> None:
        self.asking: str | None = None
        self._buffer = bytearray()
        self._held: Line | None = None

    @property
    def pending(self) -> bool:
        """Whether an unfinished line waits for its end."""
        return bool(self._buffer)

    def feed(self, octets: bytes) -> list[Line]:
        """The lines that ``octets`` completed."""
        self._buffer += octets
        lines: list[Line] = []
        while (line := self._cut_prompt() or self._cut()) is not None:
            self._keep(lines, line)
        if len(self._buffer) > _PARTIAL_LIMIT:
            # No modem says this much in one line: noise, as after a wrong speed.
            self._buffer.clear()
        return lines

    def flush(self) -> bytes:
        """Give up what is not a whole line, and return it."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._held = None
        return rest

    def _cut_prompt(self) -> Line | None:
        """A prompt is no line: its end may be anything, even an unsolicited line."""
        found = _PROMPT.match(self._buffer)
        if found is None or self.asking is None:
            return None
        if self.asking not in PROMPTING and found.end() < len(self._buffer):
            return None
        raw = found.group()
        del self._buffer[: found.end()]
        return Line(Kind.PROMPT, ">", raw)

    def _cut(self) -> Line | None:
        for at, octet in enumerate(self._buffer):
            if octet in b"\r\n":
                end = at + 1
                while end < len(self._buffer) and self._buffer[end] in b"\r\n":
                    end += 1
                raw = bytes(self._buffer[:end])
                del self._buffer[:end]
                return self._tell(raw)
        return None

    def _tell(self, raw: bytes) -> Line:
        text = raw.decode("latin-1").strip("\r\n \0")
        return Line(kind_of(text, self.asking), text, raw)

    def _keep(self, lines: list[Line], line: Line) -> None:
        if self._held is None:
            if line.kind is Kind.URC and line.name in TWO_LINES:
                self._held = line
            else:
                lines.append(line)
        elif line.kind is not Kind.BLANK:
            head, self._held = self._held, None
            lines.append(Line(Kind.URC, head.text, head.raw + line.raw, body=line.text))


def kind_of(text: str, asking: str | None) -> Kind:
    """What a line is while the command ``asking`` runs (``+CMGS``, "" for a basic one, None for none)."""
    upper = text.upper()
    if not text:
        return Kind.BLANK
    if upper in FINALS or upper.startswith(FINAL_PREFIXES):
        calling = asking is None or asking == "D" or upper not in DIAL_FINALS
        return Kind.FINAL if calling else Kind.URC
    if asking is None or upper in WORDS:
        return Kind.URC
    if not _EXTENDED.match(text) or not asking:
        return Kind.URC if upper.startswith(("+CMTI:", "+CDSI:", "+CMT:", "+CDS:", "+CREG:")) else Kind.ANSWER
    name = upper.partition(":")[0].strip()
    if name not in ALIASES.get(asking, {asking}):
        return Kind.URC
    return Kind.URC if name in _REGISTRATIONS and _unasked(text) else Kind.ANSWER


def _unasked(text: str) -> bool:
    # The answer has <n>,<stat>[,…]; the unsolicited form begins with <stat> and, where it has more, a quoted area.
    fields = text.partition(":")[2].split(",")
    return len(fields) == 1 or fields[1].strip().startswith('"')
