"""``status``, and what is asked of a device while the service runs: ``pause resume unlock ussd``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import output, program
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.cli.outlook import Outlook
    from gateway.store.types import DeviceRow

LOOK_EVERY_S = 0.1
NEARLY_FULL = 0.8
ANSWER_S = 15.0
"""How long the service may take to do what is asked."""
USSD_S = 200.0
"""The same for what the network answers; the service gives up earlier and says so."""

HEADS = (
    "DEVICE", "KIND", "STATE", "SIGNAL", "OPERATOR", "MAY SEND", "QUEUED", "SENDING", "SENT", "FAILED", "RECEIVED",
    "OLDEST QUEUED", "REASON",
)  # fmt: skip

Device = Annotated[str, typer.Argument(metavar="DEVICE")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, pause, resume, restart, unlock, ussd):
        app.command()(command)


def status(context: typer.Context, as_json: output.Json = False) -> None:
    """Show the devices and the totals."""
    from gateway.cli.outlook import Outlook
    from gateway.standing import clock_doubt

    outlook = Outlook(one := program.of(context))
    rows = _rows(one, outlook)
    for path, why in _missing_apps(one).items():
        (output.note if as_json else output.line)(f"the app {path} is left out: {why}")
    if as_json:
        output.emit(*(output.device(row) | _waits(row, outlook) for row in rows))
        return
    output.table(HEADS, [_cells(row, outlook) for row in rows])
    for line in filter(None, map(output.flow, rows)):
        output.line(line)
    if doubt := clock_doubt(outlook.skews):
        output.line(doubt)
    _totals(one, outlook, rows)


def _rows(one: program.Program, outlook: Outlook) -> list[DeviceRow]:
    """The devices as they are now, each with what is queued for it."""
    from gateway.standing import standing

    found = standing(one.config(), outlook.rows, running=outlook.service_runs, now_ms=output.now_ms())
    return [replace(row, queued=outlook.queued.get(row.name, 0)) for row in found]


def _missing_apps(one: program.Program) -> dict[str, str]:
    """The apps that the service goes on without."""
    from gateway.apps import loading
    from gateway.errors import ConfigurationError

    missing = {}
    for path in one.config().gateway.apps:
        try:
            loading.find(path)
        except ConfigurationError as error:
            missing[path] = str(error)
    return missing


def _cells(row: DeviceRow, outlook: Outlook) -> tuple[Any, ...]:
    device = outlook.config.devices.get(row.name)
    left = outlook.left(device) if device else None
    limits = ", ".join(map(str, filter(None, [device.rate, *device.quota, device.opening]))) if device else ""
    waits = _waits(row, outlook)
    return (
        row.name, row.kind, row.state, None if row.signal is None else f"{row.signal} %", row.operator,
        limits if left is None else f"{left} now of {limits}", row.queued, row.sending, row.sent_total,
        row.failed_total, row.received_total, waits["oldest_queued_at"], _remarks(row, waits["waits_for"]),
    )  # fmt: skip


def _waits(row: DeviceRow, outlook: Outlook) -> dict[str, str | None]:
    """Since when the first message waits for a device, and what the device itself waits for where it is up."""
    _, oldest_ms = outlook.waiting(row.name)
    waits_for = outlook.obstacle(row.name) if row.state == "up" else row.reason or None
    return {"oldest_queued_at": output.moment(oldest_ms), "waits_for": waits_for}


def _remarks(row: DeviceRow, waits_for: str | None) -> str:
    """Why it is so, and what will soon be trouble."""
    health = row.health
    used, size = health.get("memory_used"), health.get("memory_size")
    return "; ".join(filter(None, [
        row.reason or waits_for or "",
        "roaming" if health.get("registration") == "roaming" else "",
        f"the balance is low: {health.get('balance')}" if health.get("balance_low") else "",
        f"its memory holds {used} of {size} messages" if used and size and used >= NEARLY_FULL * size else "",
    ]))  # fmt: skip


def _totals(one: program.Program, outlook: Outlook, rows: list[DeviceRow]) -> None:
    if not outlook.service_runs:
        output.note("the service doesn't run")
    if not one.has_database:
        return
    from gateway.store import queries
    from gateway.store.types import Direction, Status

    oldest = queries.MessageFilter(direction=Direction.OUT, status=Status.QUEUED, after=0, limit=1)
    with one.store.read() as c:
        waiting = queries.messages(c, oldest)
    totals = {name: sum(getattr(row, f"{name}_total") for row in rows) for name in ("sent", "failed", "received")}
    output.line(", ".join(f"{name} {total}" for name, total in totals.items()))
    for lane, count in outlook.queued.items():
        if lane not in outlook.config.devices:
            output.line(f"{count} queued for {lane.replace('@', ', rather through ')}")
    if waiting:
        age_s = max(0, output.now_ms() - waiting[0][0].created_ms) // 1000
        output.line(f"the oldest queued message waits for {age_s // 3600} h {age_s // 60 % 60} min {age_s % 60} s")


def pause(context: typer.Context, device: Device) -> None:
    """Close a device, over restarts too."""
    ask(program.of(context), device, "pause")


def resume(context: typer.Context, device: Device) -> None:
    """Open a paused device again."""
    ask(program.of(context), device, "resume")


def restart(context: typer.Context, device: Device) -> None:
    """Restart a modem and open it again; an account ends its binds and binds anew."""
    one = program.of(context)
    if not one.service_runs:
        raise GatewayError("the service doesn't run, so nothing is open; start it with sms-gateway run")
    ask(one, device, "restart")


def unlock(context: typer.Context, device: Device) -> None:
    """Allow another try with a refused PIN."""
    ask(program.of(context), device, "unlock")


def ussd(
    context: typer.Context,
    device: Device,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Such as *100#, or the answer to a menu.")],
    as_json: output.Json = False,
) -> None:
    """Send a USSD code and print the answer."""
    one = program.of(context)
    if not one.service_runs:
        raise GatewayError("the service doesn't run, so the modem is not open; start it with sms-gateway run")
    answer = ask(one, device, "ussd", {"code": code}, USSD_S)
    if as_json:
        output.emit({"device": device, "code": code, "text": answer.get("text"), "open": bool(answer.get("open"))})
        return
    for line in str(answer.get("text") or "").splitlines():
        output.line(line)
    if answer.get("open"):
        output.note(f"the network waits for an answer: sms-gateway ussd {device} ANSWER")


def ask(
    one: program.Program, device: str, kind: str, args: Mapping[str, Any] | None = None, limit_s: float = ANSWER_S
) -> Mapping[str, Any]:
    """Ask the service, or write down what lasts when it doesn't run. Raises GatewayError when it refuses."""
    from gateway.store import devices, pins, requests

    must_know(one, device)
    if not one.service_runs:
        if kind == "unlock":
            one.store.write(lambda c: pins.unlock(c, device, output.now_ms()))
        else:
            one.store.write(lambda c: devices.set_paused(c, device, kind == "pause"))
        output.note("the service doesn't run; it will find this when it starts")
        return {}
    asked = one.store.write(lambda c: requests.post(c, device, kind, args or {}, output.now_ms()))
    one.poke()
    until = time.monotonic() + limit_s
    while True:
        with one.store.read() as c:
            row = requests.result(c, asked)
        if row is not None and row.result is not None:
            if row.result.get("error"):
                raise GatewayError(f"{device}: {row.result['error']}")
            return row.result
        if time.monotonic() > until:
            raise GatewayError(f"the service didn't answer within {limit_s:.0f} s; it does this as soon as it can")
        time.sleep(LOOK_EVERY_S)


def must_know(one: program.Program, device: str) -> None:
    """Raise GatewayError for a device that the config doesn't have."""
    from gateway.config.values import nearest

    known = one.config().devices
    if device not in known:
        hint = nearest(device, known) or f"; the devices are: {', '.join(known) or 'none'}"
        raise GatewayError(f"there is no device {device!r}{hint}")
