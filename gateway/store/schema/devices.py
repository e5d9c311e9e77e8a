"""Devices and SIMs, what they have used, and the processes that work for them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from gateway.store.schema.base import Id, Json, metadata

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
