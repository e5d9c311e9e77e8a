"""What may be ordered by SMS, and what is answered: one SMS, without numbers and texts of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway import lock
from gateway.config.values import nearest
from gateway.errors import GatewayError
from gateway.session import Session, now_ms
from gateway.standing import standing
from gateway.store import bulk, devices, outbox, requests
from gateway.store.types import Status
from gateway.store.verbs import VERBS

if TYPE_CHECKING:
    from gateway.router import BlockingRouter

MOST = 300
"""Characters of an answer: two parts."""


def obey(router: BlockingRouter, order: str) -> str:
    """Do what an order says. Returns what to answer, what is wrong with it too."""
    word, *rest = order.split()
    act = ORDERS.get(word.lower())
    if act is None:
        return f"There is no order {word[:20]!r}; the orders are {', '.join(ORDERS)}."
    try:
        answer = act(router.session, word.lower(), rest)
    except GatewayError as error:
        answer = f"{word.lower()}: {error}"
    return answer if len(answer) <= MOST else answer[: MOST - 3] + "..."


def _status(here: Session, _word: str, _rest: list[str]) -> str:
    with here.store.read() as c:
        seen, counts = {row.name: row for row in devices.all(c)}, outbox.counts(c)
    rows = standing(here.config, seen, running=lock.is_held(here.state), now_ms=now_ms())
    told = [f"{row.name} {row.state}" + (f" {row.signal} %" if row.signal is not None else "") for row in rows]
    waiting = {status: sum(n for (_, each), n in counts.items() if each is status) for status in _WAITING}
    queue = ", ".join(f"{count} {status}" for status, count in waiting.items() if count)
    return f"{'; '.join(told) or 'no devices'}. {queue or 'Nothing waits'}."


_WAITING = (Status.QUEUED, Status.SENDING, Status.HELD, Status.UNKNOWN)


def _change(here: Session, word: str, rest: list[str]) -> str:
    """Hold what is queued, or release what is held; of one backend where one is named."""
    backend = _one_of({*here.config.devices, *here.config.backend}, rest, "backend") if rest else None
    status = Status.QUEUED if word == "hold" else Status.HELD
    count = bulk.change(here.store, word, bulk.Selection(status=status, backend=backend), now_ms())
    here.poke()
    return f"{count} {VERBS[word].done}" + (f" at {backend}." if backend else ".")


def _device(here: Session, word: str, rest: list[str]) -> str:
    """Ask a device's worker, which does it as soon as it can."""
    device = _one_of(set(here.config.devices), rest, "device")
    here.store.write(lambda c: requests.post(c, device, word, {}, now_ms()))
    here.poke()
    return f"{device}: {word} is under way."


def _one_of(known: set[str], rest: list[str], what: str) -> str:
    """The name that was given, in any case: phones begin with a capital."""
    named = {each.lower(): each for each in known}
    if len(rest) != 1 or rest[0].lower() not in named:
        hint = nearest(rest[0], known) if rest else ""
        raise GatewayError(f"name one {what}{hint or ': ' + ', '.join(sorted(known))}")
    return named[rest[0].lower()]


ORDERS: dict[str, Callable[[Session, str, list[str]], str]] = {
    "status": _status, "hold": _change, "release": _change, "restart": _device, "pause": _device, "resume": _device,
}  # fmt: skip
