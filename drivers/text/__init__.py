"""Text of short messages, pure: alphabets, parts, headers and PDUs (3GPP TS 23.038, 23.040)."""

from drivers.text.segments import Count, choose, count, join, split, split_binary
from drivers.text.transliterate import transliterate
from drivers.text.udh import Header, parse_udh

__all__ = ["Count", "Header", "choose", "count", "join", "parse_udh", "split", "split_binary", "transliterate"]
