"""What a modem's unsolicited lines mean to its driver."""

from __future__ import annotations

from enum import Enum

from drivers.gsm.lines import Line


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
