"""What an open modem has for us: messages, reports, calls, the network's answers; asked for, or said unasked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from drivers.base import Ack, Ussd, UssdReply
from drivers.gsm.at import ModemSilentError
from drivers.gsm.calls import CallDesk
from drivers.gsm.memory import Place
from drivers.gsm.recovery import Recovery
from drivers.gsm.reporting import Reporter
from drivers.gsm.sending import Outbox
from drivers.gsm.session import Session
from drivers.gsm.settings import Settings
from drivers.gsm.unasked import Hint, Hints, Unasked
from drivers.gsm.ussd import UssdDesk

BURST_POLL_S = 1.0
"""Between two polls that reports ask for while messages go out."""
USSD_S = 60.0


class Attendant:
    """Attends to one modem besides sending.

    Args:
        say: takes events to the owner.
        busy: a context that announces how long the line may be silent.
        settings: how often to poll, and whether to hang up.
        outbox: whose parts late answers may belong to.
        reporter: knows how the modem is.
        recovery: is told of late answers.
    """

    def __init__(
        self, say: Callable[..., None], busy: Callable[[float, str], AbstractContextManager[None]],
        settings: Settings, outbox: Outbox, reporter: Reporter, recovery: Recovery,
    ) -> None:  # fmt: skip
        self._say, self._busy = say, busy
        self._poll_s = settings.poll
        self._outbox = outbox
        self._reporter = reporter
        self._recovery = recovery
        self._ussd = UssdDesk()
        self._calls = CallDesk(hangup=settings.hangup)
        self._poll_due = self._polled = 0.0
        self.hints = Hints()
        self.direct: dict[str, Place] = {}
        """See ``memory.Memories``."""

    def next_due(self) -> float:
        """When ``attend`` has something to do (monotonic)."""
        if self.hints:
            return 0.0
        deadline = self._ussd.deadline_mono
        return self._poll_due if deadline is None else min(self._poll_due, deadline)

    def begin(self) -> None:
        """The modem is open: what it said of itself before is past, and everything in it is to be read."""
        self.hints.forget_state()
        self._poll_due = 0.0

    def end(self) -> None:
        """The line is closed."""
        self._say(*self._ussd.give_up("the modem was closed"))
        self.hints.forget_state()

    def acknowledge(self, session: Session | None, ack: Ack) -> None:
        """The owner's answer to what was handed to it. Raises ModemSilentError, PortError."""
        memories = session.memories if session else None
        if memories is None:
            # Offered again after the next opening, and known to the owner then.
            return
        if ack.stored:
            memories.stored(ack.keys)
        else:
            memories.not_stored(ack.keys)

    def ask_ussd(self, session: Session | None, question: Ussd) -> None:
        """Send a code to the network. Raises ModemSilentError, PortError."""
        if session is None or not session.ready:
            self._say(UssdReply(question.token, None, error=self._reporter.why))
            return
        with self._busy(USSD_S, "asking the network"):
            reply = self._ussd.ask(session.at, question)
        if reply:
            self._say(reply)

    def heed(self, session: Session, now_mono: float) -> None:
        """Act on what the modem has said unasked. Raises ModemSilentError, PortError."""
        for hint in self.hints.take():
            self._act_on(session, hint, now_mono)

    def poll(self, session: Session, now_mono: float) -> None:
        """Read what lies in the modem, when it is time to. Raises ModemSilentError, PortError."""
        if now_mono >= self._poll_due:
            self._polled, self._poll_due = now_mono, now_mono + self._poll_s
            self._say(*session.poll())
        deadline = self._ussd.deadline_mono
        if deadline is not None and now_mono >= deadline:
            self._say(*self._ussd.give_up("no answer from the network"))

    def _act_on(self, session: Session, unasked: Unasked, now_mono: float) -> None:
        hint, line = unasked
        match hint:
            case Hint.STORED:
                # While messages go out, many a report comes in: one poll for some of them.
                self._poll_due = min(self._poll_due, self._polled + BURST_POLL_S if len(self._outbox) else 0.0)
            case Hint.HANDED_OVER if session.memories:
                self._say(*session.memories.take(line.body))
            case Hint.NETWORK | Hint.SIM:
                self._reporter.due_mono = 0.0
            case Hint.CALL:
                self._say(*self._calls.heard(session.at, line, now_mono))
            case Hint.FULL:
                self._poll_due = 0.0
            case Hint.RESTARTED if session.has_restarted():
                raise ModemSilentError("the modem has restarted by itself")
            case Hint.ANSWER:
                if self._outbox.late(line):
                    self._recovery.answered()
            case Hint.USSD:
                self._say(*self._ussd.answered(line))
            case _:
                pass
