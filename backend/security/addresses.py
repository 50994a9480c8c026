"""Tells public IP addresses from all others, so that a request can't have us connect to the latter. Pure.

By tables of its own, after IANA's registries of special-purpose addresses (of IPv4, of IPv6, and IPv6's allocated space): what
``ipaddress`` calls global differs from one release of Python to the next.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

_SPECIAL_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; in it 100.100.100.200, a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's WireServer, from inside of its machines
        "169.254.0.0/16",  # link-local; in it the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; in it 192.0.0.192, a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # all that is allocated
_SPECIAL_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them, which wraps an IPv4 address
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")


def is_public_address(address: str) -> bool:
    """Whether this is a unicast address of the public internet, also where it wraps an IPv4 address.

    Anything that isn't an address in its full notation is none: ``127.1`` and ``2130706433`` are read as addresses by
    some and as names by others.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public_v6(parsed) if isinstance(parsed, IPv6Address) else _is_public_v4(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    wrapped = _wrapped_v4(address)
    if wrapped is not None:
        return _is_public_v4(wrapped)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL_V6)


def _wrapped_v4(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which this one leads, where it wraps one."""
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(number & 0xFFFFFFFF)
    return IPv4Address(number >> 80 & 0xFFFFFFFF) if address in _6TO4 else None
