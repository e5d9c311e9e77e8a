"""Keeping the files of a SQLite database small, at a price that a card can pay."""

from __future__ import annotations

import sqlite3
from pathlib import Path

WAL_KEPT = 1 << 20
"""Octets of the WAL that a gateway may gather in idle days: to empty it would write each of its pages a second time."""
PATIENCE_MS = 100


def tidy(raw: sqlite3.Connection, path: Path, pages: int, wal: int) -> None:
    """Free up to ``pages`` pages; where the WAL tells of work (more than ``wal`` octets), learn anew how many rows the
    tables have, and empty it."""
    # A script, because each step of this statement frees one page, and execute() takes one step.
    raw.executescript(f"PRAGMA incremental_vacuum({int(pages)})")
    if _size(path.with_name(f"{path.name}-wal")) <= wal:
        return
    raw.execute("PRAGMA optimize").fetchall()
    # Writers wait meanwhile, so a reader that takes its time (a backup) is not waited for.
    (patience_ms,) = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}").fetchall()
    try:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.execute(f"PRAGMA busy_timeout = {patience_ms}").fetchall()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
