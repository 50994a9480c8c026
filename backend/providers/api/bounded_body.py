"""Reads an API's response in pieces, so that nobody can send more than is wanted, packed or not."""

from __future__ import annotations

from typing import Final

import aiohttp

from backend.provider_errors import ApiFailedError

_MIB: Final = 1024 * 1024
MOST_ANSWER_BYTES: Final = 64 * _MIB
MOST_LIST_BYTES: Final = 4 * _MIB


async def read_bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the whole body, unpacked.

    Raises:
        ApiFailedError: It is larger.
        aiohttp.ClientError, OSError: It broke off, or can't be unpacked.
    """
    if (response.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    pieces: list[bytes] = []
    size = 0
    while piece := await response.content.readany():
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_beginning(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the whole body, or so much of its beginning, unpacked.

    Raises:
        aiohttp.ClientError, OSError: It broke off, or can't be unpacked.
    """
    body = b""
    while len(body) < most_bytes and (piece := await response.content.readany()):
        body += piece
    return body[:most_bytes]


def _too_large(most_bytes: int) -> ApiFailedError:
    return ApiFailedError(f"its answer is larger than {most_bytes // _MIB} MiB")
