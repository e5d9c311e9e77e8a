"""Who is written to, what was written, and what became of it: the tables of messages."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from gateway.store.schema.base import Id, Json, metadata

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
