"""Calling backends in Python, and what becomes of their transmissions."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drivers.base import Fault, Outcome
from gateway.backends import BackendBase
from gateway.errors import GatewayError, MessageSendingError
from gateway.given import said
from gateway.session import now_ms
from gateway.store import outbox, router_rows
from gateway.store.crashing import Point, point
from gateway.store.engine import Conn
from gateway.store.types import Claimed, PartResult, Settlement, Status

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

log = logging.getLogger("gateway.router")


def call(
    backends: Mapping[str, BackendBase],
    name: str,
    id_: str,
    text: str,
    identities: Sequence[str],
    context: dict[str, Any],
) -> None:
    """Call one backend once. Raises MessageSendingError that names those who got nothing, whatever was raised."""
    backend = backends.get(name)
    if backend is None:
        raise MessageSendingError(f"the backend {name!r} isn't configured", identities)
    try:
        backend.send(id_, text, list(identities), context)
    except MessageSendingError as error:  # what a backend says that knows what has gone wrong
        log.warning("%s could not send message %s: %s", name, id_, error)
        failed = {
            each: f"the backend {name}: {error.reasons.get(each, error)}"
            for each in error.failed_identities or identities
        }
        raise MessageSendingError(f"the backend {name}: {error}", failed, error.refused) from error
    except Exception as error:
        hit = [str(each) for each in getattr(error, "failed_identities", None) or identities]
        log.exception("%s encountered an error while sending", name)
        raise MessageSendingError(f"the backend {name} raised {said(error)}", hit) from error


def drain_lane(router: BlockingRouter, lane: str, stop: Callable[[], bool] = lambda: False) -> int:
    """Send all that is due at one Python backend, until ``stop``; gives how many batches that took."""
    settings = router.backend_settings(lane)
    results: list[PartResult] = []
    settlements: list[Settlement] = []
    given: list[Claimed] = []

    def step(c: Conn) -> list[Claimed]:
        now = now_ms()
        if settlements:
            outbox.settle(c, epoch, results, settlements, now)
            sent = {each.attempt for each in settlements if each.status is Status.SENT}
            router.gate.count(c, ((each, each.attempt in sent) for each in given), now)
        together = 0 if stop() else router_rows.leading_rows(c, lane, settings.batch, now)
        request = outbox.ClaimRequest(lane, (lane,), epoch, max_rows=together, gate=router.gate)
        return outbox.claim(c, request, now) if together else []

    batches = 0
    with router.session.claiming(lane) as epoch:
        while claimed := router.session.store.write(step):
            point(Point.BACKEND_CLAIMED)
            results, settlements, given = [], [], claimed
            for _, rows in itertools.groupby(claimed, lambda each: each.message_id):
                _send(router, lane, list(rows), results, settlements)
            point(Point.BACKEND_CALLED)
            batches += 1
    return batches


def _send(
    router: BlockingRouter,
    lane: str,
    claimed: list[Claimed],
    results: list[PartResult],
    settlements: list[Settlement],
) -> None:
    """Call the backend for rows of one message, and note what became of each."""
    settings = router.backend_settings(lane)
    first, reasons, refused = claimed[0], dict[str, str](), list[str]()
    identities = [each.identity for each in claimed]
    try:
        router.send_to_backend(lane, first.message_id, first.text, identities, router.context_of(first.message_id))
    except MessageSendingError as sending:
        failed = sending.failed_identities or identities
        reasons, refused = {each: sending.reasons.get(each, str(sending)) for each in failed}, sending.refused
    now = now_ms()
    for each in claimed:
        if each.identity not in reasons:
            results.append(PartResult(each.attempt, 1, Outcome.ACCEPTED, left_ms=now))
            settlements.append(Settlement(each.attempt, each.transmission, Status.SENT))
            continue
        error = reasons[each.identity]
        again = each.number <= settings.retries and each.identity not in refused
        pause_s = min(settings.retry_delay * settings.backoff ** (each.number - 1), settings.retry_most)
        results.append(PartResult(each.attempt, 1, Outcome.REFUSED, fault=Fault.UNCLEAR, reason=error, left_ms=now))
        settlements.append(
            Settlement(
                each.attempt,
                each.transmission,
                Status.QUEUED if again else Status.FAILED,
                error,
                now + int(pause_s * 1000) if again else None,
            )
        )


def report(router: BlockingRouter, message_id: str, identity: str, status: str, error: str | None) -> bool:
    """Write a receipt that a Python backend hands in. See ``BlockingRouter.report``."""
    if status not in (Status.SENT, Status.DELIVERED, Status.FAILED):
        raise ValueError(f"a receipt says 'sent', 'delivered' or 'failed', not {status!r}")
    row = router.row(message_id)
    fitting = [each.id for each in row.transmissions if each.connection.identity == identity] if row else []
    if not fitting:
        raise GatewayError(f"no message {message_id} went to {identity}")
    text = error or ("the receipt says that it failed" if status == Status.FAILED else None)
    changed = router.session.store.write(
        lambda c: [router_rows.report(c, each, Status(status), text, now_ms()) for each in fitting]
    )
    return any(changed)
