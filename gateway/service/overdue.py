"""Asks a carrier about what it has accepted and never reported on (``[smpp.NAME] query``)."""

from __future__ import annotations

import math

from drivers.base import Ask, Inquiry
from gateway.config.devices import ModemConfig, SmppConfig
from gateway.store import inquiries
from gateway.store.engine import Store

LONGEST_MS = 3 * 86_400_000
"""Carriers forget a message some days after its end."""
MOST, AT_ONCE = 5000, 500
LOOK_S = (1.0, 900.0)
"""How often it is looked, at least and at most: each time all that is sent and not reported on is read."""


class Overdue:
    """Of one device. Times are seconds of the monotonic clock, and ``_ms`` of the wall clock."""

    def __init__(self, device: str, settings: ModemConfig | SmppConfig) -> None:
        self._device = device
        self._after_s = settings.query if isinstance(settings, SmppConfig) else None
        self._next_mono = -math.inf if self._after_s is not None else math.inf
        self._asked: dict[tuple[int, int], int] = {}
        self._token = 0

    def look(self, store: Store, now: float, now_ms: int) -> list[Ask]:
        """What to ask a device that is up: each part once it is overdue, and then after twice the time of before.

        Raises StoreError.
        """
        if self._after_s is None or now < self._next_mono:
            return []
        self._next_mono = now + min(max(self._after_s / 4, LOOK_S[0]), LOOK_S[1])
        after_ms = round(self._after_s * 1000)
        with store.read() as c:
            found = inquiries.overdue(c, self._device, now_ms - LONGEST_MS, now_ms - after_ms, MOST)
        asked, self._asked = self._asked, {}
        asks: list[Ask] = []
        for held in found:
            key = held.attempt, held.number
            self._asked[key] = times = asked.get(key, 0)
            if len(asks) < AT_ONCE and now_ms - held.sent_ms >= after_ms << times:
                self._asked[key] += 1
                # Below zero: nobody waits for these answers, and no request has such an id.
                self._token -= 1
                asks.append(
                    Ask(self._token, Inquiry.QUERY, held.reference, held.destination, held.source, patient=True)
                )
        return asks
