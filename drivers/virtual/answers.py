"""What a command handler gives back, and the errors it raises (3GPP TS 27.005 §3.2.5, TS 27.007 §9.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CME_WORDS = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    20: "memory full",
    21: "invalid index",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed - emergency calls only",
    100: "unknown",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Information lines and the final result; ``final`` None means that no result is given."""

    lines: tuple[str, ...] = ()
    final: str | None = "OK"


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem asks for more with ``> ``; ``finish`` gets the text (None after ESC) and the time."""

    finish: Callable[[str | None, float], Reply | Deferred]


@dataclass(frozen=True, slots=True)
class Deferred:
    """``reply`` is given at ``at``. ``busy``: the modem takes no other command until then."""

    reply: Reply
    at: float
    busy: bool = True


Answer = Reply | Prompt | Deferred

OK = Reply()


def reply(*lines: str) -> Reply:
    """An answer of these lines and OK."""
    return Reply(lines)


class AtError(Exception):
    """A command failed; ``final`` is the whole result line, when ``None`` is not told by CMEE."""

    def __init__(self, code: int | None = None, *, sms: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.sms = sms

    def final(self, cmee: int) -> str:
        """The result line under ``AT+CMEE=cmee``. +CMS codes are told whatever CMEE says (3GPP TS 27.005 §3.1)."""
        if self.code is None or (cmee == 0 and not self.sms):
            return "ERROR"
        if self.sms:
            return f"+CMS ERROR: {self.code}"
        return f"+CME ERROR: {CME_WORDS.get(self.code, 'unknown') if cmee == 2 else self.code}"


def cms(code: int) -> AtError:
    """The error of a message service command."""
    return AtError(code, sms=True)


def cme(code: int) -> AtError:
    """The error of any other command."""
    return AtError(code)
