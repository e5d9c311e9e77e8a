"""Names of messages."""

from __future__ import annotations

import secrets


def new_id(now_ms: int) -> str:
    """32 hexadecimal digits: the time and 74 random bits (RFC 9562 §5.7, UUIDv7), so that new ones lie together."""
    time = now_ms & ((1 << 48) - 1)
    return f"{time << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62):032x}"
