"""How the makers' modems differ, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Maker:
    """One maker's manner of answering."""

    name: str
    manufacturer: str
    model: str
    revision: str
    iccid_command: str
    """The command that tells the ICCID besides AT+CRSM."""
    iccid_reply: str
    """Its answer, with ``{}`` for the digits."""
    tries_commands: tuple[str, ...]
    """The commands that tell how many PIN and PUK tries are left."""
    noise: tuple[str, ...]
    """What it says unasked."""
    full: str
    """Said when the message memory is full, with ``{}`` for the memory."""
    boot: tuple[str, ...]
    """Said after a reset."""
    cnmi: str
    own: tuple[str, ...]
    """Commands of its own that it takes and answers with OK."""
    memories: tuple[str, ...] = ("SM", "ME", "MT", "SR")
    first_place: int = 0
    """The number of the first place on the SIM."""
    empty_is_ok: bool = False
    """Reading an empty place is answered with OK alone, not with +CMS ERROR 321."""
    packed_ussd: bool = False
    """USSD text goes in packed septets, hexadecimal."""


MAKERS = {
    maker.name: maker
    for maker in (
        Maker(
            name="huawei",
            manufacturer="huawei",
            model="E173",
            revision="11.126.85.00.209",
            iccid_command="^ICCID",
            iccid_reply="^ICCID: {}",
            tries_commands=("^CPIN",),
            noise=("^RSSI: 17", "^BOOT:27710117,0,0,0,75", "^DSFLOWRPT:0000001E,00000000,00000000,0000,0000,0000,0000"),
            full='^SMMEMFULL: "{}"',
            boot=("^SYSSTART", "^SRVST: 2", "^SIMST: 1"),
            cnmi="(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
            packed_ussd=True,
            own=("^CURC", "^PORTSEL", "^SYSCFG", "^U2DIAG"),
        ),
        Maker(
            name="zte",
            manufacturer="ZTE INCORPORATED",
            model="MF190",
            revision="BD_MF190V1.0.0B04",
            iccid_command="+ZICCID",
            iccid_reply="+ZICCID: {}",
            tries_commands=("+ZPINPUK",),
            noise=("+ZUSIMR:2", '+ZDONR: "",0,0,"CS_ONLY","ROAM_OFF"', '+ZPASR: "UMTS"'),
            full='+ZSMSFULL: "{}"',
            boot=("+ZUSIMR:2",),
            cnmi="(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
            first_place=1,
            own=("+ZOPRT", "+ZSNT", "+ZCDRUN"),
        ),
        Maker(
            name="quectel",
            manufacturer="Quectel",
            model="EC25",
            revision="EC25EFAR06A06M4G",
            iccid_command="+QCCID",
            iccid_reply="+QCCID: {}",
            tries_commands=("+CPINR", "+QPINC"),
            noise=('+QIND: "csq",17,99', "RDY", '+QIND: "act","LTE"'),
            full='+QIND: "smsfull","{}"',
            boot=("RDY", "+CFUN: 1", "+CPIN: READY", "+QIND: SMS DONE", "+QIND: PB DONE"),
            cnmi="(0-2),(0-3),(0,2),(0-2),(0,1)",
            empty_is_ok=True,
            own=("+QCFG", "+QURCCFG", "+QINDCFG"),
        ),
        Maker(
            name="simcom",
            manufacturer="SIMCOM INCORPORATED",
            model="SIM7600E-H",
            revision="+CGMR: LE20B04SIM7600M22",
            iccid_command="+CCID",
            iccid_reply='+CCID: "{}"',
            tries_commands=("+CPINR", "+SPIC"),
            noise=("+CSQ: 17,99", "Call Ready", "SMS Ready"),
            full="+SMS FULL",
            boot=("RDY", "+CPIN: READY", "SMS DONE", "PB DONE", "Call Ready", "SMS Ready"),
            cnmi="(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
            own=("+CSCLK", "+CNMP", "+CLTS"),
        ),
    )
}
