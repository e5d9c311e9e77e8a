"""The way into a locked SIM: its PIN is asked for once an opening, and given only when the owner says so, once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from drivers.base import DriverError, PinNeeded, PinOutcome
from drivers.gsm.session import Session
from drivers.gsm.sim import ENTER_S, Sim, SimState, enter_pin

Busy = Callable[[float, str], AbstractContextManager[None]]


class Gate:
    """The lock of the SIM that is in one modem.

    Args:
        say: takes events to the owner.
        busy: a context that announces how long the line may be silent.
    """

    def __init__(self, say: Callable[..., None], busy: Busy) -> None:
        self._say = say
        self._busy = busy
        self._asked: str | None = None
        """The SIM whose PIN was asked for."""

    def forget(self) -> None:
        """The modem is opened anew, or its SIM was away: the PIN may be asked for again."""
        self._asked = None

    def look(self, session: Session) -> Sim:
        """The SIM's state; asks the owner for the PIN when it is time to. Raises ModemSilentError, PortError,
        WrongModemError for another SIM than the config means: that one is never given the PIN."""
        sim = session.look_at_sim()
        if sim.state is SimState.PIN and self._asked is None:
            self._asked = session.sim_id
            self._say(PinNeeded(session.sim_id, session.tries_left()))
        return sim

    def enter(self, session: Session | None, pin: str) -> None:
        """Give ``pin`` to the SIM that it was asked for, and report, whatever happens. Raises as ``look``."""
        try:
            self._enter(session, pin)
        except DriverError:
            # The owner waits for an outcome of the try that it wrote down, and asks for no other before that.
            self._say(PinOutcome(self._asked or "", None))
            self._asked = None
            raise

    def _enter(self, session: Session | None, pin: str) -> None:
        state = session.look_at_sim().state if session and not session.ready else None
        if session is None or state is not SimState.PIN:
            # Nothing is given to a SIM that does not ask: it may be open by now, or want something else.
            is_open = state is SimState.READY or (session is not None and session.ready)
            self._say(PinOutcome(session.sim_id if session else "", True if is_open else None))
            return
        asked, found = self._asked, session.identify()
        if found != asked:
            # Exchanged since the owner wrote the try down: this one's tries are its own.
            self._say(PinOutcome(asked or "", None))
            self._asked = None
            return
        with self._busy(ENTER_S + 10.0, "giving the PIN to the SIM"):
            accepted = enter_pin(session.at, pin)
            left = None if accepted is None else session.tries_left()
        self._say(PinOutcome(session.sim_id, accepted, left))
