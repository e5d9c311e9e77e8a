"""The messages that a virtual carrier has taken: what query_sm, cancel_sm and replace_sm find (SMPP 3.4 §4.8-4.10)."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from drivers.smpp import codec, names, times
from drivers.smpp.names import RCANCELFAIL, RESPONSE, RINVMSGID, ROK, RQUERYFAIL, RREPLACEFAIL
from drivers.virtual.carrier_faults import Faults

MOST = 100_000
"""The oldest ones are forgotten."""
STATES = {
    "ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8,
}  # fmt: skip
"""message_state (SMPP 3.4 §5.2.28) by the word that receipts use."""


@dataclass(slots=True)
class Kept:
    """One message. ``due``: when it reaches its recipient, seconds of the monotonic clock."""

    submit: codec.Pdu
    reference: str
    number: int
    system_id: str
    due: float
    cancelled: bool = False


class Shelf:
    """What is kept."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def put(self, kept: Kept) -> None:
        """Keep one more."""
        self._kept[kept.reference] = kept
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def answer(self, system_id: str, pdu: codec.Pdu, now: float) -> bytes:
        """The whole response to query_sm, cancel_sm or replace_sm of an account."""
        if self._faults.unoffered:
            return codec.pdu(names.GENERIC_NACK, pdu.sequence, names.RINVCMDID)
        reference = pdu.octets("message_id").decode("latin-1")
        kept = self._kept.get(reference)
        same = kept is not None and kept.system_id == system_id
        if kept is None or not same or kept.submit.octets("source_addr") != pdu.octets("source_addr"):
            body = reference.encode("latin-1") + b"\0\0\0\0" if pdu.command == names.QUERY_SM else b""
            status = {names.QUERY_SM: RQUERYFAIL, names.CANCEL_SM: RCANCELFAIL}.get(pdu.command, RINVMSGID)
            return codec.pdu(pdu.command | RESPONSE, pdu.sequence, status, body)
        if pdu.command == names.QUERY_SM:
            body = self._state(kept, now)
            return codec.pdu(pdu.command | RESPONSE, pdu.sequence, ROK, body)
        waits = not kept.cancelled and now < kept.due
        if pdu.command == names.CANCEL_SM:
            kept.cancelled |= waits
            return codec.pdu(pdu.command | RESPONSE, pdu.sequence, ROK if waits else RCANCELFAIL)
        if waits:
            fields = {**kept.submit.fields, "short_message": pdu.octets("short_message")}
            kept.submit = replace(kept.submit, fields=fields)
        return codec.pdu(pdu.command | RESPONSE, pdu.sequence, ROK if waits else RREPLACEFAIL)

    def _state(self, kept: Kept, now: float) -> bytes:
        done = kept.cancelled or now >= kept.due
        word = "DELETED" if kept.cancelled else self._faults.stat if done else "ENROUTE"
        fields: dict[str, int | str | bytes] = {
            "message_id": kept.reference,
            "message_state": STATES.get(word, STATES["UNKNOWN"]),
        }
        if done:
            fields["final_date"] = time.strftime("%y%m%d%H%M%S000+", time.gmtime())
        return codec.body(names.QUERY_SM | RESPONSE, fields)


def wait_s(submit: codec.Pdu) -> float:
    """How long a submit is to wait at the carrier (schedule_delivery_time, SMPP 3.4 §5.2.15)."""
    now = datetime.now(UTC)
    try:
        at = times.moment(submit.octets("schedule_delivery_time"), now)
    except codec.DecodeError:
        return 0.0
    return 0.0 if at is None else max(0.0, (datetime.fromisoformat(at) - now).total_seconds())
