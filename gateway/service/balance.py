"""What is left on a prepaid SIM: asked of the network now and then, and said when it is little."""

from __future__ import annotations

import math
import re
from typing import Any

from drivers.base import Ussd, UssdReply
from gateway import logs
from gateway.config.devices import BalanceConfig

log = logs.get(__name__)
TOKEN = 0
"""The token of our own questions; those of people have the id of their request, from 1."""
AGAIN_S = 600.0
"""After a question without an answer."""
LIMIT_S = 180.0


class Balance:
    """The balance of one device. Times are monotonic seconds."""

    def __init__(self, device: str, settings: BalanceConfig | None) -> None:
        self._device, self._settings = device, settings
        self._due, self._asked = -math.inf, False
        self._is_low = False
        self.told: dict[str, Any] = {}
        """What ``status`` shows: ``balance``, ``balance_text``, ``balance_at`` (ms), ``balance_low``."""

    @property
    def next_mono(self) -> float:
        """When to ask again; inf for never."""
        return math.inf if self._settings is None else self._due

    def ask(self, now: float) -> list[Ussd]:
        """The question, when it is time for it. The device is up."""
        if self._settings is None or now < self._due:
            return []
        if self._asked:
            self._unanswered(now, "no answer from the network")
            return []
        self._asked, self._due = True, now + LIMIT_S
        return [Ussd(TOKEN, self._settings.code)]

    def reply(self, event: UssdReply, now: float, now_ms: int) -> None:
        """The network's answer to our question."""
        if self._settings is None or not self._asked:
            return
        found = re.search(self._settings.pattern, event.text or "")
        if event.error or not found:
            self._unanswered(now, event.error or f"no amount in the answer {event.text!r}")
            return
        self._asked, self._due = False, now + self._settings.every
        amount = _number(found[1])
        if amount is None:
            self._unanswered(now, f"{found[1]!r} is no amount")
            return
        below = self._settings.below
        is_low = below is not None and amount < below
        self.told = {
            "balance": amount, "balance_text": event.text, "balance_at": now_ms, "balance_low": is_low,
        }  # fmt: skip
        if is_low and not self._is_low:
            log.warning("the balance is low", device=self._device, balance=amount, below=below)
        elif not is_low:
            log.info("the balance was read", device=self._device, balance=amount)
        self._is_low = is_low

    def ended(self, now: float) -> None:
        """The device's process has ended: an answer will not come any more."""
        if self._asked:
            self._asked, self._due = False, now

    def _unanswered(self, now: float, reason: str) -> None:
        self._asked, self._due = False, now + AGAIN_S
        log.warning("the balance can't be read", device=self._device, reason=reason)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
