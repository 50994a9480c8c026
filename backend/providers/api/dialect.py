"""Protocol of dialects: OpenAI chat bodies to a provider's HTTP requests, and its responses back. Pure.

On our side everything has the shape of OpenAI's chat completions: a body goes in as a client sent it (without the gateway's
own extras, ``model`` replaced by the provider's name of it), and documents and chunks come out as a client gets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

Body = Mapping[str, Any]
"""A JSON object as it came from a client or a provider."""

Method = Literal["GET", "POST"]


class ApiRequest(NamedTuple):
    """One request to the provider.

    Attributes:
        path: Relative to the endpoint's base URL, with its query, such as ``/chat/completions``.
        body: JSON; empty for a GET.
        headers: Besides authorization and content type.
        takes_json: A streamed answer is no event stream, so that JSON in it is what was asked for; else it is a whole answer.
    """

    path: str
    body: bytes = b""
    method: Method = "POST"
    headers: Mapping[str, str] = MappingProxyType({})
    takes_json: bool = False


class WholeCompletion(NamedTuple):
    """A whole answer.

    Attributes:
        body: A ``chat.completion`` as JSON.
        usage: None where the provider told none.
    """

    body: bytes
    usage: TokenUsage | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Parsed error body of a provider.

    Attributes:
        message: The provider's own words; empty where there are none.
        code: Its code or type, such as ``context_length_exceeded``.
        param: The field at fault, by OpenAI's names, or None.
        retry_after_s: Seconds to wait according to the body (a header is read elsewhere).
    """

    message: str
    code: str = ""
    param: str | None = None
    retry_after_s: float | None = None


class ChatStream(Protocol):
    """One streamed answer while it arrives, split anywhere."""

    @property
    def has_begun(self) -> bool:
        """Whether text, reasoning, a refusal or a tool call came: from here on nobody else can be asked."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether the provider said that the answer is whole."""
        ...

    @property
    def usage(self) -> TokenUsage | None:
        """The tokens, as reported so far."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Return the ``data: {chunk}`` events that ``data`` completes, never ``[DONE]``; often nothing.

        An error that comes behind text is raised by the next call, which may bring no data.

        Raises:
            ApiFailedError: The stream carries an error, or isn't in the provider's format.
            KeyLimitedError: The error is a limit, of the key or of the model.
        """
        ...

    def close(self) -> bytes:
        """Return what was held back, at the end of the provider's stream: the usage chunk where it was asked for.

        Raises:
            ApiFailedError: It ended before the provider said that the answer is whole.
        """
        ...


class Dialect(Protocol):
    """Protocol of one provider's API. Stateless."""

    def chat(self, body: Body, *, is_streamed: bool) -> ApiRequest:
        """Return the request for a chat body.

        Raises:
            InvalidRequestError: The provider has no way to honour it; ``param`` names the field.
            ValidationError: A field that must be translated has not the type that OpenAI defines.
        """
        ...

    def completion(self, body: bytes, head: CompletionHead) -> WholeCompletion:
        """Return the answer in a body that came with HTTP 200.

        Raises:
            ApiFailedError: It isn't an answer; also for an error under HTTP 200.
            KeyLimitedError: It is a limit under HTTP 200.
        """
        ...

    def stream(self, head: CompletionHead, *, with_usage: bool) -> ChatStream:
        """Return the reader of a streamed answer; ``with_usage`` as in ``stream_options.include_usage``."""
        ...

    def refusal(self, body: bytes) -> Refusal:
        """Return what the body of an HTTP error says; never raises, whatever the body is."""
        ...

    def ignored(self, body: Body) -> Sequence[str]:
        """Return the fields of a chat body that have no effect at this provider, sorted.

        Raises:
            InvalidRequestError, ValidationError: As ``chat`` does.
        """
        ...

    def refused(self, body: Body) -> Sequence[str]:
        """Return the fields for which it is known to refuse a body; nothing where the dialect itself leaves them out."""
        ...

    def list_models(self) -> ApiRequest | None:
        """Return the request for the provider's models; None where it has no list."""
        ...

    def models(self, body: bytes) -> list[str]:
        """Return the names in the answer to ``list_models``.

        Raises:
            ApiFailedError: It isn't such a list.
        """
        ...

    def embeddings(self, body: Body) -> ApiRequest | None:
        """Return the request for OpenAI's embeddings body; None where the provider has none."""
        ...

    def embedded(self, body: bytes, model: str, encoding: Any) -> bytes:
        """Return OpenAI's embeddings document for the provider's answer; ``encoding`` is the body's ``encoding_format``.

        Raises:
            ApiFailedError: It isn't one.
        """
        ...
