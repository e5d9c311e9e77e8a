"""What ``+CMS ERROR`` and ``+CME ERROR`` numbers mean, and whose fault each is.

Sentences are the standards': 3GPP TS 24.011 annex E (1 to 127), 23.040 §9.2.3.22 (128 to 255), 27.005 §3.2.5
(from 300), 27.007 §9.2 (``+CME``). The faults are our reading: trouble of the SIM, the account or the network
holds the device back and keeps the message; what names the message fails it; the rest is ``UNCLEAR``, which
bounds the attempts so that one message can't block a device for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from drivers.base import Fault


class Meaning(NamedTuple):
    """A code in words, and who has to act on it."""

    sentence: str
    fault: Fault


def cms_error(code: int) -> Meaning:
    """The meaning of ``+CMS ERROR: code``; a code that no standard knows is ``UNCLEAR``."""
    return _CMS.get(code) or Meaning(f"unknown +CMS ERROR {code}", Fault.UNCLEAR)


def cme_error(code: int) -> Meaning:
    """The meaning of ``+CME ERROR: code``; a code that no standard knows is ``UNCLEAR``."""
    return _CME.get(code) or Meaning(f"unknown +CME ERROR {code}", Fault.UNCLEAR)


def explain(family: str, code: int) -> Meaning:
    """The meaning of ``+CMS ERROR`` (``family`` CMS) or ``+CME ERROR`` in a whole sentence: who refused, in the
    standard's words, with the number and where it stands.

    >>> explain("CMS", 1).sentence
    'the network refused the message: unassigned (unallocated) number (+CMS ERROR 1, 3GPP TS 24.011 annex E)'
    """
    meaning = cms_error(code) if family == "CMS" else cme_error(code)
    who, standard = _origin(family, code)
    known = code in (_CMS if family == "CMS" else _CME)
    where = f" (+{family} ERROR {code}, {standard})" if known else ""
    return Meaning(f"{who} refused the message: {meaning.sentence}{where}", meaning.fault)


def _origin(family: str, code: int) -> tuple[str, str]:
    """Who gives such a code, and where it stands."""
    if family != "CMS":
        return "the modem", "3GPP TS 27.007 §9.2"
    if code < 128:
        return "the network", "3GPP TS 24.011 annex E"
    if code < 256:
        return "the service centre", "3GPP TS 23.040 §9.2.3.22"
    return "the modem", "3GPP TS 27.005 §3.2.5"


def _table(sentences: Mapping[Fault, Mapping[int, str]]) -> dict[int, Meaning]:
    return {code: Meaning(words, fault) for fault, group in sentences.items() for code, words in group.items()}


_CMS = _table(
    {
        Fault.MESSAGE: {
            1: "unassigned (unallocated) number",
            21: "short message transfer rejected",
            128: "telematic interworking not supported",
            129: "short message Type 0 not supported",
            130: "cannot replace short message",
            143: "unspecified TP-PID error",
            144: "data coding scheme (alphabet) not supported",
            145: "message class not supported",
            159: "unspecified TP-DCS error",
            160: "command cannot be actioned",
            161: "command unsupported",
            175: "unspecified TP-Command error",
            176: "TPDU not supported",
            195: "invalid SME address",
            196: "destination SME barred",
            197: "SM rejected, duplicate SM",
            198: "TP-VPF not supported",
            199: "TP-VP not supported",
            304: "invalid PDU mode parameter",
            305: "invalid text mode parameter",
        },
        Fault.TEMPORARY: {
            27: "destination out of order",
        },
        Fault.DEVICE: {
            8: "operator determined barring",
            10: "call barred",
            17: "network failure",
            22: "congestion, or memory capacity exceeded",
            28: "unidentified subscriber",
            29: "facility rejected",
            30: "unknown subscriber",
            38: "network out of order",
            41: "temporary failure",
            42: "congestion",
            47: "resources unavailable, unspecified",
            50: "requested facility not subscribed",
            192: "SC busy",
            193: "no SC subscription",
            194: "SC system failure",
            208: "(U)SIM SMS storage full",
            209: "no SMS storage capability in (U)SIM",
            211: "memory capacity exceeded",
            212: "(U)SIM application toolkit busy",
            301: "SMS service of ME reserved",
            310: "(U)SIM not inserted",
            311: "(U)SIM PIN required",
            312: "PH-(U)SIM PIN required",
            313: "(U)SIM failure",
            314: "(U)SIM busy",
            315: "(U)SIM wrong",
            316: "(U)SIM PUK required",
            317: "(U)SIM PIN2 required",
            318: "(U)SIM PUK2 required",
            320: "memory failure",
            322: "memory full",
            330: "SMSC address unknown",
            331: "no network service",
            332: "network timeout",
        },
        Fault.UNCLEAR: {
            69: "requested facility not implemented",
            81: "invalid short message transfer reference value",
            95: "invalid message, unspecified",
            96: "invalid mandatory information",
            97: "message type non-existent or not implemented",
            98: "message not compatible with short message protocol state",
            99: "information element non-existent or not implemented",
            111: "protocol error, unspecified",
            127: "interworking, unspecified",
            210: "error in MS",
            213: "(U)SIM data download error",
            255: "unspecified error cause",
            300: "ME failure",
            302: "operation not allowed",
            303: "operation not supported",
            321: "invalid memory index",
            340: "no +CNMA acknowledgement expected",
            500: "unknown error",
        },
    }
)

_CME = _table(
    {
        Fault.MESSAGE: {
            24: "text string too long",
            25: "invalid characters in text string",
            26: "dial string too long",
            27: "invalid characters in dial string",
            56: "fixed dial number only allowed, called number is not a fixed dial number",
        },
        Fault.DEVICE: {
            0: "phone failure",
            1: "no connection to phone",
            2: "phone-adaptor link reserved",
            5: "PH-SIM PIN required",
            6: "PH-FSIM PIN required",
            7: "PH-FSIM PUK required",
            10: "SIM not inserted",
            11: "SIM PIN required",
            12: "SIM PUK required",
            13: "SIM failure",
            14: "SIM busy",
            15: "SIM wrong",
            16: "incorrect password",
            17: "SIM PIN2 required",
            18: "SIM PUK2 required",
            20: "memory full",
            23: "memory failure",
            30: "no network service",
            31: "network timeout",
            32: "network not allowed, emergency calls only",
            40: "network personalization PIN required",
            41: "network personalization PUK required",
            42: "network subset personalization PIN required",
            43: "network subset personalization PUK required",
            44: "service provider personalization PIN required",
            45: "service provider personalization PUK required",
            46: "corporate personalization PIN required",
            47: "corporate personalization PUK required",
            48: "hidden key required",
            53: "not attached to network due to MT functionality restrictions",
            54: "modem not allowed, MT restricted to emergency calls only",
            55: "operation not allowed because of MT functionality restrictions",
            57: "temporarily out of service due to other MT usage",
            60: "system failure",
            62: "call barred",
            103: "illegal MS",
            106: "illegal ME",
            107: "GPRS services not allowed",
            111: "PLMN not allowed",
            112: "location area not allowed",
            113: "roaming not allowed in this location area",
            132: "service option not supported",
            133: "requested service option not subscribed",
            134: "service option temporarily out of order",
        },
        Fault.UNCLEAR: {
            3: "operation not allowed",
            4: "operation not supported",
            21: "invalid index",
            22: "not found",
            49: "EAP method not supported",
            50: "incorrect parameters",
            51: "command implemented but currently disabled",
            52: "command aborted by user",
            58: "language/alphabet not supported",
            59: "unexpected data value",
            61: "data missing",
            63: "message waiting indication subscription failure",
            100: "unknown",
            148: "unspecified GPRS error",
            149: "PDP authentication failure",
            150: "invalid mobile class",
        },
    }
)
