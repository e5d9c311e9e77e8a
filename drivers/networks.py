"""Where a peer comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def comes_from(address: str, networks: Collection[Network]) -> bool:
    """Whether an address is in one of these networks; none given is anywhere.

    An IPv4 address that came in over IPv6 counts as what it is, and a zone (``%eth0``) as nothing.
    """
    came = ipaddress.ip_address(address.partition("%")[0])
    mapped = came.ipv4_mapped if isinstance(came, ipaddress.IPv6Address) else None
    return not networks or any((mapped or came) in network for network in networks)
