"""Recognizes host names and origins that mean this machine. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::[0-9]{1,5})?")


def is_loopback_name(name: str) -> bool:
    """Whether a host name or address, without port, can only be this machine (RFC 6761, RFC 1122)."""
    name = name.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_authority(authority: str) -> bool:
    """Whether this is ``host`` or ``host:port`` and nothing else, as it stands in a ``Host`` header."""
    return _AUTHORITY.fullmatch(authority) is not None


def host_name(authority: str) -> str:
    """Return the lower-case host of ``host[:port]``; empty when it is malformed."""
    if not is_authority(authority):
        return ""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def is_host_allowed(authority: str, allowed: Collection[str]) -> bool:
    """Whether a request with this ``Host`` header may be served without authentication."""
    name = host_name(authority)
    return "*" in allowed or is_loopback_name(name) or name in {host_name(a) for a in allowed}


def is_origin_allowed(origin: str | None, scheme: str, authority: str, allowed: Collection[str]) -> bool:
    """Whether a request with this ``Origin`` comes from our own pages or from one of ``allowed``."""
    if origin is None or "*" in allowed:
        return True
    return origin.rstrip("/").lower() in {f"{scheme}://{authority}".lower(), *(a.lower() for a in allowed)}
