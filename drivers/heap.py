"""What a process that runs for months asks of Python's garbage collector."""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 10_000
"""So many new objects may come before the collector looks at them; nearly all of ours are freed without it."""


def settle() -> None:
    """What is there now, after the start, stays: it is not looked at again.

    Without this a sixth of the time in which messages are claimed and settled goes into looking at modules.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
