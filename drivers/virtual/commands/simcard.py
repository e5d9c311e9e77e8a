"""Commands about the SIM, its PIN, and services of the network for it (3GPP TS 27.007)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.virtual.answers import OK, Answer, cme, reply
from drivers.virtual.commands.general import remembered
from drivers.virtual.commands.registry import Commands, argument
from drivers.virtual.line import Command, Kind

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

commands = Commands()
ICCID_FILE = ("12258", "0x2FE2")


@commands.handles("+CPIN", sim=False)
def pin(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CPIN: is a PIN wanted, and giving it (3GPP TS 27.007 §8.3)."""
    modem.require_card()
    if command.kind is Kind.TEST:
        return OK
    if command.kind is Kind.READ:
        return reply(f"+CPIN: {modem.sim.lock.state()}")
    modem.sim.changed = True
    modem.sim.lock.enter(argument(command), command.arguments[1] if len(command.arguments) > 1 else None)
    modem.agenda.at_powered(now, modem.surroundings_changed)
    return OK


@commands.handles("+CPINR", "^CPIN", "+QPINC", "+SPIC", "+ZPINPUK", sim=False)
def tries(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """How many tries are left, by the maker's own command (3GPP TS 27.007 §8.65 for +CPINR)."""
    modem.require_card()
    if command.name not in modem.maker.tries_commands:
        raise cme(4)
    lock = modem.sim.lock
    pin_left, puk_left = lock.pin_tries, lock.puk_tries
    match command.name:
        case "+CPINR":
            return reply(f"+CPINR: SIM PIN,{pin_left},3", f"+CPINR: SIM PUK,{puk_left},10")
        case "^CPIN":
            state = lock.state()
            left = {"SIM PIN": str(pin_left), "SIM PUK": str(puk_left)}.get(state, "")
            return reply(f"^CPIN: {state},{left},{puk_left},{pin_left},10,3")
        case "+QPINC":
            first = f'+QPINC: "SC",{pin_left},{puk_left}'
            return reply(first) if argument(command) == "SC" else reply(first, '+QPINC: "P2",3,10')
        case "+SPIC":
            return reply(f"+SPIC: {pin_left},3,{puk_left},10")
    return reply(f"{command.name}: {pin_left},{puk_left}")


@commands.handles("+CLCK")
def lock_facility(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CLCK: whether the SIM asks for a PIN, and turning that on and off (3GPP TS 27.007 §7.4)."""
    if command.kind is Kind.TEST:
        return reply('+CLCK: ("SC","AO","OI","OX","AI","IR")')
    if argument(command) != "SC":
        return reply("+CLCK: 0")
    lock = modem.sim.lock
    if argument(command, 1) == "2":
        return reply(f"+CLCK: {int(bool(lock.pin))}")
    modem.sim.changed = True
    lock.switch(argument(command, 2), on=argument(command, 1) == "1")
    return OK


@commands.handles("+CIMI")
def imsi(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CIMI: who the subscriber is (3GPP TS 27.007 §5.6)."""
    return OK if command.kind is Kind.TEST else reply(modem.sim.imsi)


@commands.handles("+CCID", "^ICCID", "+QCCID", "+ZICCID", "+ICCID", sim=False)
def iccid(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """The number of the card, by the maker's own command."""
    modem.require_card()
    if command.name != modem.maker.iccid_command:
        raise cme(4)
    return OK if command.kind is Kind.TEST else reply(modem.maker.iccid_reply.format(modem.sim.iccid))


@commands.handles("+CRSM", sim=False)
def read_card(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CRSM=176,12258: the file EF ICCID, digits swapped (3GPP TS 27.007 §8.18, TS 11.11 §10.1.1)."""
    modem.require_card()
    if command.kind is Kind.TEST:
        return OK
    if argument(command) != "176" or argument(command, 1) not in ICCID_FILE:
        return reply("+CRSM: 106,130")
    digits = modem.sim.iccid.ljust(20, "F")
    swapped = "".join(digits[at + 1] + digits[at] for at in range(0, 20, 2))
    return reply(f'+CRSM: 144,0,"{swapped}"')


@commands.handles("+CNUM")
def own_number(modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """AT+CNUM: the SIM's own number (3GPP TS 27.007 §7.1)."""
    return reply(f'+CNUM: "","{modem.sim.number}",145')


@commands.handles("+CUSD")
def ussd(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CUSD: a request to the network; its answer comes as +CUSD (3GPP TS 27.007 §7.15)."""
    if command.kind is Kind.TEST:
        return reply("+CUSD: (0-2)")
    if command.kind is Kind.READ:
        return reply(f"+CUSD: {modem.settings.get('+CUSD', '0')}")
    if argument(command) == "2":
        modem.services.end_ussd()
        return OK
    modem.settings["+CUSD"] = argument(command)
    if code := argument(command, 1):
        modem.agenda.at_powered(now, lambda when: modem.services.ussd(code, when))
    return OK


@commands.handles("+CLIP")
def caller(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CLIP: whether the number of a caller is told (3GPP TS 27.007 §7.6)."""
    if command.kind is Kind.READ:
        return reply(f"+CLIP: {modem.settings.get('+CLIP', '0')},1")
    return remembered(modem, command, now)


@commands.handles("+CPBS", "+CPBR", "+CPBW", "+CPBF")
def phone_book(_modem: VirtualModem, command: Command, _now: float) -> Answer:
    """The SIM's phone book, which is empty (3GPP TS 27.007 §8.11)."""
    told = {
        ("+CPBS", Kind.TEST): '+CPBS: ("SM")',
        ("+CPBS", Kind.READ): '+CPBS: "SM",0,250',
        ("+CPBR", Kind.TEST): "+CPBR: (1-250),40,16",
    }.get((command.name, command.kind))
    return OK if told is None else reply(told)
