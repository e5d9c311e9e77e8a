"""The record of every message that reached a virtual modem, to compare with what the gateway believes."""

from __future__ import annotations

import json
import os
from collections import deque
from pathlib import Path
from typing import Any

KEPT = 10_000
"""How many messages are kept in the process; the file has all of them."""


class Witness:
    """One JSON line for each message, given to the kernel before the modem answers.

    What was written survives the death of the process, so that a test may kill it at any instant.
    """

    def __init__(self, path: Path | None) -> None:
        self._descriptor = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.seen: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.count = 0

    def saw(self, entry: dict[str, Any]) -> None:
        """Record one message."""
        self.seen.append(entry)
        self.count += 1
        if self._descriptor is not None:
            os.write(self._descriptor, json.dumps(entry, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
