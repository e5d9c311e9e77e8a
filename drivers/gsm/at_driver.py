"""The ``at`` driver: our own AT layer and our own PDUs. Exact codes, no fixed pauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.gsm import identity
from drivers.gsm.at import At, ModemSilentError
from drivers.gsm.composing import UnsendableError
from drivers.gsm.driver import GsmDriver
from drivers.gsm.lines import Kind, Line
from drivers.gsm.sending import Answer, Order
from drivers.gsm.settings import Settings
from drivers.text import pdu as codec


class AtEngine:
    """Sends with AT+CMGS in PDU mode (3GPP TS 27.005 §4.3)."""

    name = "at"
    open_limit_s = 60.0

    def __init__(self) -> None:
        self._link_kept = False

    def open(self, at: At) -> None:
        """Nothing beyond what the session does."""
        self._link_kept = False
        at.command("ATE0")

    def send(self, at: At, order: Order) -> Answer:
        """See ``sending.Engine``."""
        octets = submit_pdu(order)
        if order.more and not self._link_kept:
            # Keeps the radio link between messages; it ends by itself, 1 to 5 s after the last (§3.5.6).
            self._link_kept = at.command("AT+CMMS=2").ok
        reference: int | None = None
        left = False

        def leaving() -> None:
            nonlocal left
            left = True
            order.leaving()

        def answered(line: Line) -> bool:
            nonlocal reference
            if line.kind is Kind.FINAL:
                return reference is not None or not order.in_doubt
            number = line.value.partition(",")[0].strip()
            if line.name != "+CMGS" or not number.isdigit():
                return True
            if not order.is_mine(int(number)):
                return False
            reference = int(number)
            return True

        command = f"AT+CMGS={codec.tpdu_length(octets)}"
        reply = at.send_pdu(command, octets.hex().upper(), order.timeout_s, leaving, answered)
        self._link_kept = self._link_kept and order.more
        if not reply.ok:
            return Answer(None, reply)
        if not left:
            # An OK in place of the prompt was somebody else's: nothing has left, and the line is out of step.
            at.out_of_step()
            raise ModemSilentError("no prompt for a message")
        return Answer(reference)

    def signal(self, at: At) -> int | None:
        """See ``sending.Engine``."""
        return identity.read_signal(at)

    def counts(self, at: At) -> Mapping[str, tuple[int, int]]:  # noqa: ARG002 - another engine needs the line
        """None: choosing a memory tells its count."""
        return {}

    def close(self) -> None:
        """Nothing is kept."""


def submit_pdu(order: Order) -> bytes:
    """The part as an SMS-SUBMIT with the service centre's number (3GPP TS 23.040 §9.2.2.2). Raises UnsendableError."""
    manner = order.manner
    message = codec.SubmitPdu(
        destination=order.destination,
        content=codec.Content.of(order.part, manner.message_class),
        validity_s=manner.validity_s,
        protocol=manner.protocol,
        report=order.receipt,
        reject_duplicates=manner.reject_duplicates,
        smsc=order.smsc,
    )
    try:
        return codec.encode(message)
    except codec.PduError as error:
        raise UnsendableError(str(error)) from error


class AtDriver(GsmDriver):
    """A modem on our own AT layer."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """``options``: see ``settings.Settings``. Raises ValueError."""
        super().__init__(Settings.of(options), AtEngine())
