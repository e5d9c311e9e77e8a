"""What can be asked of a virtual carrier: ``{"do": verb, …}``, a line each way, as for a virtual modem."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.virtual import carrier_messages as messages

if TYPE_CHECKING:
    from drivers.virtual.carrier import Carrier

LINE_LIMIT = 1 << 20


class CarrierVerbs:
    """The verbs of one carrier; each takes and gives what JSON can say."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.verbs: dict[str, Callable[..., Any]] = {
            "status": self.status, "faults": self.faults, "deliver": self.deliver, "deliver_body": self.deliver_body,
            "sent": self.sent, "unbind": self.unbind, "reset": self.reset, "close": self.close, "say": self.say,
            "outbind": self.outbind,
        }  # fmt: skip

    def __call__(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Do one verb. Raises ValueError, with one sentence."""
        action = self.verbs.get(verb)
        if action is None:
            raise ValueError(f"there is no verb {verb!r}; there are: {', '.join(self.verbs)}")
        try:
            return action(**arguments)
        except TypeError as error:
            raise ValueError(f"{verb}: {error}") from error

    def status(self) -> dict[str, Any]:
        """Binds, totals, and the answers to what was delivered."""
        carrier = self._carrier
        ids = [account.system_id for account in carrier.options.accounts]
        return {
            "binds": {system_id: len(carrier.bound(system_id)) for system_id in ids},
            "connections": len(carrier.peers),
            "sent": len(carrier.record.seen),
            "accepted": sum(entry["status"] == 0 for entry in carrier.record.seen),
            "enquiries": carrier.enquiries,
            "waiting": {system_id: carrier.mailbox(system_id).waiting for system_id in ids},
            "delivered": {system_id: carrier.mailbox(system_id).statuses for system_id in ids},
            "faults": asdict(carrier.faults),
        }

    def faults(self, **wanted: Any) -> None:
        """Change faults (``drivers.virtual.carrier_faults.Faults``)."""
        self._carrier.faults.change(wanted)

    def deliver(self, sender: str, text: str, to: str | None = None, count: int = 1) -> None:
        """A phone sends a text to an account's number (``to``; the first account's first number)."""
        for _ in range(count):
            self._carrier.arrive(messages.from_phone(sender, self._number(to), text), self._account(to))

    def deliver_body(self, body: str, to: str | None = None) -> None:
        """A deliver_sm with this body, in hexadecimal, arrives."""
        self._carrier.arrive(bytes.fromhex(body), self._account(to))

    def sent(self, skip: int = 0) -> list[dict[str, Any]]:
        """Every submit that came, as in the log, but for the first ``skip``."""
        return self._carrier.record.seen[skip:]

    def unbind(self) -> None:
        """The carrier ends all sessions."""
        for peer in self._carrier.bound():
            peer.unbind()

    def reset(self) -> None:
        """All connections are cut with RST."""
        for peer in list(self._carrier.peers):
            peer.reset()

    def close(self) -> None:
        """All connections are closed."""
        for peer in list(self._carrier.peers):
            peer.transport.close()

    def say(self, octets: str) -> None:
        """Every client gets these octets, in hexadecimal: garbage, or a PDU."""
        for peer in list(self._carrier.peers):
            peer.write(bytes.fromhex(octets))

    def outbind(self, host: str, port: int, password: str = "", system_id: str = "") -> None:
        """Connect to an ESME that listens there, and ask it to bind (SMPP 3.4 §4.1.7)."""
        asyncio.get_running_loop().create_task(
            self._carrier.outbind(host, port, system_id or self._carrier.options.system_id, password)
        )

    def _account(self, number: str | None) -> str:
        accounts = self._carrier.options.accounts
        found = accounts[0].system_id if number is None else self._carrier.account_of(number)
        if found is None:
            raise ValueError(f"no account has the number {number}")
        return found

    def _number(self, number: str | None) -> str:
        numbers = self._carrier.options.accounts[0].numbers
        return number or (numbers[0] if numbers else "")


async def serve_control(carrier: Carrier, path: str) -> asyncio.Server:
    """Listen on a Unix socket at ``path``. Raises OSError."""
    verbs = CarrierVerbs(carrier)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(json.dumps(_answer(verbs, line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    Path(path).unlink(missing_ok=True)
    return await asyncio.start_unix_server(serve, path, limit=LINE_LIMIT)


def _answer(verbs: CarrierVerbs, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            return {"error": 'a request is a JSON object with "do"'}
        verb = request.pop("do")
        return {"ok": verbs(verb, request)}
    except ValueError as error:
        return {"error": str(error)}
