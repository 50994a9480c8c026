"""Tells public IP addresses from private ones, so that a request can't have us connect to the latter. Pure."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_V4_COMPATIBLE = IPv6Network("::/96")


def is_public_address(address: str) -> bool:
    """Whether this is a unicast address of the public internet, also where it wraps an IPv4 address.

    Anything that isn't an address in its full notation is none: ``127.1`` and ``2130706433`` are read as addresses by
    some and as names by others.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return _is_public_v6(parsed)
    return _is_public_v4(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    # 192.88.99.0/24 leads to 6to4 relays.
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved)
        and (address not in ipaddress.IPv4Network("192.88.99.0/24"))
    )


def _is_public_v6(address: IPv6Address) -> bool:
    wrapped = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
    if wrapped is not None:
        return _is_public_v4(wrapped)
    if address.scope_id or address.teredo or address in _NAT64_LOCAL or address in _V4_COMPATIBLE:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_site_local)
