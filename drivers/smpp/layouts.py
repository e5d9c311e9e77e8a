"""The mandatory parameters of each command: smpplib's tables, and those of the commands that it lacks.

smpplib knows neither cancel_sm, replace_sm nor outbind, and its query_sm_resp has no message_state.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from smpplib import consts
from smpplib.command_codes import get_command_name
from smpplib.ptypes import ostr
from smpplib.smpp import make_pdu

from drivers.smpp.names import CANCEL_SM, OUTBIND, QUERY_SM, REPLACE_SM, RESPONSE

Row = tuple[str, type, int]
"""Name, type (``int``, ``str`` for a C-Octet String, ``ostr`` for octets), octets: the most, for strings."""
_SOURCE: Final[tuple[Row, ...]] = (("source_addr_ton", int, 1), ("source_addr_npi", int, 1), ("source_addr", str, 21))
_DESTINATION: Final[tuple[Row, ...]] = (
    ("dest_addr_ton", int, 1), ("dest_addr_npi", int, 1), ("destination_addr", str, 21),
)  # fmt: skip
OWN: Final[dict[int, tuple[Row, ...]]] = {
    QUERY_SM | RESPONSE: (
        ("message_id", str, 65), ("final_date", str, 17), ("message_state", int, 1), ("error_code", int, 1),
    ),
    CANCEL_SM: (("service_type", str, 6), ("message_id", str, 65), *_SOURCE, *_DESTINATION),
    CANCEL_SM | RESPONSE: (),
    REPLACE_SM: (
        ("message_id", str, 65), *_SOURCE, ("schedule_delivery_time", str, 17), ("validity_period", str, 17),
        ("registered_delivery", int, 1), ("sm_default_msg_id", int, 1), ("sm_length", int, 1),
        ("short_message", ostr, 254),
    ),
    REPLACE_SM | RESPONSE: (),
    OUTBIND: (("system_id", str, 16), ("password", str, 9)),
}  # fmt: skip
"""SMPP 3.4 §4.8.2, §4.9, §4.10, §4.1.7."""


_NAMES: Final = {CANCEL_SM: "cancel_sm", REPLACE_SM: "replace_sm", OUTBIND: "outbind"}


def name(command: int) -> str:
    """What the standard calls a command, such as ``bind_transceiver``."""
    return _NAMES.get(command) or str(get_command_name(command))


@cache
def layout(command: int) -> tuple[Row, ...]:
    """The mandatory parameters of a command, in their order."""
    if command in OWN:
        return OWN[command]
    pdu = make_pdu(get_command_name(command), sequence=1)
    rows: list[Row] = []
    for name in pdu.params_order:
        if name not in consts.OPTIONAL_PARAMS:
            param = pdu.params[name]
            rows.append((name, param.type, getattr(param, "size", getattr(param, "max", 0))))
    return tuple(rows)
