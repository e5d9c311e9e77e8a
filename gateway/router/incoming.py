"""The router's work on stored incoming messages: claim some, run the apps on each, finish it with all its answers.

That an app is about to see a message is committed before it does (``batch``); so what had begun when a process died
may have been seen. One commit finishes a message, stores its answers and begins the next one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, Any

from drivers.text import segments
from gateway.errors import GatewayError, StoreError
from gateway.given import said, storable_text
from gateway.message import IncomingMessage
from gateway.router.batch import Batch
from gateway.router.phases import AppError
from gateway.session import now_ms, unexpired_ms
from gateway.standing import clock_doubt
from gateway.store import devices, inbox, outbox, router_rows
from gateway.store.crashing import Point, point
from gateway.store.engine import Conn
from gateway.store.types import MessageRow, NewMessage, Status
from gateway.transmission import moment

if TYPE_CHECKING:
    from gateway.router.blocking import BlockingRouter

log = logging.getLogger("gateway.router")
_draining = local()

Commit = Callable[[Callable[[Conn], object]], object]
"""Writes what it is given, in one commit, and perhaps more with it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message failed: one sentence, and what was raised."""

    error: str
    cause: BaseException


class _LostClaimError(GatewayError):
    """Another process has the message by now; its answers are that process's business."""


def new_row(msg: IncomingMessage, claimed_by: int | None = None) -> inbox.NewIncoming:
    """Give the row of a message that ``receive()`` puts in."""
    connection, text = msg.connections[0], storable_text(msg.text)
    count = segments.count(text)
    return inbox.NewIncoming(
        id=msg.id,
        connection_id=connection.id,
        backend=connection.backend.name,
        identity=connection.identity,
        text=text,
        fields=storable(msg.fields),
        to=msg.to,
        received_ms=int(msg.received_at.timestamp() * 1000),
        in_response_to=msg.in_response_to_id,
        encoding=str(count.encoding),
        parts=count.parts,
        claimed_by=claimed_by,
    )


def message(router: BlockingRouter, row: MessageRow) -> IncomingMessage:
    """Give the message that a row stores."""
    (transmission,) = row.transmissions
    msg = router.new_incoming_message(
        row.text,
        [transmission.connection],
        id_=row.id,
        in_response_to=row.in_response_to,
        fields=row.fields,
        received_at=moment(row.received_ms),
        to=row.to,
        device=transmission.device,
        complete=row.complete,
        redelivered=row.redelivered,
    )
    msg.processed = transmission.status is not Status.RECEIVED
    return msg.bind(router, row)


def drain(router: BlockingRouter, stop: Callable[[], bool], most: int) -> int:
    """Run the phases of up to ``most`` stored messages, the oldest first, until ``stop``; gives how many that were."""
    count = 0
    with _once() as first:
        if not first:
            return 0
        with router.session.claiming() as epoch:
            batch = Batch(router.session.store, epoch)

            def commit(end: Callable[[Conn], object]) -> None:
                if batch.step(end, more=count < most and not stop()):
                    router.poke()

            try:
                batch.step(lambda c: _tend(c, router, epoch), more=not stop())
                while batch.begun is not None:
                    count += 1
                    run(router, message(router, batch.begun), epoch, commit)
            finally:
                batch.give_back()
    return count


def run_alone(router: BlockingRouter, msg: IncomingMessage, epoch: int) -> Failure | None:
    """Run the phases of a message that this process alone knows of, and finish it. Returns why it failed, if it did."""

    def commit(end: Callable[[Conn], object]) -> None:
        router.session.store.write(end)
        router.poke()

    return run(router, msg, epoch, commit)


def run(router: BlockingRouter, msg: IncomingMessage, epoch: int, commit: Commit) -> Failure | None:
    """Run the phases of a message that has begun, and finish it by ``commit``. Returns why it failed, if it did."""
    point(Point.APP_CLAIMED)
    failure, answers = _phases(router, msg)
    point(Point.APP_RUN)
    news: list[NewMessage] = []
    if failure is None:
        failure, news = _prepared(router, msg, answers)
    try:
        commit(lambda c: _finish(c, router, msg, epoch, failure, news))
    except (outbox.KeyConflictError, router_rows.UnstorableError) as conflict:
        failure = Failure(f"a response can't be stored: {said(conflict)}", conflict)
        commit(lambda c: _finish(c, router, msg, epoch, failure, []))
    except _LostClaimError:
        log.warning("message %s was taken over by another process; its responses are dropped here", msg.id)
        commit(lambda _: None)
        return failure
    if failure is not None:
        log.error("message %s failed: %s", msg.id, failure.error, exc_info=failure.cause)
    point(Point.APP_FINISHED)
    msg.processed = True
    return failure


def storable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give those fields that are plain JSON; what an app keeps there besides lives as long as the object."""

    def plain(value: object) -> bool:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            return False
        return True

    return {str(key): value for key, value in fields.items() if plain(value)}


def _phases(router: BlockingRouter, msg: IncomingMessage) -> tuple[Failure | None, list[dict[str, Any]]]:
    try:
        answer = router.process_incoming_phases(msg)
    except AppError as error:
        return Failure(str(error), error.cause), []
    except Exception as error:  # noqa: BLE001 - a router of the user's own; its message must not stop the others
        return Failure(f"the router raised {said(error)}", error), []
    return None, msg.responses if answer is not False else []


def _prepared(
    router: BlockingRouter, msg: IncomingMessage, answers: list[dict[str, Any]]
) -> tuple[Failure | None, list[NewMessage]]:
    """Give the rows of the responses."""
    news: list[NewMessage] = []
    for answer in answers:
        try:
            given = {"connections": msg.connections, "in_response_to": msg, **answer}
            given.pop("raise_on_error", None)
            new = router.prepare(router.new_outgoing_message(**given))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - what an app put into responses, not ours to trust
            return Failure(f"a response can't be sent: {said(error)}", error), []
        if new.transmissions:
            news.append(new)
    return None, news


def _finish(
    c: Conn,
    router: BlockingRouter,
    msg: IncomingMessage,
    epoch: int,
    failure: Failure | None,
    news: list[NewMessage],
) -> None:
    """Write the end of a message and its responses."""
    now = now_ms()
    status, error = (Status.HANDLED, None) if failure is None else (Status.FAILED, failure.error)
    if not inbox.finish(c, msg.id, epoch, status, now, error, storable(msg.fields), msg.filtered):
        raise _LostClaimError(msg.id)
    ageing_ms = int(router.config.gateway.ageing * 1000)
    for new in news:
        router_rows.answer(c, new, now, ageing_ms)


def _tend(c: Conn, router: BlockingRouter, epoch: int) -> None:
    """Do what time has brought: dead owners, due and expired messages."""
    now = now_ms()
    inbox.recover(c, epoch, now)
    router_rows.recover(c, epoch, router.backends, now)
    outbox.settle_unknowns(c, now, dict.fromkeys(router.backends, ("resend", 0)))
    doubt = clock_doubt(devices.skews(c))
    if doubt is None:
        outbox.expire(c, unexpired_ms())
    outbox.promote(c, now, only_repeated=doubt is not None)


@contextmanager
def _once() -> Iterator[bool]:
    """True unless this thread is draining already: an app that drains must not run into itself."""
    if getattr(_draining, "on", False):
        yield False
        return
    _draining.on = True
    try:
        yield True
    finally:
        _draining.on = False
