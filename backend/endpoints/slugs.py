"""Makes an endpoint's id (slug) from its name. Pure."""

from __future__ import annotations

import re
import unicodedata

# They would collide with routes below /api/.
RESERVED = frozenset(
    {"endpoints", "rotations", "users", "keys", "auth", "usage", "agents", "tasks", "profiles"}
)


def build_slug(name: str) -> str:
    """Return ``name`` in lower-case ASCII letters, digits and hyphens: "DeepSeek Web Chat" -> "deepseek-web-chat".

    Raises:
        ValueError: Nothing is left of it, or the result is reserved.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not slug:
        msg = "must contain a letter or digit of the Latin alphabet"
        raise ValueError(msg)
    if slug in RESERVED:
        msg = f"{slug!r} is reserved; choose another name"
        raise ValueError(msg)
    return slug
