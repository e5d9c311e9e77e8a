"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)
ODD = " OR ".join(f"status = {status!r}" for status in ("held", "unknown", "failed", "expired", "cancelled"))


def upgrade() -> None:
    """Make every table, those that others point at first."""
    _backend()
    _concat()
    _contact()
    _counter()
    _device()
    _listener()
    _message()
    _node()
    _optout()
    _pin_try()
    _request()
    _usage()
    _connection()
    _inpart()
    _listening()
    _transmission()
    _attempt()
    _receipt()
    _parked()
    _part()


def _where(condition: str) -> dict[str, Any]:
    """A partial index, alike on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _backend() -> None:
    op.create_table(
        "backend",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text(), unique=True, nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )


def _concat() -> None:
    op.create_table(
        "concat",
        sa.Column("identity", sa.Text(), primary_key=True),
        sa.Column("next", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def _contact() -> None:
    op.create_table(
        "contact",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("data", Json),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contact_name", "contact", ["name"])


def _counter() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def _device() -> None:
    op.create_table(
        "device",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused", sa.Integer(), nullable=False),
        sa.Column("signal", sa.Integer()),
        sa.Column("operator", sa.Text()),
        sa.Column("imei", sa.Text()),
        sa.Column("imsi", sa.Text()),
        sa.Column("iccid", sa.Text()),
        sa.Column("health", Json),
        sa.Column("sent_total", sa.BigInteger(), nullable=False),
        sa.Column("failed_total", sa.BigInteger(), nullable=False),
        sa.Column("received_total", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
    )


def _listener() -> None:
    op.create_table(
        "listener",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
    )


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("seq", Id, primary_key=True),
        sa.Column("id", sa.Text(), unique=True, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("fields", Json),
        sa.Column("in_response_to", sa.Text()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("key", sa.Text()),
        sa.Column("flash", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("encoding", sa.Text()),
        sa.Column("on_unknown", sa.Text()),
        sa.Column("received_ms", sa.BigInteger()),
        sa.Column("to", sa.Text()),
        sa.Column("complete", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("redelivered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("filtered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text()),
        sa.Column("done", sa.BigInteger()),
    )
    op.create_index("ix_done", "message", ["done"], unique=True, **_where("done IS NOT NULL"))
    op.create_index("ix_key", "message", ["key"], unique=True, **_where('"key" IS NOT NULL'))
    op.create_index("ix_response", "message", ["in_response_to"], **_where("in_response_to IS NOT NULL"))


def _node() -> None:
    op.create_table(
        "node",
        sa.Column("epoch", Id, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_up_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alive", "node", ["epoch"], **_where("ended_ms IS NULL"))


def _optout() -> None:
    op.create_table(
        "optout",
        sa.Column("identity", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )


def _pin_try() -> None:
    op.create_table(
        "pin_try",
        sa.Column("id", Id, primary_key=True),
        sa.Column("sim", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("tries_left", sa.Integer()),
        sa.Column("tried_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("forgiven_ms", sa.BigInteger()),
    )
    op.create_index("ix_pin_try_sim", "pin_try", ["sim"])


def _request() -> None:
    op.create_table(
        "request",
        sa.Column("id", Id, primary_key=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("args", Json),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_ms", sa.BigInteger()),
        sa.Column("answered_ms", sa.BigInteger()),
        sa.Column("result", Json),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_open_request", "request", ["device", "id"], **_where("taken_ms IS NULL AND answered_ms IS NULL")
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("at_ms", sa.BigInteger(), primary_key=True),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def _connection() -> None:
    op.create_table(
        "connection",
        sa.Column("id", Id, primary_key=True),
        sa.Column("backend_id", Id, sa.ForeignKey("backend.id"), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("contact_id", Id, sa.ForeignKey("contact.id", ondelete="SET NULL")),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("backend_id", "identity"),
    )
    op.create_index("ix_connection_contact_id", "connection", ["contact_id"])
    op.create_index("ix_connection_identity", "connection", ["identity"])


def _inpart() -> None:
    op.create_table(
        "inpart",
        sa.Column("id", Id, primary_key=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("to", sa.Text()),
        sa.Column("reference", sa.Integer()),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("locking", sa.Integer(), nullable=False),
        sa.Column("single", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("pdu", sa.LargeBinary()),
        sa.Column("network_time", sa.Text()),
        sa.Column("fields", Json),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("group_id", Id),
        sa.Column("message_seq", Id, sa.ForeignKey("message.seq", ondelete="CASCADE")),
    )
    op.create_index("ix_group", "inpart", ["sender", "reference"], **_where("reference IS NOT NULL"))
    op.create_index("ix_incomplete", "inpart", ["device"], **_where("reference IS NOT NULL AND message_seq IS NULL"))
    op.create_index("ix_inpart_fingerprint", "inpart", ["fingerprint"])
    op.create_index("ix_inpart_group", "inpart", ["group_id"], **_where("group_id IS NOT NULL"))
    op.create_index("ix_inpart_message_seq", "inpart", ["message_seq"])


def _listening() -> None:
    op.create_table(
        "listening",
        sa.Column("name", sa.Text(), sa.ForeignKey("listener.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("done", sa.BigInteger(), primary_key=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
    )


def _transmission() -> None:
    op.create_table(
        "transmission",
        sa.Column("id", Id, primary_key=True),
        sa.Column("message_seq", Id, sa.ForeignKey("message.seq", ondelete="CASCADE"), nullable=False),
        sa.Column("connection_id", Id, sa.ForeignKey("connection.id"), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ready", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("rank", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("bonus", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("due_ms", sa.BigInteger()),
        sa.Column("expires_ms", sa.BigInteger()),
        sa.Column("parts", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("device", sa.Text()),
        sa.Column("owner", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("partial", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("possible_duplicate", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("doubt_ms", sa.BigInteger()),
        sa.Column("sent_ms", sa.BigInteger()),
        sa.Column("delivered_ms", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_due", "transmission", ["due_ms"], **_where("status = 'queued' AND ready = 0"))
    op.create_index(
        "ix_expires",
        "transmission",
        ["expires_ms"],
        **_where("(status = 'queued' OR status = 'held') AND expires_ms IS NOT NULL"),
    )
    op.create_index("ix_odd", "transmission", ["status", "id"], **_where(ODD))
    op.create_index("ix_queue", "transmission", ["lane", "rank", "id"], **_where("status = 'queued' AND ready = 1"))
    op.create_index("ix_received", "transmission", ["id"], **_where("status = 'received'"))
    op.create_index("ix_sending", "transmission", ["owner"], **_where("status = 'sending'"))
    op.create_index("ix_transmission_connection", "transmission", ["connection_id", "id"])
    op.create_index("ix_transmission_message_seq", "transmission", ["message_seq"])


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", Id, primary_key=True),
        sa.Column("transmission_id", Id, sa.ForeignKey("transmission.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.Column("error", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempt_transmission_id", "attempt", ["transmission_id"])


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", Id, primary_key=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sim", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("network_time", sa.Text()),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary()),
        sa.Column("digest", sa.Text(), unique=True, nullable=False),
        sa.Column("transmission_id", Id, sa.ForeignKey("transmission.id", ondelete="CASCADE")),
    )
    op.create_index("ix_receipt_transmission_id", "receipt", ["transmission_id"])


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("reference", sa.Text(), primary_key=True),
        sa.Column("receipt_id", Id, sa.ForeignKey("receipt.id", ondelete="CASCADE"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_parked_receipt", "parked", ["receipt_id"])


def _part() -> None:
    op.create_table(
        "part",
        sa.Column("attempt_id", Id, sa.ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("tail", sa.Text(), nullable=False),
        sa.Column("sim", sa.Text()),
        sa.Column("fault", sa.Text()),
        sa.Column("code", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("left_ms", sa.BigInteger()),
        sa.Column("answered_ms", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text()),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_doubt", "part", ["tail"], **_where("outcome = 'unknown' AND reference IS NULL AND receipt IS NULL")
    )
    op.create_index("ix_reference", "part", ["reference", "tail"], **_where("reference IS NOT NULL"))
