"""Writes the vectors of embeddings in the encoding that was asked for, whichever they came in. Pure.

OpenAI's client for Node asks for base64 by itself and decodes whatever comes: a list of numbers would become a vector of a
quarter of its length.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from backend.provider_errors import ApiFailedError


def encode_vectors(entries: list[Any], encoding: Any) -> bool:
    """Write OpenAI's ``data`` as ``encoding_format`` asks, and return whether anything was changed.

    ``base64`` is that of little-endian 32-bit floats; without a format it is ``float``, a list of numbers. Formats that OpenAI
    doesn't have are left to the provider.

    Raises:
        ApiFailedError: An entry has no vector.
    """
    is_changed = False
    for entry in entries:
        vector = entry.get("embedding") if isinstance(entry, dict) else None
        if not isinstance(vector, list | str):
            msg = "an embedding of its answer is no vector"
            raise ApiFailedError(msg)
        if encoding == "base64" and isinstance(vector, list):
            entry["embedding"] = _pack(vector)
            is_changed = True
        elif encoding in (None, "float") and isinstance(vector, str):
            entry["embedding"] = _unpack(vector)
            is_changed = True
    return is_changed


def _pack(vector: list[Any]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError) as exc:
        msg = "an embedding of its answer holds something else than numbers of 32 bits"
        raise ApiFailedError(msg) from exc


def _unpack(text: str) -> list[float]:
    try:
        raw = base64.b64decode(text, validate=True)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    except (struct.error, ValueError) as exc:
        msg = "an embedding of its answer is neither numbers nor base64 of them"
        raise ApiFailedError(msg) from exc
