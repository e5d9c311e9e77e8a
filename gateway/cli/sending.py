"""``send``, ``receive`` and ``count``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import moments, output, program

ENCODINGS = ("gsm7", "ucs2")
Encoding = Annotated[str | None, typer.Option(metavar="gsm7|ucs2", help="Instead of choosing by the text.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(send)
    app.command()(receive)
    app.command()(count)


def _priority(value: int) -> int:
    if not -100 <= value <= 100:
        raise typer.BadParameter(f"{value} is not allowed; write a whole number from -100 to 100")
    return value


def send(
    context: typer.Context,
    backend: Annotated[str | None, typer.Argument(metavar="BACKEND", help="A device, a pool, or auto.")] = None,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text; - reads it from stdin.")] = None,
    numbers: Annotated[list[str] | None, typer.Argument(metavar="NUMBER…")] = None,
    file: Annotated[Path | None, typer.Option(metavar="CSV", help="Rows of to,text[,backend], with a header.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Not before this time (ISO 8601), or +2h.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="Not after this time, or +2h.")] = None,
    priority: Annotated[int, typer.Option(callback=_priority, help="-100 to 100; larger goes first.")] = 0,
    key: Annotated[str | None, typer.Option(help="The same key again gives the first message.")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="Show at once, don't keep (class 0).")] = False,
    encoding: Encoding = None,
    wait: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Wait; exit 0 only when all were sent.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing; say what would happen.")] = False,
    as_json: output.Json = False,
) -> None:
    """Queue a message, and print its id."""
    from gateway.cli import orders

    one = program.of(context)
    now = datetime.now(UTC)
    extra: dict[str, Any] = {
        "at": moments.parse(at, "--at", now), "expires": moments.parse(expires, "--expires", now),
        "priority": priority, "key": key, "flash": flash, "encoding": _encoding(encoding),
    }  # fmt: skip
    given = _orders(one, backend, text, numbers or [], file)
    if dry_run:
        orders.rehearse(one, given, extra, as_json)
        return
    if not orders.place(one, given, extra, wait, as_json):
        raise typer.Exit(1)


def _orders(
    one: program.Program, backend: str | None, text: str | None, numbers: list[str], file: Path | None
) -> list[Any]:
    from gateway.cli import orders

    if file is not None:
        from gateway.cli import batch

        if text is not None or numbers:
            message = "texts and numbers come from the file; only a BACKEND may stand beside it"
            raise typer.BadParameter(message, param_hint="--file")
        return batch.read(one.config(), file, backend)
    if backend is None or text is None or not numbers:
        raise typer.BadParameter("write BACKEND TEXT NUMBER…, or --file CSV", param_hint="send")
    return [orders.Order(backend, _text(text), tuple(numbers))]


def _text(given: str) -> str:
    """The text, or stdin without its last line break for ``-``."""
    return sys.stdin.read().removesuffix("\n") if given == "-" else given


def _encoding(asked: str | None) -> str | None:
    return asked and output.one_of(asked, ENCODINGS, "--encoding")


def receive(
    context: typer.Context,
    backend: Annotated[str, typer.Argument(metavar="BACKEND")],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Who sent it.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - reads it from stdin.")],
    as_json: output.Json = False,
) -> None:
    """Put a message in, as if received.

    It takes the way of a message that a device has received. Prints its id.
    """
    from gateway.cli import orders

    one = program.of(context)
    known = [*one.config().devices, *one.config().backend]
    if backend not in known:
        from gateway.config.values import nearest

        raise typer.BadParameter(f"there is no backend {backend!r}{nearest(backend, known)}", param_hint="BACKEND")
    with orders.bad_values():
        connections = one.api.lookup_connections(backend, [number])
    row = orders.put_in(one, _text(text), connections)
    if row is not None and not as_json:
        output.line(row.id)
        return
    if row is not None:
        output.emit(*(output.transmission(each, row) for each in row.transmissions))


def count(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - reads it from stdin.")],
    encoding: Encoding = None,
    as_json: output.Json = False,
) -> None:
    """Say how many parts a text needs.

    And in which encoding it goes, and how many characters still fit into the last part.
    """
    from drivers.text import segments

    try:
        found = segments.count(_text(text), _encoding(encoding))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="TEXT") from None
    if as_json:
        output.emit({
            "encoding": str(found.encoding), "parts": found.parts, "units": found.units, "left": found.left,
            "offending": list(found.offending),
        })  # fmt: skip
        return
    parts = f"{found.parts} part" + ("s" if found.parts != 1 else "")
    output.line(f"{found.encoding}, {parts}, {found.left} characters left")
    if found.offending and found.encoding == "ucs2" and encoding is None:
        output.note(f"not in the GSM alphabet: {' '.join(found.offending[:20])}")
