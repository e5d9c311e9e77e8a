"""The SIM's lock. Nothing here gives a PIN unless it is told one (3GPP TS 27.007 §8.3, TS 11.11 §9.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from drivers.gsm.at import At, ModemSilentError


class SimState(Enum):
    """What AT+CPIN? says."""

    READY = "ready"
    PIN = "pin"
    BLOCKED = "blocked"
    """Only a person can help: PUK, no SIM, another lock."""
    BUSY = "busy"
    """Asked too early: it is still starting."""


@dataclass(frozen=True, slots=True)
class Sim:
    """The SIM's state, with a reason for a person unless it is READY."""

    state: SimState
    reason: str = ""


LOCKS = {
    "SIM PUK": "the SIM is locked and wants its PUK: unlock it in a telephone",
    "SIM PIN2": "the SIM wants its PIN2",
    "SIM PUK2": "the SIM wants its PUK2",
    "PH-SIM PIN": "the modem is locked to another SIM",
    "PH-NET PIN": "the modem is locked to another operator",
    "NOT INSERTED": "no SIM in the modem",
    "NOT READY": "the SIM is starting",
}
CME = {
    5: "the modem is locked to another SIM",
    10: "no SIM in the modem",
    12: LOCKS["SIM PUK"],
    13: "the SIM has failed",
    14: "the SIM is busy",
    15: "the SIM is the wrong one for this modem",
}
CME_BUSY = frozenset({14, 515, 516})
"""515 and 516 are makers' words for: still starting."""
TRIES = (
    ("AT+CPINR", re.compile(r"\+CPINR:\s*\"?SIM PIN\"?,\s*(\d+)")),
    ("AT^CPIN?", re.compile(r"\^CPIN:\s*[^,]*,[^,]*,\s*\d+,\s*(\d+)")),
    ("AT+SPIC", re.compile(r"\+SPIC:\s*(\d+)")),
    ('AT+QPINC="SC"', re.compile(r"\+QPINC:\s*\"?SC\"?,\s*(\d+)")),
    ("AT+ZPINPUK=?", re.compile(r"\+ZPINPUK:\s*(\d+)")),
)
"""Commands that tell the PIN tries left, and where in the answer they stand."""
ENTER_S = 20.0


def read_sim(at: At) -> Sim:
    """Ask for the SIM's state; changes nothing. Raises ModemSilentError, PortGoneError."""
    reply = at.command("AT+CPIN?", 10.0)
    if reply.ok:
        return _told((reply.value("+CPIN") or "READY").strip('"').upper())
    _, code = reply.error
    if code in CME_BUSY:
        return Sim(SimState.BUSY, CME.get(code, LOCKS["NOT READY"]))
    words = reply.final.partition(":")[2].strip()
    if code is None and words.upper() == "SIM BUSY":
        return Sim(SimState.BUSY, CME[14])
    if code is None and not words:
        # Some modems don't know the question; one that can read the SIM's number has a SIM that is open.
        state = SimState.READY if at.command("AT+CIMI").ok else SimState.BLOCKED
        return Sim(state, "the modem does not tell about its SIM")
    return Sim(SimState.BLOCKED, CME.get(code or 0, f"the SIM can't be used ({words})"))


def _told(word: str) -> Sim:
    if word == "READY":
        return Sim(SimState.READY)
    if word == "SIM PIN":
        return Sim(SimState.PIN, "the SIM wants its PIN")
    if word == "NOT READY":
        return Sim(SimState.BUSY, LOCKS[word])
    return Sim(SimState.BLOCKED, LOCKS.get(word, f"the SIM is locked ({word})"))


def tries_left(at: At) -> int | None:
    """How often the PIN may still be tried; None where the modem does not tell.

    Raises ModemSilentError, PortGoneError.
    """
    for command, pattern in TRIES:
        reply = at.command(command)
        found = pattern.search(" ".join(reply.lines)) if reply.ok else None
        if found:
            return int(found.group(1))
    return None


def enter_pin(at: At, pin: str) -> bool | None:
    """Give the PIN once: True accepted, False refused, None when no answer came. Raises PortGoneError."""
    if not re.fullmatch(r"\d{4,8}", pin):
        return False
    try:
        return at.command(f'AT+CPIN="{pin}"', ENTER_S).ok
    except ModemSilentError:
        return None
