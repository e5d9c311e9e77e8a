"""The tables. The migrations build them; a test holds both to the same shape. The indices are in ``indices``.

A table that changes often is narrow and has few indices; those of the queue are partial, so that a million rows
that are done weigh nothing when the next one is claimed. Their conditions are written as literals (``is_status``),
because neither database uses a partial index for a condition on a bound parameter.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    or_,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON(none_as_null=True)


def is_status(column: Column[Any], *values: str) -> ColumnElement[bool]:
    """``column`` has one of ``values``, so written that a partial index is used (SQLite looks into OR, not into IN)."""
    return or_(*(column == literal_column(f"'{value}'") for value in values))


def is_flag(column: Column[Any], value: int) -> ColumnElement[bool]:
    """``column`` is 0 or 1, written so that a partial index is used."""
    return column == literal_column(str(value))


backend = Table(
    "backend",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("language", Text, nullable=False),
    Column("data", Json),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

connection = Table(
    "connection",
    metadata,
    Column("id", Id, primary_key=True),
    Column("backend_id", Id, ForeignKey("backend.id"), nullable=False),
    Column("identity", Text, nullable=False, index=True),
    Column("contact_id", Id, ForeignKey("contact.id", ondelete="SET NULL"), index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    UniqueConstraint("backend_id", "identity"),
)

optout = Table(
    "optout",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("seq", Id, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("direction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("fields", Json),
    Column("in_response_to", Text),
    Column("created_ms", BigInteger, nullable=False),
    # outgoing
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("key", Text),
    Column("flash", Integer, nullable=False, server_default="0"),
    Column("encoding", Text),
    Column("on_unknown", Text),
    # incoming
    Column("received_ms", BigInteger),
    Column("to", Text),
    Column("complete", Integer, nullable=False, server_default="1"),
    Column("redelivered", Integer, nullable=False, server_default="0"),
    Column("filtered", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("done", BigInteger),
)
"""``done``: the place in the order in which the router finished incoming messages."""

transmission = Table(
    "transmission",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_seq", Id, ForeignKey("message.seq", ondelete="CASCADE"), nullable=False, index=True),
    Column("connection_id", Id, ForeignKey("connection.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("ready", Integer, nullable=False, server_default="1"),
    Column("rank", BigInteger, nullable=False, server_default="0"),
    Column("bonus", BigInteger, nullable=False, server_default="0"),
    Column("due_ms", BigInteger),
    Column("expires_ms", BigInteger),
    Column("parts", Integer, nullable=False, server_default="1"),
    Column("encoding", Text, nullable=False),
    Column("device", Text),
    Column("owner", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("partial", Integer, nullable=False, server_default="0"),
    Column("possible_duplicate", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("doubt_ms", BigInteger),
    Column("sent_ms", BigInteger),
    Column("delivered_ms", BigInteger),
    sqlite_autoincrement=True,
)
"""``rank`` orders the queue: due time less ``bonus``, which is priority times ageing; so priority ages by itself.
``ready``: due. ``owner``: the epoch that has it while ``sending`` or, incoming, in the router's hands.
``partial``: parts that the network took in an earlier attempt must not go again. ``doubt_ms``: unknown since."""

attempt = Table(
    "attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("transmission_id", Id, ForeignKey("transmission.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("reference", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("outcome", Text),
    Column("error", Text),
    sqlite_autoincrement=True,
)

part = Table(
    "part",
    metadata,
    Column("attempt_id", Id, ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reference", Text),
    Column("tail", Text, nullable=False),
    Column("sim", Text),
    Column("fault", Text),
    Column("code", Integer),
    Column("reason", Text),
    Column("left_ms", BigInteger),
    Column("answered_ms", BigInteger, nullable=False),
    Column("receipt", Text),
    sqlite_with_rowid=False,
)
"""``number`` counts from 1. ``tail``: the last digits of the recipient, by which a receipt knows it again."""

receipt = Table(
    "receipt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("device", Text, nullable=False),
    Column("sim", Text),
    Column("reference", Text),
    Column("number", Text),
    Column("status", Text, nullable=False),
    Column("code", Text),
    Column("reason", Text, nullable=False),
    Column("network_time", Text),
    Column("received_ms", BigInteger, nullable=False),
    Column("raw", LargeBinary),
    Column("digest", Text, nullable=False, unique=True),
    Column("transmission_id", Id, ForeignKey("transmission.id", ondelete="CASCADE"), index=True),
)

parked = Table(
    "parked",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("receipt_id", Id, ForeignKey("receipt.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
"""Receipts that came before the result of their part, under each name that the part may turn out to have."""

inpart = Table(
    "inpart",
    metadata,
    Column("id", Id, primary_key=True),
    Column("device", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("sender", Text, nullable=False),
    Column("to", Text),
    Column("reference", Integer),
    Column("total", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("locking", Integer, nullable=False),
    Column("single", Integer, nullable=False),
    Column("payload", LargeBinary),
    Column("pdu", LargeBinary),
    Column("network_time", Text),
    Column("fields", Json),
    Column("received_ms", BigInteger, nullable=False),
    Column("group_id", Id),
    Column("message_seq", Id, ForeignKey("message.seq", ondelete="CASCADE"), index=True),
)
"""Incoming PDUs. ``line``: the SIM, else the device. ``group_id``: the first part that was stored of a long message."""

device = Table(
    "device",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("driver", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused", Integer, nullable=False),
    Column("signal", Integer),
    Column("operator", Text),
    Column("imei", Text),
    Column("imsi", Text),
    Column("iccid", Text),
    Column("health", Json),
    Column("sent_total", BigInteger, nullable=False),
    Column("failed_total", BigInteger, nullable=False),
    Column("received_total", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("left", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    sqlite_with_rowid=False,
)

recipient = Table(
    "recipient",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("last_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""When a SIM or device last wrote to a recipient, where its different recipients are limited."""

