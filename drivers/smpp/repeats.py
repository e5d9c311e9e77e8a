"""Which incoming PDUs may be repetitions: those whose acknowledgement a lost session may not have delivered.

On a session that holds, equal PDUs are messages with the same words; a clean end loses nothing. Pure; time is an
argument.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NEVER: Final = float("inf")
SETTLED_S: Final = 60.0
"""An acknowledgement this old has surely reached the carrier."""
OWED_S: Final = 24 * 3600.0
"""How long after a loss carriers repeat what was not acknowledged."""
DOUBTED_S: Final = 600.0
"""How long after a loss a repetition is expected of what was acknowledged just before it."""
MOST: Final = 10_000


@dataclass(slots=True, eq=False)
class _Pdu:
    fingerprint: str
    session: str
    before: tuple[str, ...]
    """Lost sessions that may have handed it in before."""
    acknowledged: float = NEVER
    until: float = NEVER
    """As a suspect: when nobody expects its repetition any more."""
    lost: bool = False

    @property
    def sessions(self) -> tuple[str, ...]:
        return (*self.before, self.session) if self.session else self.before


class Repeats:
    """The PDUs of one account whose repetition may come. Each explains one repetition.

    Args:
        suspects: (session, fingerprint) of what a process that died had handed in shortly before.
        now: the time at which they count as lost.
    """

    def __init__(self, suspects: Iterable[tuple[str, str]] = (), now: float = 0.0) -> None:
        self._pdus: OrderedDict[str, _Pdu] = OrderedDict()
        """By key: not acknowledged, or acknowledged a short while ago."""
        self._suspects: OrderedDict[str, list[_Pdu]] = OrderedDict()
        for session, fingerprint in suspects:
            self._suspect(_Pdu(fingerprint, session, (), now), now)

    def received(self, key: str, session: str, fingerprint: str, now: float) -> tuple[str, ...]:
        """A PDU came; the lost sessions that may have handed it in before, none when it is surely new."""
        before = self._explain(fingerprint, now)
        self._pdus[key] = _Pdu(fingerprint, session, before)
        while len(self._pdus) > MOST or self._oldest_is_settled(now):
            self._pdus.popitem(last=False)
        return before

    def acknowledged(self, key: str, now: float) -> None:
        """The acknowledgement was written."""
        pdu = self._pdus.get(key)
        if pdu is not None:
            pdu.acknowledged = now
            self._pdus.move_to_end(key)

    def refused(self, key: str, now: float) -> None:
        """It could not be stored, so a repetition is the first of it; what it may have repeated itself still counts."""
        pdu = self._pdus.pop(key, None)
        if pdu is None:
            return
        pdu.session = ""
        if pdu.lost:
            self._forget(pdu)
        if pdu.before:
            self._suspect(pdu, now)

    def ended(self, session: str, now: float, *, clean: bool) -> None:
        """A session is over; unless it ended cleanly, what it may owe is suspect."""
        for key, pdu in list(self._pdus.items()):
            if pdu.session != session or pdu.lost:
                continue
            owed = pdu.acknowledged == NEVER
            if clean or pdu.acknowledged + SETTLED_S <= now:
                del self._pdus[key]
                continue
            self._suspect(pdu, now)
            if not owed:
                del self._pdus[key]

    def _explain(self, fingerprint: str, now: float) -> tuple[str, ...]:
        for pdu in self._suspects.pop(fingerprint, []):
            if pdu.until > now:
                self._suspects.setdefault(fingerprint, []).append(pdu)
        waiting = self._suspects.get(fingerprint)
        if not waiting:
            return ()
        found = waiting.pop(0)
        if not waiting:
            del self._suspects[fingerprint]
        return found.sessions

    def _suspect(self, pdu: _Pdu, now: float) -> None:
        pdu.lost, pdu.until = True, now + (OWED_S if pdu.acknowledged == NEVER else DOUBTED_S)
        self._suspects.setdefault(pdu.fingerprint, []).append(pdu)
        while len(self._suspects) > MOST:
            self._suspects.popitem(last=False)

    def _forget(self, pdu: _Pdu) -> None:
        left = [other for other in self._suspects.pop(pdu.fingerprint, []) if other is not pdu]
        if left:
            self._suspects[pdu.fingerprint] = left

    def _oldest_is_settled(self, now: float) -> bool:
        return next(iter(self._pdus.values())).acknowledged + SETTLED_S <= now
