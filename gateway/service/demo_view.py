"""What the demonstration shows: a live table on a terminal, one line for each change elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway.store.types import Direction, MessageRow, Status, TransmissionRow

COLOURS = {Status.DELIVERED: "green", Status.HANDLED: "green", Status.FAILED: "red", Status.UNKNOWN: "yellow"}
Rows = Sequence[tuple[TransmissionRow, MessageRow]]


class View(Protocol):
    """Somewhere to show rows."""

    def show(self, rows: Rows) -> None:
        """These are all rows as they stand now."""

    def note(self, sentence: str) -> None:
        """Say something once."""


class Lines:
    """One line for each change of a status."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._known: dict[int, Status] = {}
        self._said: set[str] = set()

    def show(self, rows: Rows) -> None:
        """See ``View``."""
        for row, message in rows:
            if self._known.get(row.id) is not row.status:
                self._known[row.id] = row.status
                arrow = "->" if row.direction is Direction.OUT else "<-"
                connection = row.connection
                self._print(
                    f"{connection.backend.name:<8} {arrow} {connection.identity}  {row.status:<9}  {message.text}"
                )

    def note(self, sentence: str) -> None:
        """See ``View``."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._print(sentence)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Panel:
    """A table that is drawn again at each change."""

    def __init__(self, live: Live) -> None:
        self._live, self._note = live, ""

    def show(self, rows: Rows) -> None:
        """See ``View``."""
        table = Table(title="sms-gateway: a virtual modem, a virtual carrier and the echo app", caption=self._note)
        for heading in ("", "device", "number", "text", "status"):
            table.add_column(heading)
        for row, message in rows:
            arrow = "out" if row.direction is Direction.OUT else "in"
            colour = COLOURS.get(row.status, "cyan")
            cells = (arrow, row.connection.backend.name, row.connection.identity, message.text)
            table.add_row(*cells, f"[{colour}]{row.status}[/]")
        self._live.update(table, refresh=True)

    def note(self, sentence: str) -> None:
        """See ``View``."""
        self._note = sentence


@contextlib.contextmanager
def view(stream: TextIO) -> Iterator[View]:
    """A table on a terminal, lines elsewhere."""
    if not stream.isatty():
        yield Lines(stream)
        return
    with Live(console=Console(file=stream), auto_refresh=False, transient=False) as live:
        panel = Panel(live)
        yield panel
