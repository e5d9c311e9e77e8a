"""Those who are told: listeners, and users of the SMPP server."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from gateway.store.schema.base import Id, Json, metadata

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
part of a long one. ``open``: 1, a receipt is still to come; 2, and the trigger ``note`` says that it may be due.
``message_id``: None until all parts are there."""

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
