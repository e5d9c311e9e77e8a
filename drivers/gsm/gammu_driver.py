"""The ``gammu`` driver: python-gammu behind the tap. The only importer of gammu.

libGammu opens the modem (it knows the makers' ways of starting one), counts its messages, reads its signal and
sends. What it would lose is done beside it on the same line: incoming PDUs are read raw, because its reader
cuts texts at an extension character, stops at a PDU that it can't read and has crashed on some modems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gammu

from drivers.base import Encoding
from drivers.gsm.at import At, ModemSilentError
from drivers.gsm.at_driver import AtEngine
from drivers.gsm.driver import GsmDriver
from drivers.gsm.sending import Answer, Order
from drivers.gsm.settings import Settings
from drivers.gsm.tap import Call, Sending, Tap, reply_of
from drivers.text import alphabet

T = TypeVar("T")
INIT_S = 45.0
CALL_S = 5.0
PREPARE_S = 20.0
"""What libGammu may take inside SendSMS before the PDU leaves."""
CODINGS = {
    Encoding.GSM7: "Default_No_Compression",
    Encoding.UCS2: "Unicode_No_Compression",
    Encoding.BINARY: "8bit",
}
MINUTE_S, DAY_S, WEEK_S = 60, 86_400, 604_800


class GammuEngine:
    """libGammu as ``sending.Engine``."""

    name = "gammu"
    open_limit_s = INIT_S

    def __init__(self) -> None:
        self._tap: Tap | None = None
        self._machine: Any = None
        self._raw = AtEngine()

    def open(self, at: At) -> None:
        """See ``sending.Engine``. Takes some 5 s: libGammu sleeps."""
        self.close()
        self._tap = Tap()
        self._machine = gammu.StateMachine(Locale="C")
        self._machine.SetConfig(0, {"Device": self._tap.path, "Connection": "at115200", "LockDevice": False,
                                    "SyncTime": False, "StartInfo": False, "UseGlobalDebugFile": False})  # fmt: skip
        _, call, error = self._call(at, self._machine.Init, INIT_S)
        if error is not None or call.timed_out:
            raise ModemSilentError(f"libGammu can't open the modem: {_words(error)}")

    def send(self, at: At, order: Order) -> Answer:
        """See ``sending.Engine``."""
        message = message_of(order)
        if message is None:
            # libGammu has no words for such a part (national tables, TP-PID): the same PDU goes out beside it.
            return self._raw.send(at, order)
        sending = Sending(order.leaving, order.is_mine, order.in_doubt, order.timeout_s)
        _, call, error = self._call(at, lambda: self._machine.SendSMS(message), PREPARE_S, sending)
        if sending.reference is not None:
            return Answer(sending.reference)
        refusal = reply_of(sending)
        if refusal is not None:
            return Answer(None, refusal)
        if sending.left and error is None:
            return Answer(None)
        if call.timed_out:
            raise ModemSilentError(f"no answer to a message in {order.timeout_s:.0f} s")
        raise ModemSilentError(_words(error))

    def signal(self, at: At) -> int | None:
        """See ``sending.Engine``."""
        quality, call, _ = self._call(at, self._machine.GetSignalQuality, CALL_S)
        if call.timed_out:
            raise ModemSilentError(f"no answer to libGammu in {CALL_S:.0f} s")
        percent = int(quality["SignalPercent"]) if quality else -1
        return percent if 0 <= percent <= 100 else None

    def counts(self, at: At) -> Mapping[str, tuple[int, int]]:
        """See ``sending.Engine``."""
        status, call, _ = self._call(at, self._machine.GetSMSStatus, CALL_S)
        if call.timed_out:
            raise ModemSilentError(f"no answer to libGammu in {CALL_S:.0f} s")
        if not status:
            return {}
        return {"SM": (status["SIMUsed"], status["SIMSize"]), "ME": (status["PhoneUsed"], status["PhoneSize"])}

    def close(self) -> None:
        """See ``sending.Engine``."""
        if self._tap:
            # First the tap: a machine that is freed still speaks with its modem, and waits for answers.
            self._tap.close()
            self._tap = None
        self._machine = None

    def _call(
        self, at: At, function: Callable[[], T], limit_s: float, sending: Sending | None = None
    ) -> tuple[T | None, Call, Exception | None]:
        """Run one call into libGammu with the tap open. Raises PortError."""
        assert self._tap is not None
        result: T | None = None
        problem: Exception | None = None
        with self._tap.passing(at, limit_s, sending) as call:
            try:
                result = function()
            except gammu.GSMError as error:
                problem = error
        if call.problem:
            raise call.problem
        return result, call, problem


def message_of(order: Order) -> dict[str, Any] | None:
    """The part in libGammu's words; None where it has none."""
    manner, part = order.manner, order.part
    if not manner.usual or order.smsc is None:
        return None
    text = _text(part.encoding, part.payload)
    if text is None:
        return None
    message: dict[str, Any] = {
        "Number": order.destination,
        "SMSC": {"Number": order.smsc, "Validity": validity(manner.validity_s)},
        "Text": text,
        "Coding": CODINGS[part.encoding],
        "Class": -1 if manner.message_class is None else manner.message_class,
        "Type": "Status_Report" if order.receipt else "Submit",
    }
    if part.udh:
        message["UDH"] = {"Type": "UserUDH", "Text": bytes([len(part.udh)]) + part.udh}
    return message


def _text(encoding: Encoding, payload: bytes) -> str | bytes | None:
    match encoding:
        case Encoding.UCS2:
            return payload.decode("utf-16-be")
        case Encoding.GSM7:
            # libGammu codes the default tables only: what does not come back the same is in another table.
            text = alphabet.decode(payload)
            try:
                return text if alphabet.encode(text) == payload else None
            except UnicodeEncodeError:
                return None
        case _:
            return payload


def validity(seconds: float | None) -> str:
    """LibGammu's word for a relative validity (3GPP TS 23.040 §9.2.3.12.1), rounded down.

    The longest for None, which the service centre cuts to its own: ``NA`` becomes five minutes in the PDU.
    """
    if seconds is None:
        return "Max"
    if seconds < DAY_S:
        minutes = int(seconds // MINUTE_S)
        step = 5 if minutes <= 12 * 60 else 30
        return f"{max(5, minutes // step * step)}M"
    if seconds < 5 * WEEK_S:
        return f"{max(2, min(30, int(seconds // DAY_S)))}D" if seconds >= 2 * DAY_S else "1440M"
    return f"{min(63, int(seconds // WEEK_S))}W"


def _words(error: Exception | None) -> str:
    if error is None or not error.args or not isinstance(error.args[0], dict):
        return "no answer from the modem"
    return str(error.args[0].get("Text", error)).rstrip(".")


class GammuDriver(GsmDriver):
    """A modem on python-gammu."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """``options``: see ``settings.Settings``. Raises ValueError."""
        super().__init__(Settings.of(options), GammuEngine())
