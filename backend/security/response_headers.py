"""Headers that every response carries unless it says otherwise: what browsers may make of it. Pure."""

from __future__ import annotations

from typing import Final

Header = tuple[bytes, bytes]

CONTENT_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURITY_HEADERS: Final[tuple[Header, ...]] = (
    # An answer of an API runs nothing, loads nothing, and is shown in nobody's frame.
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # No page of another origin may load it as a script, a style or a picture, not even to see that it is there.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    # Sessions and settings are no business of a browser's cache.
    (b"cache-control", b"no-store"),
)