concat = Table(
    "concat",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("next", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The concatenation reference that the next long message to a number gets."""

request = Table(
    "request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("device", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("args", Json),
    Column("created_ms", BigInteger, nullable=False),
    Column("taken_ms", BigInteger),
    Column("answered_ms", BigInteger),
    Column("result", Json),
    sqlite_autoincrement=True,
)

node = Table(
    "node",
    metadata,
    Column("epoch", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("lease_until_up_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    sqlite_autoincrement=True,
)
"""``host``: one boot of one host, where ``pid`` and ``lease_until_up_ms`` (since boot) mean something."""

pin_try = Table(
    "pin_try",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sim", Text, nullable=False, index=True),
    Column("device", Text, nullable=False),
    Column("tries_left", Integer),
    Column("tried_ms", BigInteger, nullable=False),
    Column("outcome", Text),
    Column("forgiven_ms", BigInteger),
)

listener = Table(
    "listener",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("statuses", Integer, nullable=False, server_default="0"),
)
"""``statuses``: 1 for a name that is told changes of status, in ``change``, and no messages."""

listening = Table(
    "listening",
    metadata,
    Column("name", Text, ForeignKey("listener.name", ondelete="CASCADE"), primary_key=True),
    Column("done", BigInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)
"""What a reader of a listener was given and has not acknowledged."""

control = Table(
    "control",
    metadata,
    Column("admin", Text, primary_key=True),
    Column("counter", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_ms", BigInteger),
    sqlite_with_rowid=False,
)
"""Those who may give orders by SMS. ``counter``: of the next code."""

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, ForeignKey("listener.name", ondelete="CASCADE"), nullable=False),
    Column("transmission_id", Id, ForeignKey("transmission.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("epoch", BigInteger),
    sqlite_autoincrement=True,
)
"""Changes of status that ``name`` has not acknowledged. The trigger ``tell`` writes them."""

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers whose order is the order of commits: the row stays locked until the writer has committed."""

submission = Table(
    "submission",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("message_id", Text),
    Column("wishes", Json),
    Column("open", Integer, nullable=False),
    Column("sender", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("reference", Integer),
    Column("total", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("locking", Integer, nullable=False),
    Column("single", Integer, nullable=False),
    Column("payload", LargeBinary),
    Column("created_ms", BigInteger, nullable=False),
)
"""What a user of the SMPP server handed in, under the id that it was told: a message that it wants a receipt for, or a
part of a long one. ``open``: a receipt is still to come. ``message_id``: None until all parts are there."""

handout = Table(
    "handout",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user", Text, nullable=False),
    Column("message_seq", Id, ForeignKey("message.seq", ondelete="CASCADE"), index=True),
    Column("receipt", Json),
    Column("owner", BigInteger),
    Column("due_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""What a user of the SMPP server is to be given: an incoming message, or a receipt; deleted once it has it.
``owner``: the epoch of the server that hands it out now."""

QUEUED = is_status(transmission.c.status, "queued")
