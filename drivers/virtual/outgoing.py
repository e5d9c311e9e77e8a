"""Sending: from the host's PDU to the network's answer and the status reports (3GPP TS 27.005 §4.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivers.text.pdu import PduError, SubmitPdu
from drivers.virtual import tpdu
from drivers.virtual.answers import OK, Deferred, Prompt, Reply, cms, reply
from drivers.virtual.faults import Reports, Silence, Vanish

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

BAD_NUMBER, BAD_PDU, NO_SMSC, NO_NETWORK = 28, 304, 330, 331
_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")


class Outgoing:
    """What the modem does with messages of the host."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def prompt(self, length: int, name: str = "+CMGS") -> Prompt:
        """Ask for a PDU whose TPDU has ``length`` octets."""
        faults = self._modem.faults
        if faults.vanish is Vanish.PROMPT:
            faults.vanish = Vanish.NEVER
            self._modem.agenda.at(0.0, self._modem.unplug)

        def finish(text: str | None, now: float) -> Reply | Deferred:
            return OK if text is None else self.submit(octets(text), length, now, name)

        return Prompt(finish)

    def submit(self, pdu: bytes, length: int, now: float, name: str = "+CMGS") -> Reply | Deferred:
        """Take an SMS-SUBMIT and give the network's answer. Raises +CMS ERROR 304 when it isn't one."""
        try:
            message = tpdu.read_submit(pdu, length)
        except PduError as error:
            raise cms(BAD_PDU) from error
        return self.send(message, now, name)

    def send(self, message: SubmitPdu, now: float, name: str = "+CMGS") -> Reply | Deferred:
        """Hand a message to the network and give its answer. Raises +CMS ERROR 28 for an impossible number."""
        modem, faults = self._modem, self._modem.faults
        answered = now + modem.options.send_time
        if not _NUMBER.fullmatch(message.destination):
            raise cms(BAD_NUMBER)
        refusal = self._refusal(message)
        if refusal is not None:
            self._testify(message, None, now, refusal)
            return Deferred(Reply((), refusal), answered)
        if faults.silence is Silence.LOST:
            self._testify(message, None, now, "lost")
            return Reply((), None)
        reference = modem.sim.next_reference()
        silent, late = faults.silence is Silence.PDU, self._late()
        self._testify(message, reference, now, "silence" if silent else "late" if late else "OK")
        self._carry(message, reference, now, answered + late)
        if faults.vanish is Vanish.PDU:
            faults.vanish = Vanish.NEVER
            modem.agenda.at(now, modem.unplug)
            return Reply((), None)
        final = None if silent else "OK"
        return Deferred(Reply((f"{name}: {reference}",), final), answered + late, busy=not late)

    def _refusal(self, message: SubmitPdu) -> str | None:
        modem = self._modem
        if not modem.registration.serves:
            return f"+CMS ERROR: {NO_NETWORK}"
        if not message.smsc and (modem.faults.no_smsc or not modem.sim.smsc):
            return f"+CMS ERROR: {NO_SMSC}"
        return (modem.faults.send_errors.pop(0) or None) if modem.faults.send_errors else None

    def _late(self) -> float:
        faults = self._modem.faults
        late = faults.late
        if late and faults.late_sends:
            faults.late_sends -= 1
            if not faults.late_sends:
                faults.late = 0.0
        return late

    def _testify(self, message: SubmitPdu, reference: int | None, now: float, answered: str) -> None:
        modem = self._modem
        told = {"modem": modem.options.name, "from": modem.sim.number, "time": modem.wall(now), "mono": now}
        fate = {"reference": reference, "accepted": reference is not None, "answered": answered}
        modem.witness.saw({**told, **tpdu.describe(message), **fate})

    def _carry(self, message: SubmitPdu, reference: int, now: float, answered: float) -> None:
        modem, faults = self._modem, self._modem.faults
        number = modem.sim.number
        arrival = answered + modem.options.transit

        def arrive(when: float) -> None:
            modem.network.submit(number, message.destination, message.content, when)

        modem.agenda.at(arrival, arrive)
        statuses = faults.report_statuses.pop(0) if faults.report_statuses else [0]
        if not message.report or faults.reports is Reports.LOST:
            return
        first = now if faults.reports is Reports.FIRST else arrival + faults.report_delay
        for place, status in enumerate(statuses):
            due = first + place * faults.report_delay
            report = tpdu.status_report(message, reference, modem.sim.smsc, status, modem.wall(now), modem.wall(due))
            modem.agenda.at(due, lambda when, report=report: modem.mailbox.take(report, when))  # type: ignore[misc]


def octets(text: str) -> bytes:
    """The octets of a PDU as typed. Raises +CMS ERROR 304."""
    try:
        return bytes.fromhex(text.strip())
    except ValueError as error:
        raise cms(BAD_PDU) from error


def written(place: int) -> Reply:
    """The answer to a message that was kept."""
    return reply(f"+CMGW: {place}")
