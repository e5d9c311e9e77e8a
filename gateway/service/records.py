"""The flight recorder's tape of a device, as a file that a person may send to somebody."""

from __future__ import annotations

import os
from pathlib import Path

KEPT = 5
"""Files of one device."""


def write(state: Path, device: str, text: str, now_ms: int) -> Path:
    """Put a tape below the state directory, readable by its owner only; old ones of the device go. Raises OSError."""
    folder = state / "records"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{device}-{now_ms}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    for old in sorted(folder.glob(f"{device}-[0-9]*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
