"""Commands about the modem and the network (ITU-T V.250, 3GPP TS 27.007)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drivers.virtual.answers import OK, Answer, Reply, cme, reply
from drivers.virtual.commands.registry import Commands, argument
from drivers.virtual.line import Command, Kind

if TYPE_CHECKING:
    from drivers.virtual.modem import VirtualModem

commands = Commands()
NETWORK_CODE = "00101"
"""The test network of 3GPP TS 51.010-1."""


def unknown(modem: VirtualModem, command: Command) -> Answer:
    """A command that this modem does not have, or one of the maker's own that changes nothing here."""
    if command.name in modem.maker.own:
        return remembered(modem, command, 0.0)
    raise cme(4)


@commands.handles(
    "+CMUT", "+CRC", "+CR", "+COLP", "+CLIR", "+CSSN", "+CTZU", "+CTZR", "+CGATT", "+CVHU", "+IPR", "+IFC", "+ICF",
    "+CCWA", "+CCFC", sim=False,
)  # fmt: skip
def remembered(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """A value that is remembered and changes nothing."""
    match command.kind:
        case Kind.SET:
            modem.settings[command.name] = ",".join(command.arguments)
        case Kind.READ:
            return reply(f"{command.name}: {modem.settings.get(command.name, '0')}")
        case Kind.TEST:
            return reply(f"{command.name}: (0,1)")
    return OK


@commands.handles("E", sim=False)
def echo(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """ATE0, ATE1."""
    modem.line.echo = argument(command) == "1"
    return OK


@commands.handles("Q", "V", "X", "&C", "&D", "&F", "&W", "&K", "S0", "S3", "S7", "L", "M", sim=False)
def accepted(_modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """Taken without effect."""
    return OK


@commands.handles("H", "+CHUP", sim=False)
def hang_up(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """ATH, AT+CHUP: a call ends."""
    if command.kind is not Kind.TEST:
        modem.services.hang_up()
    return OK


@commands.handles("Z", sim=False)
def defaults(modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """ATZ: settings back to their defaults; SIM and memories stay as they are."""
    modem.line.echo = True
    modem.cmee = 0
    return OK


@commands.handles("I", sim=False)
def identity(modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """ATI."""
    maker = modem.maker
    told = {"Manufacturer": maker.manufacturer, "Model": maker.model, "Revision": maker.revision}
    return reply(*(f"{name}: {value}" for name, value in told.items()), f"IMEI: {modem.options.imei}")


@commands.handles("+CGMI", "+GMI", "+CGMM", "+GMM", "+CGMR", "+GMR", "+CGSN", "+GSN", sim=False)
def one_identity(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """Maker, model, revision, IMEI (3GPP TS 27.007 §5)."""
    if command.kind is Kind.TEST:
        return OK
    maker = modem.maker
    told = {"MI": maker.manufacturer, "MM": maker.model, "MR": maker.revision, "SN": modem.options.imei}
    return reply(told[command.name[-2:]])


@commands.handles("+CMEE", sim=False)
def error_form(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CMEE: how errors are told."""
    if command.kind is not Kind.SET:
        return reply(f"+CMEE: {modem.cmee if command.kind is Kind.READ else '(0-2)'}")
    if argument(command) not in ("0", "1", "2"):
        raise cme(4)
    modem.cmee = int(argument(command))
    return OK


@commands.handles("+CSCS", sim=False)
def charset(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CSCS: the character set of strings (3GPP TS 27.007 §5.5)."""
    if command.kind is Kind.TEST:
        return reply('+CSCS: ("IRA","GSM","UCS2")')
    if command.kind is Kind.READ:
        return reply(f'+CSCS: "{modem.charset}"')
    if argument(command).upper() not in ("IRA", "GSM", "UCS2"):
        raise cme(4)
    modem.charset = argument(command).upper()
    return OK


@commands.handles("+CSQ", sim=False)
def signal(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+CSQ: signal quality (3GPP TS 27.007 §8.5)."""
    if command.kind is Kind.TEST:
        return reply("+CSQ: (0-31,99),(0-7,99)")
    return reply(f"+CSQ: {modem.options.signal if modem.registration.serves else 99},99")


@commands.handles("+CREG", "+CGREG", "+CEREG", sim=False)
def registration(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """Whether the network has taken the modem in (3GPP TS 27.007 §7.2)."""
    if command.kind is Kind.TEST:
        return reply(f"{command.name}: (0-2)")
    if command.kind is Kind.SET:
        modem.settings[command.name] = argument(command)
        return OK
    form = modem.settings.get(command.name, "0")
    state = modem.registration
    place = ',"00C3","0001E2F4",2' if form == "2" and state.serves else ""
    return reply(f"{command.name}: {form},{state.stat}{place}")


@commands.handles("+COPS")
def operator(modem: VirtualModem, command: Command, _now: float) -> Answer:
    """AT+COPS: the network operator (3GPP TS 27.007 §7.3)."""
    name = modem.options.operator
    if command.kind is Kind.TEST:
        return reply(f'+COPS: (2,"{name}","{name}","{NETWORK_CODE}",2),,(0-4),(0-2)')
    if command.kind is Kind.SET:
        if argument(command) == "3":
            modem.settings["+COPS"] = argument(command, 1)
        return OK
    if not modem.registration.serves:
        return reply("+COPS: 0")
    form = modem.settings.get("+COPS", "0")
    return reply(f'+COPS: 0,{form},"{NETWORK_CODE if form == "2" else name}",2')


@commands.handles("+CFUN", sim=False)
def functionality(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CFUN: radio on and off; with ``,1`` the modem starts again (3GPP TS 27.007 §8.2)."""
    if command.kind is Kind.TEST:
        return reply("+CFUN: (0,1,4),(0,1)")
    if command.kind is Kind.READ:
        return reply(f"+CFUN: {modem.settings.get('+CFUN', '1')}")
    if argument(command) not in ("0", "1", "4"):
        raise cme(4)
    modem.settings["+CFUN"] = argument(command)
    modem.agenda.at_powered(now, modem.restart if argument(command, 1) == "1" else modem.surroundings_changed)
    return OK


@commands.handles("+CCLK", sim=False)
def clock(modem: VirtualModem, command: Command, now: float) -> Answer:
    """AT+CCLK: the modem's clock, which the network sets."""
    if command.kind is not Kind.READ:
        return OK
    when = datetime.fromtimestamp(modem.wall(now), UTC)
    return reply(f'+CCLK: "{when:%y/%m/%d,%H:%M:%S}+00"')


@commands.handles("+CBC", "+CPAS", "+GCAP", "+WS46", sim=False)
def fixed(_modem: VirtualModem, command: Command, _now: float) -> Answer:
    """What never changes: power from outside, ready, what it can do."""
    told = {"+CBC": "1,100", "+CPAS": "0", "+GCAP": "+CGSM", "+WS46": "25"}
    if command.kind is Kind.TEST:
        return OK
    return reply(f"{command.name}: {told[command.name]}")


@commands.handles("+CLAC", sim=False)
def known(modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """AT+CLAC: the commands that it knows (3GPP TS 27.007 §8.37)."""
    from drivers.virtual.commands import HANDLERS

    return reply(*(f"AT{name}" for name in sorted({*HANDLERS, *modem.maker.own})))


@commands.handles("D")
def dial(_modem: VirtualModem, _command: Command, _now: float) -> Answer:
    """ATD: there is nobody to talk to."""
    return Reply((), "NO CARRIER")
