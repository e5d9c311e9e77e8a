"""What a carrier can do to a client, on command."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """The faults of a virtual carrier; times in seconds, shares from 0 to 1. All off by default."""

    latency: float = 0.0
    """Every submit_sm_resp comes so much later."""
    jitter: float = 0.0
    """…and up to so much more, so that answers overtake each other."""
    rate: float = 0.0
    """More submits a second than this get ESME_RTHROTTLED; 0: no limit."""
    burst: float = 1.0
    """How many submits the bucket of ``rate`` holds."""
    queue_full: bool = False
    """``rate`` refuses with ESME_RMSGQFUL."""
    drop: float = 0.0
    """This share of the submits is taken but never answered."""
    late: float = 0.0
    """With ``drop``: those answers come after so long; 0: never."""
    double: bool = False
    """Every answer is sent twice."""
    stray: bool = False
    """An answer to a submit that never was comes with each answer."""
    reverse: bool = False
    """Answers to submits that came together go out in reverse order."""
    status: int = 0
    """Submits are refused with this command_status."""
    share: float = 1.0
    """…this share of them."""
    receipt_first: bool = False
    """The receipt comes before the submit_sm_resp."""
    receipt_id: str = "same"
    """The receipt calls the message ``same``, ``hex``, ``HEX``, ``dec``, ``padded`` or ``upper``."""
    receipt_text: str = ""
    """Format of the receipt's text with ``{id} {stat} {date} {text}``; empty: SMPP 3.4 appendix B."""
    receipt_tlvs: bool = True
    """Receipts carry receipted_message_id and message_state."""
    receipt_nul: bool = True
    """receipted_message_id ends with its NUL."""
    receipt_lost: bool = False
    """Receipts never come, though they are wanted."""
    unoffered: bool = False
    """query_sm, cancel_sm and replace_sm are unknown to the carrier."""
    stat: str = "DELIVRD"
    """What receipts say."""
    bind_status: int = 0
    """Binds are refused with this command_status."""
    bind_mute: bool = False
    """Binds are not answered."""
    bind_noise: bool = False
    """Other PDUs come before the answer to a bind."""
    mute_enquire: bool = False
    """enquire_link is not answered."""
    mute: bool = False
    """Nothing is answered."""
    drip: float = 0.0
    """Octets go out one by one with this pause."""
    cut_after: int = 0
    """The connection is reset after so many submits of a session."""

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some of them. Raises ValueError that names one that there is not."""
        known = {field.name: field for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no fault {name!r}; there are: {', '.join(known)}")
            setattr(self, name, type(getattr(self, name))(value))

    def chance(self, share: float) -> bool:
        """True for this share of the calls."""
        return share > 0 and (share >= 1 or random.random() < share)  # noqa: S311


class Bucket:
    """The token bucket of ``Faults.rate``."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._tokens = 0.0
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether one more submit is within the rate."""
        faults = self._faults
        if not faults.rate:
            return True
        self._tokens = min(max(1.0, faults.burst), self._tokens + (now - self._at) * faults.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
