"""What a modem's unsolicited lines mean to its driver."""

from __future__ import annotations

from enum import Enum

from drivers.gsm.lines import Line

Unasked = tuple["Hint", Line]


class Hint(Enum):
    """What to do about an unsolicited line."""

    STORED = "stored"
    """Something lies in a memory: poll now."""
    HANDED_OVER = "handed over"
    """A PDU that is stored nowhere but here."""
    NETWORK = "network"
    SIM = "sim"
    CALL = "call"
    FULL = "full"
    RESTARTED = "restarted"
    ANSWER = "answer"
    """An answer that nobody waits for any more."""
    USSD = "ussd"


NAMES = {
    "+CMTI": Hint.STORED,
    "+CDSI": Hint.STORED,
    "+CMT": Hint.HANDED_OVER,
    "+CDS": Hint.HANDED_OVER,
    "+CREG": Hint.NETWORK,
    "+CEREG": Hint.NETWORK,
    "+CGREG": Hint.NETWORK,
    "^SRVST": Hint.NETWORK,
    "+CPIN": Hint.SIM,
    "^SIMST": Hint.SIM,
    "RING": Hint.CALL,
    "+CLIP": Hint.CALL,
    "+CRING": Hint.CALL,
    "^SMMEMFULL": Hint.FULL,
    "+ZSMSFULL": Hint.FULL,
    "+SMS FULL": Hint.FULL,
    "+CIEV": None,
    "^SYSSTART": Hint.RESTARTED,
    "RDY": Hint.RESTARTED,
    "MODEM:STARTUP": Hint.RESTARTED,
    "+CMGS": Hint.ANSWER,
    "+CMSS": Hint.ANSWER,
    "+CMS ERROR": Hint.ANSWER,
    "+CUSD": Hint.USSD,
}


def understand(line: Line) -> Hint | None:
    """The hint of a line, None for one that means nothing to us."""
    if line.name == "+QIND" and "smsfull" in line.value:
        return Hint.FULL
    return NAMES.get(line.name.upper())


class Hints:
    """What was heard and not yet acted on, in its order."""

    def __init__(self) -> None:
        self._heard: list[Unasked] = []

    def __bool__(self) -> bool:
        return bool(self._heard)

    def hear(self, line: Line) -> None:
        """Keep a line if it means anything."""
        hint = understand(line)
        if hint is not None:
            self._heard.append((hint, line))

    def take(self, *kinds: Hint) -> list[Unasked]:
        """Take out the hints of these kinds, or all of them."""
        taken = [item for item in self._heard if not kinds or item[0] in kinds]
        self._heard = [item for item in self._heard if kinds and item[0] not in kinds]
        return taken

    def forget_state(self) -> None:
        """What the modem said of itself before it was opened is past; what it handed over is nowhere else."""
        self._heard = [item for item in self._heard if item[0] in (Hint.HANDED_OVER, Hint.ANSWER)]
