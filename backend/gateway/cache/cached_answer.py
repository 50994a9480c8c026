"""Cache policy, cache key and serialization of a cached answer. Pure."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from backend.wire.answers.exact_json import dump_exactly, write_exactly

# They say who asks or how the answer travels, not what is asked.
_NOT_ASKED = frozenset({"model", "stream", "stream_options", "user", "metadata", "safety_identifier"})


def cache_key(body: Mapping[str, Any], target: str, scope: str = "") -> str:
    """Return the key of a request: equal for equal questions, whatever the order of their fields.

    The temperature is part of the question like everything else, and no reason not to cache: within the time to live a
    question is answered alike even at a high one. A client that wants another sample says ``cache-control: no-cache``.

    Args:
        body: The request as JSON; ``model``, ``stream``, ``user`` and ``metadata`` are left out of the key.
        target: Full name of what ``model`` resolves to, such as ``demo/deepseek-chat``.
        scope: Requests of different scopes never share an answer.

    Returns:
        A SHA-256 in hexadecimal. Streamed and whole answers differ in their bytes: see ``variant``.
    """
    asked = {name: value for name, value in body.items() if name not in _NOT_ASKED and value is not None}
    document = [scope, target, variant(body), asked]
    try:
        written = orjson.dumps(document, write_exactly, orjson.OPT_SORT_KEYS)
    except (
        orjson.JSONEncodeError
    ):  # half a surrogate pair, an integer beyond 64 bits: the order of the fields counts then
        written = dump_exactly(document)
    return hashlib.sha256(written).hexdigest()


def variant(body: Mapping[str, Any]) -> str:
    """Return in which form the answer travels: ``whole``, ``stream``, or ``stream+usage``."""
    if not body.get("stream"):
        return "whole"
    options = body.get("stream_options")
    return "stream+usage" if isinstance(options, Mapping) and options.get("include_usage") else "stream"


def is_cacheable(body: Mapping[str, Any]) -> bool:
    """Return whether a cached answer may be used: not in a conversation that the client names or begins."""
    return body.get("conversation") in {None, "auto"} and not body.get("store")


class CacheWish(NamedTuple):
    """Parsed ``cache-control`` of a request."""

    may_read: bool = True
    may_store: bool = True


def parse_cache_control(header: str | None) -> CacheWish:
    """Parse the header: ``no-cache`` wants a new answer, ``no-store`` wants it not stored either (RFC 9111, 5.2.1)."""
    words = {word.strip().partition("=")[0].lower() for word in (header or "").split(",")}
    is_new = bool(words & {"no-cache", "no-store"}) or "max-age=0" in (header or "").replace(" ", "")
    return CacheWish(may_read=not is_new, may_store="no-store" not in words)


class CachedAnswerError(ValueError):
    """These bytes are no answer that this version has encoded."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A complete answer, as it was sent.

    Attributes:
        chunks: The body in the pieces in which it was sent; one piece if it was not streamed.
        headers: Those that belong to the answer, such as its content type.
        is_native: As in ``Reply``.
    """

    chunks: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    is_native: bool = False

    @property
    def size_bytes(self) -> int:
        """Approximate memory that it takes."""
        return sum(map(len, self.chunks)) + sum(
            len(name) + len(value) for name, value in self.headers.items()
        )

    def encode(self) -> bytes:
        """Return it as bytes: one line of JSON, then the chunks."""
        head = {
            "headers": dict(self.headers),
            "sizes": [len(chunk) for chunk in self.chunks],
            "is_native": self.is_native,
        }
        return orjson.dumps(head) + b"\n" + b"".join(self.chunks)


def decode_answer(data: bytes) -> CachedAnswer:
    """Return what ``CachedAnswer.encode`` made these bytes of.

    Raises:
        CachedAnswerError: They are something else, or cut off.
    """
    line, _, body = data.partition(b"\n")
    try:
        head = orjson.loads(line)
        ends = list(itertools.accumulate(head["sizes"]))
        headers = {str(name): str(value) for name, value in head["headers"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise CachedAnswerError("not an encoded answer") from exc
    if (ends[-1] if ends else 0) != len(body):
        raise CachedAnswerError("cut off")
    starts = [0, *ends]
    chunks = tuple(body[a:b] for a, b in itertools.pairwise(starts))
    return CachedAnswer(chunks, headers, bool(head.get("is_native")))
