"""``send --file CSV``: rows of ``to,text[,backend]``. Nothing is sent unless every row is good."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gateway.cli.orders import Order
from gateway.config.values import nearest
from gateway.errors import GatewayError
from gateway.router.outgoing import check_text

if TYPE_CHECKING:
    from gateway.config import Config

MOST_NUMBER = 100
COLUMNS = ("to", "text", "backend")


Fault = tuple[int, str]


def read(config: Config, file: Path, backend: str | None) -> list[Order]:
    """The messages of a file; ``backend`` is for rows without one. Raises GatewayError that names every bad row."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            orders, faults = _read(_Rows(stream), {*config.devices, *config.backend, "auto"}, backend)
    except OSError as error:
        raise GatewayError(f"{file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GatewayError(f"{file} is not UTF-8 text; save it as UTF-8") from None
    if faults:
        raise GatewayError("\n".join(["nothing was sent", *(f"{file}:{line}: {fault}" for line, fault in faults)]))
    if not orders:
        raise GatewayError(f"{file} has no rows")
    return orders


class _Rows:
    """The rows of a CSV, each with the line that it begins on; a field may hold line breaks."""

    def __init__(self, stream: TextIO) -> None:
        self._reader = csv.reader(stream, strict=True)
        self.line = 0

    def __iter__(self) -> Iterator[list[str]]:
        self.line = self._reader.line_num + 1
        for row in self._reader:
            yield row
            self.line = self._reader.line_num + 1


def _read(rows: _Rows, known: set[str], backend: str | None) -> tuple[list[Order], list[Fault]]:
    orders: list[Order] = []
    faults: list[Fault] = []
    head: list[str] = []
    try:
        for row in rows:
            if not head:
                head = [name.strip().lower() for name in row]
                faults += [(rows.line, fault) for fault in _head_faults(head)]
                if faults:
                    break
            elif row:
                fields = dict(zip(head, row, strict=False))
                fields["backend"] = fields.get("backend", "").strip() or backend or ""
                found = list(_row_faults(fields, len(row) - len(head), known))
                faults += [(rows.line, fault) for fault in found]
                if not found:
                    orders.append(Order(fields["backend"], fields["text"], (fields["to"].strip(),), rows.line))
    except csv.Error as error:
        faults.append((rows.line, f"is not CSV: {error}"))
    return orders, faults


def _head_faults(head: list[str]) -> Iterator[str]:
    allowed = "the first line names the columns: to,text or to,text,backend"
    for name in head:
        if name not in COLUMNS:
            yield f"unknown column {name!r}{nearest(name, COLUMNS)}; {allowed}"
    if not {"to", "text"} <= set(head) or len(set(head)) != len(head):
        yield allowed


def _row_faults(fields: dict[str, str], surplus: int, known: set[str]) -> Iterator[str]:
    if surplus:
        yield f"has {abs(surplus)} field{'s' if abs(surplus) > 1 else ''} too {'many' if surplus > 0 else 'few'}"
        return
    number = fields["to"].strip()
    if not number:
        yield "has no number in the column to"
    elif not number.isprintable() or len(number) > MOST_NUMBER:
        yield f"{number[:20]!r} is not a number"
    if not fields["backend"]:
        yield "has no backend; name one in the column backend, or before --file"
    elif fields["backend"] not in known:
        yield f"there is no backend {fields['backend']!r}{nearest(fields['backend'], known)}"
    try:
        check_text(fields["text"])
    except ValueError as error:
        yield str(error)
