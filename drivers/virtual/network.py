"""The network that virtual devices share: numbers, and who is reached by each.

A device attaches its number (or a prefix that ends in ``*``). What is submitted to a number of a virtual device
arrives there; every other number is a phone that takes all messages and answers none.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.text.pdu import Content

Arrival = Callable[[str, str, Content, float], None]
"""Called with (from number, to number, content, now) when one part reaches the device."""


class Network:
    """Who is reached by which number. Not thread-safe: its devices share one thread."""

    def __init__(self) -> None:
        self._exact: dict[str, Arrival] = {}
        self._prefixes: dict[str, Arrival] = {}

    def attach(self, number: str, arrival: Arrival) -> None:
        """Let ``number`` (``"+4477…"``, or a prefix as ``"+4477*"``) reach ``arrival``; the last one wins."""
        if number.endswith("*"):
            self._prefixes[_plain(number[:-1])] = arrival
        else:
            self._exact[_plain(number)] = arrival

    def submit(self, sender: str, destination: str, content: Content, now: float) -> bool:
        """Carry one part to ``destination``; False when no virtual device is there (a silent phone is)."""
        number = _plain(destination)
        arrival = self._exact.get(number)
        if arrival is None:
            best = max((prefix for prefix in self._prefixes if number.startswith(prefix)), key=len, default=None)
            arrival = None if best is None else self._prefixes[best]
        if arrival is None:
            return False
        arrival(sender, destination, content, now)
        return True


def _plain(number: str) -> str:
    return number.removeprefix("+")
