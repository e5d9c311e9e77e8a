"""Structured log lines on stderr; numbers and texts are masked unless a person asks for them.

Under systemd a line goes to the journal with its fields (``SMS_DEVICE``, ``SMS_MESSAGE``, …). Where the journal can't
be reached, it begins with ``<N>``, the priority of sd-daemon(3), and carries no time, which the journal has.
A line that comes again and again is written ten times a minute, and then says how often it was left out.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from gateway.journal import Journal, name_of

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2, "exception": 3}
NUMBER_KEYS = frozenset({"identity", "identities", "number", "to", "sender", "source", "destination"})
TEXT_KEYS = frozenset({"text", "ussd", "reply"})
PLAIN_KEYS = frozenset({"message", "imei", "iccid", "imsi", "attempt", "transmission", "port", "path"})
LONG_NUMBER = re.compile(r"(?<![\w.])\+?\d{7,15}(?![\w.])")

OWN_KEYS = frozenset({"message", "transmission"})
"""A line about one message is never a repeat of one about another."""
BURST, WINDOW_S, MOST_KINDS = 10, 60.0, 1000

Logger = FilteringBoundLogger


def get(name: str) -> Logger:
    """The logger of one module; its methods take a sentence and fields."""
    return cast("Logger", structlog.get_logger(component=name.removeprefix("gateway.")))


def mask_number(number: str) -> str:
    """Keep what tells numbers apart in a log and not who it is: ``+254…01``."""
    return f"{number[:4]}…{number[-2:]}" if len(number) > 6 else number


def configure(*, level: str = "info", masked: bool = True, stream: TextIO | None = None) -> None:
    """Send the lines of structlog and of the standard library's logging to ``stream`` (default stderr).

    ``level`` is a name of the standard library's levels, in lower case.
    """
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    chain: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    if masked:
        chain.append(_mask)
    journal = _to_journal(out)
    ends = [_ToJournal(Journal(), _Line(journal))] if journal else [_Line(journal)]
    structlog.configure(
        processors=[*chain, Repeats(), structlog.processors.ExceptionRenderer(), *ends],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Forward()]
    root.setLevel(number)
    # It warns of each run that it leaves out because the last one still waits for the database.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))


class _Forward(logging.Handler):
    """Hands the records of the standard library to structlog, so that there is one format."""

    def emit(self, record: logging.LogRecord) -> None:
        extra = {"exc_info": record.exc_info} if record.exc_info else {}
        get(record.name).log(record.levelno, record.getMessage(), **extra)


class Repeats:
    """Lets a line through ``BURST`` times in ``WINDOW_S`` seconds; the next one after that has ``left_out``."""

    def __init__(self, mono: Callable[[], float] = time.monotonic) -> None:
        self._mono, self._lock = mono, threading.Lock()
        self._seen: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A processor of structlog. Raises DropEvent for what is left out."""
        if not OWN_KEYS.isdisjoint(event):
            return event
        kind = tuple(str(event.get(key, "")) for key in ("level", "component", "event", "device", "reason"))
        now = self._mono()
        with self._lock:
            since, count = self._seen.pop(kind, (now, 0))
            left_out = 0
            if now - since >= WINDOW_S:
                left_out, since, count = max(0, count - BURST), now, 0
            self._seen[kind] = since, count + 1
            if len(self._seen) > MOST_KINDS:
                del self._seen[next(iter(self._seen))]
        if count >= BURST:
            raise structlog.DropEvent
        if left_out:
            event["left_out"] = left_out
        return event


class _ToJournal:
    """The last step under systemd: an entry with fields, or, where that fails, the line for stderr."""

    def __init__(self, journal: Journal, line: _Line) -> None:
        self._journal, self._line = journal, line

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        given = {key: value for key, value in event.items() if value is not None}
        fields = {name_of(key): str(given[key]) for key in given if key not in ("event", "level", "exception")}
        priority = PRIORITIES.get(str(given.get("level", method)), 6)
        line = self._line(logger, method, event)
        head, _, said = line.partition(">")
        entry = {"MESSAGE": said, "PRIORITY": str(priority), "SYSLOG_IDENTIFIER": "sms-gateway", **fields}
        if self._journal.send(entry):
            raise structlog.DropEvent
        return f"{head}>{said}"


class _Line:
    """Renders one event as ``sentence key=value …``."""

    def __init__(self, journal: bool) -> None:
        self._journal = journal
        self._stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.pop("level", method))
        head = f"<{PRIORITIES.get(level, 6)}>"
        if not self._journal:
            head = f"{self._stamp(logger, method, {})['timestamp'][:23]}Z {level:<7} "
        component, sentence = event.pop("component", ""), str(event.pop("event", ""))
        trace = event.pop("exception", None)
        fields = " ".join(f"{key}={_plain(value)}" for key, value in event.items() if value is not None)
        line = head + " ".join(filter(None, [f"{component}: {sentence}" if component else sentence, fields]))
        # A line break inside a message would let a sender write log lines of his own.
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        return line + (f"\n{trace}" if trace else "")


def _plain(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or re.search(r"[\s\"'=]", text) else text


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    for key, value in event.items():
        if key in TEXT_KEYS and value is not None:
            event[key] = f"<{len(str(value))} characters>"
        elif key in NUMBER_KEYS and value is not None:
            event[key] = mask_number(value) if isinstance(value, str) else f"<{len(list(value))} numbers>"
        elif key not in PLAIN_KEYS and isinstance(value, str):
            event[key] = LONG_NUMBER.sub(lambda match: mask_number(match[0]), value)
    return event


def _to_journal(stream: TextIO) -> bool:
    """Whether ``stream`` is the one that systemd connected to the journal (``$JOURNAL_STREAM``, systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
