"""Commands about messages (3GPP TS 27.005)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivers.virtual import text_mode, tpdu
from drivers.virtual.answers import OK, Answer, Deferred, Prompt, Reply, cms, reply
from drivers.virtual.commands.registry import Commands, argument, number
from drivers.virtual.line import Command, Kind
from drivers.virtual.outgoing import BAD_PDU, octets, written
from drivers.virtual.sim import READ, SENT, UNREAD, UNSENT, Stored

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

commands = Commands()
ALL = 4


@commands.handles("+CSMS")
def service(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CSMS: message service; 1 makes +CMT and +CDS wait for AT+CNMA (§3.2.1)."""
    if command.kind is Kind.TEST:
        return reply("+CSMS: (0,1)")
    if command.kind is Kind.READ:
        return reply(f"+CSMS: {int(modem.mailbox.phase_2_plus)},1,1,1")
    modem.mailbox.phase_2_plus = number(command, 0) == 1
    return reply("+CSMS: 1,1,1")


@commands.handles("+CMGF")
def form(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMGF: PDU or text mode (§3.2.3)."""
    if command.kind is not Kind.SET:
        return reply(f"+CMGF: {int(modem.mailbox.text_mode) if command.kind is Kind.READ else '(0,1)'}")
    if number(command, 0) > 1:
        raise cms(302)
    modem.mailbox.text_mode = number(command, 0) == 1
    return OK


@commands.handles("+CSCA")
def service_centre(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CSCA: the number of the service centre (§3.3.1)."""
    if command.kind is Kind.SET:
        wanted = text_mode.read_string(argument(command), modem.charset)
        if not re.fullmatch(r"\+?[0-9]{1,20}", wanted):
            raise cms(302)
        modem.sim.smsc = wanted
        modem.sim.changed = True
        modem.faults.no_smsc = False
    if command.kind is not Kind.READ:
        return OK
    smsc = "" if modem.faults.no_smsc else modem.sim.smsc
    kind = 145 if smsc.startswith("+") else 129
    return reply(f"+CSCA: {text_mode.write_string(smsc, modem.charset)},{kind}")


@commands.handles("+CNMI")
def indications(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CNMI: where what comes in is directed (§3.4.1)."""
    chosen = modem.mailbox.indications
    names = ("mode", "deliver", "broadcast", "report", "buffer")
    if command.kind is Kind.TEST:
        return reply(f"+CNMI: {modem.maker.cnmi}")
    if command.kind is Kind.READ:
        return reply("+CNMI: " + ",".join(str(getattr(chosen, name)) for name in names))
    wanted = [number(command, place, getattr(chosen, name)) for place, name in enumerate(names)]
    if max(wanted) > 3:
        raise cms(302)
    for name, value in zip(names, wanted, strict=True):
        setattr(chosen, name, value)
    return OK


@commands.handles("+CPMS")
def memories(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CPMS: the memories to read and delete from, to write to, to receive into (§3.2.2)."""
    mailbox = modem.mailbox
    if command.kind is Kind.TEST:
        offered = ",".join(f'"{name}"' for name in modem.maker.memories)
        return reply(f"+CPMS: ({offered}),({offered}),({offered})")
    if command.kind is Kind.READ:
        return reply("+CPMS: " + ",".join('"{}",{},{}'.format(name, *mailbox.fill(name)) for name in mailbox.chosen))
    wanted = [name.upper() for name in command.arguments]
    if not 1 <= len(wanted) <= 3 or not set(wanted) <= set(modem.maker.memories):
        raise cms(302)
    mailbox.chosen[: len(wanted)] = wanted
    return reply("+CPMS: " + ",".join("{},{}".format(*mailbox.fill(name)) for name in mailbox.chosen))


@commands.handles("+CMGL")
def list_messages(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMGL: list messages and mark them as read (§3.4.2, §4.1)."""
    in_text = modem.mailbox.text_mode
    if command.kind is Kind.TEST:
        return reply(f"+CMGL: {text_mode.STATES_OFFERED if in_text else '(0-4)'}")
    wanted = text_mode.read_state(argument(command)) if in_text else number(command, 0, UNREAD)
    lines: list[str] = []
    for place, stored in modem.mailbox.listed():
        if wanted in (ALL, stored.state):
            lines.append(_shown(modem, f"+CMGL: {place},", stored))
            _mark_read(modem, stored)
    return Reply(tuple(lines))


@commands.handles("+CMGR")
def read_message(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMGR: read one message and mark it as read (§3.4.3, §4.2)."""
    if command.kind is Kind.TEST:
        return OK
    memory, place = modem.mailbox.find(number(command, 0))
    stored = memory.places.get(place)
    if stored is None:
        if modem.maker.empty_is_ok:
            return OK
        raise cms(321)
    line = _shown(modem, "+CMGR: ", stored)
    _mark_read(modem, stored)
    return reply(line)


def _shown(modem: VirtualModem, head: str, stored: Stored) -> str:
    """The line that introduces a message, and the message below it."""
    if modem.mailbox.text_mode:
        return head + text_mode.shown(stored, modem.charset)
    return f"{head}{stored.state},,{tpdu.told_length(stored.pdu)}\r\n{stored.pdu}"


def _mark_read(modem: VirtualModem, stored: Stored) -> None:
    if stored.state == UNREAD:
        stored.state = READ
        modem.sim.changed = True


@commands.handles("+CMGD")
def delete_message(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CMGD: delete one message, or all of some states (§3.5.4)."""
    mailbox = modem.mailbox
    if command.kind is Kind.TEST:
        return reply(f"+CMGD: ({','.join(str(place) for place, _ in mailbox.listed())}),(0-4)")
    states = {1: (READ,), 2: (READ, SENT), 3: (READ, SENT, UNSENT), 4: (READ, SENT, UNSENT, UNREAD)}
    doomed = states.get(number(command, 1, 0))
    told = [number(command, 0)] if doomed is None else [at for at, kept in mailbox.listed() if kept.state in doomed]
    for one in told:
        memory, place = mailbox.find(one)
        memory.places.pop(place, None)
    modem.sim.changed = True
    modem.agenda.at_powered(now, mailbox.take_waiting)
    return OK


@commands.handles("+CMGS")
def send(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMGS: send a message that is given at the prompt (§3.5.1, §4.3)."""
    if command.kind is Kind.TEST:
        return OK
    if modem.faults.prompt_errors and (error := modem.faults.prompt_errors.pop(0)):
        return Reply((), error)
    if not modem.mailbox.text_mode:
        return modem.outgoing.prompt(number(command, 0))
    destination = text_mode.read_string(argument(command), modem.charset)

    def finish(text: str | None, now: float) -> Reply | Deferred:
        if text is None:
            return OK
        report = int(modem.settings.get("+CSMP", "17").split(",")[0] or 0) & 0x20
        message = text_mode.message(destination, text, modem.charset, report=bool(report))
        return modem.outgoing.send(message, now)

    return Prompt(finish)


@commands.handles("+CMGW")
def write(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMGW: keep a message in memory, PDU mode (§4.4)."""
    if command.kind is Kind.TEST:
        return OK
    length, state = number(command, 0), number(command, 1, UNSENT)

    def finish(text: str | None, _now: float) -> Reply:
        if text is None:
            return OK
        pdu = octets(text)
        if not pdu or tpdu.told_length(pdu.hex()) != length or state > SENT:
            raise cms(BAD_PDU)
        return written(modem.mailbox.store(modem.mailbox.chosen[1], Stored(pdu.hex().upper(), state)))

    return Prompt(finish)


@commands.handles("+CMSS")
def send_stored(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CMSS: send a message out of memory (§3.5.2)."""
    memory, place = modem.mailbox.find(number(command, 0))
    stored = memory.places.get(place)
    if stored is None:
        raise cms(321)
    answer = modem.outgoing.submit(bytes.fromhex(stored.pdu), tpdu.told_length(stored.pdu), now, "+CMSS")
    stored.state = SENT
    return answer


@commands.handles("+CMMS")
def more_messages(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMMS: keep the link to the network open between messages (§3.5.6)."""
    if command.kind is not Kind.SET:
        return reply(f"+CMMS: {modem.settings.get('+CMMS', '0') if command.kind is Kind.READ else '(0-2)'}")
    if number(command, 0) > 2:
        raise cms(302)
    modem.settings["+CMMS"] = argument(command)
    return OK


@commands.handles("+CNMA")
def acknowledge(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CNMA: the host has what came by +CMT or +CDS; 2 says that it could not take it (§3.4.4, §4.7)."""
    if command.kind is Kind.TEST:
        return reply("+CNMA: (0-2)")
    modem.mailbox.acknowledge(now, taken=number(command, 0, 0) != 2)
    return OK


@commands.handles("+CSMP", "+CSDH", "+CSCB", "+CRES", "+CSAS", "+CGSMS")
def settings(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """Settings that are remembered; of +CSMP, TP-SRR in its first number counts in text mode (§3.3.2)."""
    if command.kind is Kind.SET:
        modem.settings[command.name] = ",".join(command.arguments)
    if command.kind is Kind.READ:
        return reply(f"{command.name}: {modem.settings.get(command.name, '0')}")
    return OK
