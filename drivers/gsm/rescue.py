"""What is done for a modem that has fallen silent: hear its late words, then restart it as ``recovery`` says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from drivers.base import Notice
from drivers.gsm import ports, power
from drivers.gsm.at import ModemSilentError
from drivers.gsm.ports import PortError
from drivers.gsm.recovery import Recovery, Step
from drivers.gsm.sending import Outbox
from drivers.gsm.session import Session
from drivers.gsm.unasked import Hint, Hints

LATE_QUIET_S = 0.5
"""After a message without an answer the line is read until it has been quiet for this long."""
LATE_LIMIT_S = 3.0


class Rescue:
    """The steps of the ladder, done.

    Args:
        say: takes events to the owner.
        busy: a context that announces how long the line may be silent.
        outbox: whose parts late answers may belong to.
        recovery: is told of late answers.
    """

    def __init__(
        self, say: Callable[..., None], busy: Callable[[float, str], AbstractContextManager[None]],
        outbox: Outbox, recovery: Recovery,
    ) -> None:  # fmt: skip
        self._say = say
        self._busy = busy
        self._outbox = outbox
        self._recovery = recovery
        self._place: str | None = None

    def opened(self, path: str) -> None:
        """The modem is at this port: remember its place on the USB, which outlives the port."""
        self._place = ports.usb_path(path)

    def from_inside(self, session: Session, hints: Hints, step: Step, reason: str) -> None:
        """Through its line, while that is open. Never raises for a modem that stays silent."""
        with contextlib.suppress(ModemSilentError, PortError):
            session.at.drain(LATE_QUIET_S, LATE_LIMIT_S)
            for _, line in hints.take(Hint.ANSWER):
                if self._outbox.late(line):
                    self._recovery.answered()
            if step is Step.RESET:
                self._say(Notice("recovery", f"restarting the modem: {reason}", {"step": str(step)}))
                if session.reset():
                    self._outbox.doubts.clear()

    def from_outside(self, step: Step, reason: str) -> None:
        """Through the USB, once its line is closed."""
        if step not in (Step.USB, Step.HUB):
            return
        if self._place is None:
            self._say(Notice("recovery", f"the modem is not on the USB, so it can't be restarted there: {reason}"))
            return
        words = "re-authorizing the modem's USB device" if step is Step.USB else "switching the modem's hub port"
        self._say(Notice("recovery", f"{words} at {self._place}: {reason}", {"step": str(step)}))
        try:
            with self._busy(2 * power.HUB_S, words):
                (power.reauthorize if step is Step.USB else power.cycle)(self._place)
        except power.PowerError as error:
            self._say(Notice("recovery", str(error), {"step": str(step)}))
            return
        # It has lost its power or its line: what it still owed is never answered.
        self._outbox.doubts.clear()
