"""The tables. The migrations build them; a test holds both to the same shape. The indices are in ``indices``.

A table that changes often is narrow and has few indices; those of the queue are partial, so that a million rows
that are done weigh nothing when the next one is claimed. Their conditions are written as literals (``is_status``),
because neither database uses a partial index for a condition on a bound parameter.
"""

from __future__ import annotations

from gateway.store.schema.base import Id, Json, is_flag, is_status, metadata
from gateway.store.schema.devices import concat, control, device, node, pin_try, recipient, request, usage
from gateway.store.schema.messages import (
    attempt,
    backend,
    connection,
    contact,
    inpart,
    message,
    optout,
    parked,
    part,
    receipt,
    transmission,
)
from gateway.store.schema.readers import change, counter, handout, listener, listening, submission

__all__ = [
    "QUEUED",
    "Id",
    "Json",
    "attempt",
    "backend",
    "change",
    "concat",
    "connection",
    "contact",
    "control",
    "counter",
    "device",
    "handout",
    "inpart",
    "is_flag",
    "is_status",
    "listener",
    "listening",
    "message",
    "metadata",
    "node",
    "optout",
    "parked",
    "part",
    "pin_try",
    "receipt",
    "recipient",
    "request",
    "submission",
    "transmission",
    "usage",
]

QUEUED = is_status(transmission.c.status, "queued")
