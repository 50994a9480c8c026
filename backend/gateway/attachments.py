"""Fetches the files that a request names by URL, so that the prompt has all its bytes."""

from __future__ import annotations

import asyncio
import logging
import socket
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import aiohttp
from yarl import URL

from automation.turn import Attachment, Message, Prompt
from backend.errors import InvalidRequestError
from backend.security.addresses import is_public_address
from backend.wire.attachments import FileLimits, FilePart, RemoteFile, checked_image, too_large

logger = logging.getLogger(__name__)

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024
_FETCH_S = 30.0
_UNREACHABLE = "The URL can't be reached at a public address."
_DAMAGED = "The URL's answer is damaged."

AddressCheck = Callable[[str], bool]


class _RefusedAddressError(OSError):
    """An address that must not be connected to."""


class _FetchError(Exception):
    """Why a URL gives no file, in words for the client: they tell nothing about our own network."""


class _TooLargeError(Exception):
    """More bytes than allowed."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    data: bytes
    media_type: str
    name: str


class FileFetcher:
    """Turns parsed files into attachments.

    ``may_reach`` decides over every address before it is connected to, after the name was resolved: what was checked
    is what is connected to, whatever the name resolves to later.
    """

    def __init__(
        self,
        limits: FileLimits,
        may_reach: AddressCheck = is_public_address,
        *,
        fetch_s: float = _FETCH_S,
    ) -> None:
        self.limits = limits
        self._may_reach = may_reach
        self._fetch_s = fetch_s

    async def attach(self, prompt: Prompt, files: Sequence[Sequence[FilePart]]) -> Prompt:
        """Return the prompt with its messages' files, in their order; those with an address are fetched now.

        Raises:
            InvalidRequestError: One can't be fetched, is too large, or is not what it must be.
        """
        if not any(files):
            return prompt
        async with self._session() as session:
            messages = [
                await self._complete(message, parts, session)
                for message, parts in zip(prompt.messages, files, strict=True)
            ]
        return replace(prompt, messages=tuple(messages))

    async def _complete(
        self, message: Message, parts: Sequence[FilePart], session: aiohttp.ClientSession
    ) -> Message:
        found = [
            part if isinstance(part, Attachment) else await self._fetch_part(part, session) for part in parts
        ]
        return replace(message, attachments=tuple(found)) if found else message

    async def _fetch_part(self, part: RemoteFile, session: aiohttp.ClientSession) -> Attachment:
        try:
            async with asyncio.timeout(self._fetch_s):
                found = await self._fetch(part.url, session)
        except TimeoutError as exc:
            msg = f"The URL did not give its file within {self._fetch_s:g} s."
            raise InvalidRequestError(msg, part.field) from exc
        except _TooLargeError as exc:
            raise too_large(part.field, self.limits) from exc
        except _FetchError as exc:
            raise InvalidRequestError(str(exc), part.field) from exc
        except aiohttp.ClientConnectorError as exc:
            logger.info("file_unreachable", extra={"part": part.part, "reason": type(exc).__name__})
            raise InvalidRequestError(_UNREACHABLE, part.field) from exc
        except (aiohttp.ClientError, ValueError) as exc:
            logger.info("file_not_fetched", extra={"part": part.part, "reason": type(exc).__name__})
            msg = "The URL could not be fetched: the connection or the answer broke."
            raise InvalidRequestError(msg, part.field) from exc
        return checked_image(found.data, found.media_type, found.name, part.part, part.number, part.field)

    async def _fetch(self, address: str, session: aiohttp.ClientSession) -> _Fetched:
        url = _checked(address)
        for _ in range(_MOST_REDIRECTS + 1):
            self._check_literal(url)
            async with session.get(url, allow_redirects=False) as response:
                location = response.headers.get("location")
                if response.status in _REDIRECTS and location:
                    url = _checked(str(url.join(URL(location))))
                    continue
                if response.status != 200:
                    msg = f"The URL answers with HTTP {response.status}."
                    raise _FetchError(msg)
                data = await self._read(response)
                return _Fetched(data, response.headers.get("content-type", ""), _name_in(url))
        msg = f"The URL redirects more than {_MOST_REDIRECTS} times."
        raise _FetchError(msg)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the whole body, unpacked, reading no further than one byte over the limit."""
        most = self.limits.most_bytes
        if response.content_length is not None and response.content_length > most:
            raise _TooLargeError
        body = _Unpacked(response.headers.get("content-encoding", "").strip().lower())
        data = bytearray()
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            data += body.feed(piece, most + 1 - len(data))
            if len(data) > most:
                raise _TooLargeError
        if not body.is_whole:
            raise _FetchError(_DAMAGED)
        return bytes(data)

    def _check_literal(self, url: URL) -> None:
        """Refuse addresses in the URL itself early; the socket's check would come to the same."""
        host = url.host or ""
        if (":" in host or host.replace(".", "").isdigit()) and not self._may_reach(host):
            raise _FetchError(_UNREACHABLE)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        # No cookies, no proxies or .netrc of the environment, and each file on a connection of its own.
        connector = aiohttp.TCPConnector(
            resolver=aiohttp.ThreadedResolver(),
            use_dns_cache=False,
            force_close=True,
            socket_factory=self._open_socket,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"accept": "image/*,*/*;q=0.5", "accept-encoding": "identity", "user-agent": "Parley"},
        ) as session:
            yield session

    def _open_socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, place = info
        if not self._may_reach(place[0]):
            raise _RefusedAddressError
        return socket.socket(family, kind, protocol)


def _checked(address: str) -> URL:
    """Return the URL, or say what is wrong with it."""
    url = URL(address)
    if url.scheme not in ("http", "https") or not url.host:
        msg = "Only http: and https: URLs can be fetched."
        raise _FetchError(msg)
    if url.user is not None or url.password is not None:
        msg = "The URL must not hold a user name or a password."
        raise _FetchError(msg)
    return url.with_fragment(None)


class _Unpacked:
    """Turns pieces of a body into pieces of the file. Servers may compress although we ask them not to."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            msg = "The URL answers in a content encoding that was not asked for."
            raise _FetchError(msg)
        self._packed = None if encoding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, piece: bytes, most: int) -> bytes:
        """Return what the piece unpacks to, but no more than ``most`` (at least 1) bytes; the rest is lost then."""
        if self._packed is None:
            return piece
        try:
            return self._packed.decompress(piece, most)
        except zlib.error as exc:
            raise _FetchError(_DAMAGED) from exc

    @property
    def is_whole(self) -> bool:
        """Whether the end was seen; without compression the connection tells."""
        return self._packed is None or self._packed.eof


def _name_in(url: URL) -> str:
    return unquote(url.path.rpartition("/")[2], errors="replace")
