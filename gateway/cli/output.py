"""What commands print: JSON lines for programs, tables for people. Results only; the rest is stderr's."""

from __future__ import annotations

import difflib
import json
import sys
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import plain

if TYPE_CHECKING:
    from gateway.store.types import DeviceRow

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
moment, transmission = plain.moment, plain.transmission


def now_ms() -> int:
    """The wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def one_of(word: str, words: Sequence[str], option: str) -> str:
    """The word, when it is one of these. Raises typer.BadParameter with the nearest."""
    if word in words:
        return word
    close = difflib.get_close_matches(word, list(map(str, words)), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise typer.BadParameter(f"{word!r} is not one of {', '.join(words)}{hint}", param_hint=option)


def device(row: DeviceRow) -> dict[str, Any]:
    """The documented keys of a device, in their order."""
    names = (
        "name", "kind", "driver", "state", "reason", "signal", "operator", "imei", "iccid", "queued", "sending",
        "sent_total", "failed_total", "received_total",
    )  # fmt: skip
    more = ("technology", "registration", "memory_used", "memory_size", "balance")
    from gateway.standing import last_answer_ms

    seen = {name: getattr(row, name) for name in names} | {name: row.health.get(name) for name in more}
    return seen | {"last_answer": moment(last_answer_ms(row))} | _flow(row)


def _flow(row: DeviceRow) -> dict[str, Any]:
    """How an account at a carrier flows; nothing of a modem."""
    details = row.health.get("details") or {}
    if "bound" not in details:
        return {}
    round_trip = row.health.get("round_trip_s")
    return {
        **{name: details.get(name) for name in ("binds", "bound", "window", "throttled", "rate_limit")},
        "in_flight": row.health.get("in_flight"),
        "round_trip_ms": None if round_trip is None else round(1000 * round_trip, 1),
        "receipts_ambiguous": row.health.get("receipts_ambiguous", 0),
    }


def flow(row: DeviceRow) -> str:
    """The same as words; empty for a modem, and for an account that is not up."""
    told = _flow(row)
    if not told or row.state != "up":
        return ""
    answers = "" if told["round_trip_ms"] is None else f", answers in {told['round_trip_ms']:g} ms"
    slowed = f", slowed to {told['rate_limit']:.3g} a second" if told["rate_limit"] else ""
    refused = f", {told['throttled']} refused as too fast" if told["throttled"] else ""
    doubtful = told["receipts_ambiguous"]
    unclear = f", {doubtful} receipts that fit several messages" if doubtful else ""
    binds = f"{told['bound']} of {told['binds']} binds"
    window = f"window {told['window']}, {told['in_flight']} in flight"
    return f"{row.name}: {binds}, {window}{answers}{refused}{slowed}{unclear}"


def emit(*objects: Mapping[str, Any]) -> None:
    """One JSON object a line."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    for each in objects:
        sys.stdout.write(json.dumps(each, ensure_ascii=plain, default=str) + "\n")
    sys.stdout.flush()


def line(text: str) -> None:
    """One line of results."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line that is no result: a warning, or what a person may want to know."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def printable(text: str) -> str:
    r"""A text that can't move the cursor, whoever sent it; a line break shows as ``⏎``.

    >>> printable("two\nlines\x1b[2J")
    'two⏎lines\\x1b[2J'
    """
    shown = "".join(_harmless(character) for character in text.replace("\r\n", "\n").replace("\n", "⏎"))
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _harmless(character: str) -> str:
    # Cc: controls. Cf without joiners: marks that turn the direction of the whole line. Cs: half a character.
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs") or character in "\u200c\u200d":
        return character
    return character.encode("unicode_escape").decode("ascii")


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under their heads; on a terminal, fitted to its width."""
    cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(heads, cells)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(padded.rstrip() + "\n")
    sys.stdout.flush()


def _rich_table(heads: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in cells:
        shown.add_row(*map(Text, row))
    Console(highlight=False).print(shown)
