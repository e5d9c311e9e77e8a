"""The numbers of SMPP 3.4 that this package uses, by their names in the standard."""

from __future__ import annotations

from typing import Final

# Command ids, SMPP 3.4 §5.1.2.1. A response is its request with the top bit set.
RESPONSE: Final = 0x8000_0000
GENERIC_NACK: Final = 0x8000_0000
BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
QUERY_SM: Final = 0x03
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
REPLACE_SM: Final = 0x07
CANCEL_SM: Final = 0x08
BIND_TRANSCEIVER: Final = 0x09
OUTBIND: Final = 0x0B
ENQUIRE_LINK: Final = 0x15
SUBMIT_MULTI: Final = 0x21
ALERT_NOTIFICATION: Final = 0x102
DATA_SM: Final = 0x103
BINDS: Final = (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER)
REPLIES: Final = tuple(RESPONSE | command for command in (QUERY_SM, CANCEL_SM, REPLACE_SM))
KNOWN: Final = frozenset(
    {*BINDS, QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND, REPLACE_SM, CANCEL_SM, OUTBIND, ENQUIRE_LINK, SUBMIT_MULTI}
    | {ALERT_NOTIFICATION, DATA_SM}
)

# command_status, SMPP 3.4 §5.1.3 (those that the code itself uses; ``statuses`` has them all).
ROK: Final = 0x00
RINVMSGLEN: Final = 0x01
RINVCMDLEN: Final = 0x02
RINVCMDID: Final = 0x03
RINVBNDSTS: Final = 0x04
RALYBND: Final = 0x05
RSYSERR: Final = 0x08
RINVDSTADR: Final = 0x0B
RINVMSGID: Final = 0x0C
RBINDFAIL: Final = 0x0D
RINVPASWD: Final = 0x0E
RINVSYSID: Final = 0x0F
RCANCELFAIL: Final = 0x11
RREPLACEFAIL: Final = 0x13
RMSGQFUL: Final = 0x14
RSUBMITFAIL: Final = 0x45
RINVSYSTYP: Final = 0x53
RTHROTTLED: Final = 0x58
RINVSCHED: Final = 0x61
RX_T_APPN: Final = 0x64
RQUERYFAIL: Final = 0x67

# Optional parameters, SMPP 3.4 §5.3.2.
TLV_DEST_ADDR_SUBUNIT: Final = 0x0005
TLV_RECEIPTED_MESSAGE_ID: Final = 0x001E
TLV_USER_MESSAGE_REFERENCE: Final = 0x0204
TLV_SAR_MSG_REF_NUM: Final = 0x020C
TLV_SAR_TOTAL_SEGMENTS: Final = 0x020E
TLV_SAR_SEGMENT_SEQNUM: Final = 0x020F
TLV_SC_INTERFACE_VERSION: Final = 0x0210
TLV_NETWORK_ERROR_CODE: Final = 0x0423
TLV_MESSAGE_PAYLOAD: Final = 0x0424
TLV_MESSAGE_STATE: Final = 0x0427

# esm_class, SMPP 3.4 §5.2.12.
ESM_UDHI: Final = 0x40
ESM_TYPE_MASK: Final = 0x3C
ESM_RECEIPT: Final = 0x04
ESM_INTERMEDIATE: Final = 0x20

# Type of number and numbering plan, SMPP 3.4 §5.2.5 and §5.2.6.
TON_UNKNOWN: Final = 0
TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
TON_NETWORK: Final = 3
TON_ALPHANUMERIC: Final = 5
NPI_UNKNOWN: Final = 0
NPI_ISDN: Final = 1

MIN_PDU: Final = 16
MAX_PDU: Final = 65536
MAX_SHORT_MESSAGE: Final = 254
LAST_SEQUENCE: Final = 0x7FFF_FFFF
