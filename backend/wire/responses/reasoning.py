"""Reads and writes the reasoning of a Responses conversation, so that it comes back with the next request. Pure."""

from __future__ import annotations

import base64
import binascii

from backend.wire.responses.request import InputItem

ENCRYPTED = "reasoning.encrypted_content"
"""What ``include`` names where a client keeps the items itself: many send back this field alone."""

# It says that the rest is ours: what another server has encrypted can't be read.
_OURS = "gateway-reasoning:"


def read_reasoning(item: InputItem) -> str:
    """Return the text of a reasoning item; empty where only another server could read it."""
    if isinstance(item.content, str):
        return item.content
    if said := "".join(part.text or "" for part in item.content or ()):
        return said
    if item.encrypted_content and item.encrypted_content.startswith(_OURS):
        return _decoded(item.encrypted_content.removeprefix(_OURS))
    return "\n\n".join(part.text for part in item.summary or () if part.text)


def pack_reasoning(text: str) -> str:
    """Return the text as ``encrypted_content``: opaque, not secret, for the client has it in plain words as well."""
    return _OURS + base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _decoded(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8", "surrogatepass")
    except (binascii.Error, UnicodeDecodeError):
        return ""
