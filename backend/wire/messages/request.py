"""Models of the bodies of Anthropic's ``POST /v1/messages`` and ``/v1/messages/count_tokens``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class Source(_Lenient):
    """Data of an image or a document, as ``base64``, ``url``, ``text`` or ``content``."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    content: Any = None


class ContentBlock(_Lenient):
    """One block of a message, whatever its type."""

    type: str
    text: str | None = None
    thinking: str | None = None
    source: Source | None = None
    title: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: str | list[ContentBlock] | None = None
    is_error: bool | None = None


class InputMessage(_Lenient):
    """One message of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: str | list[ContentBlock]


def find_tool_use_ids(messages: Iterable[InputMessage]) -> set[str]:
    """Return the ids of all calls of tools in a conversation."""
    said = (message.content for message in messages if message.role == "assistant")
    blocks = (block for content in said if not isinstance(content, str) for block in content)
    return {block.id for block in blocks if block.type == "tool_use" and block.id}


class Thinking(_Lenient):
    """``enabled`` with a budget in tokens, ``adaptive`` or ``disabled``."""

    type: str
    budget_tokens: int | None = None


class OutputConfig(_Lenient):
    """Effort and format of the answer."""

    effort: str | None = None
    format: dict[str, Any] | None = None


class CountRequest(_Lenient):
    """The body of ``count_tokens``: a request without its limits."""

    model: str
    messages: Annotated[list[InputMessage], Field(min_length=1)]
    system: str | list[ContentBlock] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None


class MessagesRequest(CountRequest):
    """The body of ``POST /v1/messages``, field for field."""

    max_tokens: Annotated[int, Field(gt=0)]
    stop_sequences: list[str] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: int | None = None
    metadata: dict[str, Any] | None = None
    stream: bool | None = None
    service_tier: str | None = None
    container: Any = None
    mcp_servers: list[Any] | None = None
    context_management: Any = None
