"""Addresses that a browser may be sent to: those of the web alone, never a file of this machine or a script. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# Browsers leave some of them out of an address, others take them for its end.
_NOT_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f]")


def check_web_address(url: str) -> str:
    """Return the address.

    Raises:
        ValueError: It isn't one of ``http`` or ``https`` with a host.
    """
    try:
        parts = urlsplit(url)
        is_of_the_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError as exc:
        msg = f"is not an address: {exc}"
        raise ValueError(msg) from exc
    if not is_of_the_web or _NOT_IN_ADDRESSES.search(url):
        msg = "leads to no address of the web; only http and https are loaded"
        raise ValueError(msg)
    return url
