"""Model of OpenAI's chat completion request, with the gateway's own extras. Pure.

Parameters that a chat page can't honour are of two kinds: those that change what the answer *is* are refused (400,
named), those that only tune it are ignored and named in ``x-gateway-ignored-params``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.errors import InvalidRequestError

# No model reads as many; each costs memory and time in every later step.
MOST_MESSAGES = 10_000


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class FunctionCall(_Lenient):
    """A function that the model called, its arguments as JSON text."""

    name: str
    arguments: str


class ToolCall(_Lenient):
    """One call of an earlier assistant message."""

    id: str | None = None
    type: str = "function"
    function: FunctionCall


class ImageUrl(_Lenient):
    """An image, as a ``data:`` URL or to be fetched from an ``http(s):`` URL."""

    url: str
    detail: str | None = None


class FileData(_Lenient):
    """A file: ``file_data`` is base64 or a ``data:`` URL."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class InputAudio(_Lenient):
    """A recording: base64, and ``wav`` or ``mp3``."""

    data: str
    format: str


class ContentPart(_Lenient):
    """One part of a message: ``text``, ``image_url``, ``file``, ``input_audio`` or ``refusal``."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None
    file: FileData | None = None
    input_audio: InputAudio | None = None


class ChatMessage(_Lenient):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class StreamOptions(_Lenient):
    """Options of a streamed answer."""

    include_usage: bool | None = None


class ChatRequest(_Lenient):
    """The body of ``POST /v1/chat/completions``.

    Attributes:
        conversation: ``auto``, ``new`` or the id of a conversation.
    """

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    seed: int | None = None
    user: str | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None
    conversation: str | None = None
    thinking: bool | None = None
    search: bool | None = None


class PinnedChatRequest(ChatRequest):
    """The body of ``POST /api/{endpoint}/chat/completions``, where the model may be left out."""

    model: str = ""


class TestRequest(BaseModel):
    """The body of ``POST /api/endpoints/{slug}/test``."""

    __test__ = False  # pytest would collect it by its name

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    message: Annotated[str, Field(min_length=1)]
    model: str | None = None


def check_message_count(messages: Sequence[Any]) -> None:
    """Refuse more messages than anything reads.

    Raises:
        InvalidRequestError: There are more than ``MOST_MESSAGES``.
    """
    if len(messages) > MOST_MESSAGES:
        msg = f"messages: must be at most {MOST_MESSAGES} messages, not {len(messages)}."
        raise InvalidRequestError(msg, "messages")
