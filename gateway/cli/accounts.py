"""``rebind`` and ``test-alphabet``: what only accounts at carriers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import output, program
from gateway.cli.devices import Device, ask, must_know
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.config import SmppConfig

TEST = "@£$_é[]"
"""Characters that have other codes in each alphabet that data_coding 0 may mean, and are in all of them but ASCII."""
TEST_ASCII = "@$_[]"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(rebind)
    app.command("test-alphabet")(test_alphabet)


def rebind(context: typer.Context, device: Device) -> None:
    """End an account's binds in order and bind anew at once.

    What has left is waited for; what is queued goes out over the new binds. It also ends a long pause after a refused
    password.
    """
    one = program.of(context)
    _account(one, device)
    if not one.service_runs:
        raise GatewayError("the service doesn't run, so nothing is bound; start it with sms-gateway run")
    ask(one, device, "rebind")


def test_alphabet(
    context: typer.Context,
    device: Device,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A phone that you can look at.")],
) -> None:
    """Send characters that show which alphabet a carrier takes for its default.

    Compare what the phone shows with the lines that are printed: the one that fits says what `alphabet` has to be; the
    one of the account as it is now is marked. Where several are named, set one and try again.
    """
    one = program.of(context)
    account = _account(one, device)
    text = TEST_ASCII if account.alphabet == "ascii" else TEST
    message = one.api.send(text, one.api.lookup_connections(device, [number]), encoding="gsm7")
    for shown, alphabets in readings(text, account.alphabet).items():
        mark = "*" if f'"{account.alphabet}"' in alphabets else " "
        output.line(f"{mark} {shown}".ljust(30) + f"  alphabet = {' or '.join(alphabets)}")
    output.note(f"sent as {message.id}; sms-gateway show {message.id} says what became of it")


def _account(one: program.Program, device: str) -> SmppConfig:
    """Raise GatewayError for what is no account."""
    must_know(one, device)
    found = one.config().smpp.get(device)
    if found is None:
        raise GatewayError(f"{device} is a modem; this is for accounts at carriers")
    return found


def readings(text: str, alphabet: str) -> dict[str, list[str]]:
    """What a phone shows of ``text`` in ``alphabet``, with what the carrier then takes data_coding 0 for."""
    from drivers.smpp import content
    from drivers.text import segments

    (part,) = segments.split(text, reference=0, encoding="gsm7")
    coding, octets = content.encode(part, alphabet)
    found: dict[str, list[str]] = {}
    for each in ("gsm7", "latin1", "ascii", "utf8"):
        read = content.decode(octets, coding, each, has_udh=False)
        shown = output.printable(segments.join(read.encoding, [(read.payload, 0, 0)]))
        found.setdefault(shown, []).append(f'"{each}"')
    return found
