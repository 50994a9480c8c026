"""An answer on its way to the client, in OpenAI's words, whichever provider gives it. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from backend.wire.usage import TokenUsage

_IGNORED = "x-gateway-ignored-params"


def reply_headers(slug: str, ignored: Sequence[str]) -> dict[str, str]:
    """Return the headers that name the endpoint, and the parameters without effect."""
    return with_ignored({"x-gateway-endpoint": slug}, ignored)


def with_ignored(headers: Mapping[str, str], ignored: Sequence[str]) -> dict[str, str]:
    """Return the headers, with these names among the parameters without effect."""
    if not ignored:
        return dict(headers)
    known = headers.get(_IGNORED, "")
    # Names come from the client; a header takes only plain ASCII.
    named = ", ".join(ignored).encode("ascii", "backslashreplace").decode()
    told = "".join(c if c.isprintable() else "?" for c in named)
    return {**headers, _IGNORED: f"{known}, {told}" if known else told}


class Reply(Protocol):
    """One answer that has begun: nothing was sent to the client before.

    Of a streamed one, iterate the events, without ``[DONE]``; of another one, there is ``body`` alone.

    Attributes:
        is_native: It is in the words of the API that the client speaks, and not a chat completion.
    """

    is_native: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """Additional response headers."""
        ...

    @property
    def usage(self) -> TokenUsage | None:
        """Token counts, known at the end; None where nobody counted them."""
        ...

    @property
    def is_usage_estimated(self) -> bool:
        """Whether the tokens are an estimate of ours."""
        ...

    @property
    def body(self) -> bytes:
        """The whole ``chat.completion``; empty for a streamed answer."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Return the next events, never none.

        Raises:
            AutomationError: The answer broke off; what came before is not a complete one.
        """
        ...


class StreamedAnswer(Protocol):
    """A streamed answer that has begun: iterate it for OpenAI's events, without ``[DONE]``."""

    @property
    def usage(self) -> TokenUsage | None:
        """Tokens as the provider counted them, by the end."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Return the next events, never none."""
        ...


class PassedReply:
    """The answer of an API."""

    is_usage_estimated = False

    def __init__(
        self,
        headers: Mapping[str, str],
        body: bytes = b"",
        usage: TokenUsage | None = None,
        stream: StreamedAnswer | None = None,
        *,
        is_native: bool = False,
    ) -> None:
        self.headers = headers
        self.is_native = is_native
        self.body = body
        self._usage = usage
        self._stream = stream

    @property
    def usage(self) -> TokenUsage | None:
        """Tokens as the provider counted them."""
        return self._stream.usage if self._stream is not None else self._usage

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self if self._stream is None else aiter(self._stream)

    async def __anext__(self) -> bytes:
        """Return the next events."""
        if self._stream is None:
            raise StopAsyncIteration
        return await anext(self._stream)
