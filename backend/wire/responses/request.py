"""Model of the body of OpenAI's ``POST /v1/responses``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class ResponsesPart(_Lenient):
    """One part of a message or of a tool's output."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    input_audio: dict[str, Any] | None = None


class InputItem(_Lenient):
    """One item of ``input``; a message may leave its type out."""

    type: str = "message"
    role: str | None = None
    content: str | list[ResponsesPart] | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[ResponsesPart] | None = None
    summary: list[ResponsesPart] | None = None
    encrypted_content: str | None = None
    tools: list[dict[str, Any]] | None = None


def find_call_ids(items: str | Iterable[InputItem]) -> set[str]:
    """Return the ids of all calls of tools in a conversation."""
    return set() if isinstance(items, str) else {item.call_id for item in items if item.call_id}


class Reasoning(_Lenient):
    """Effort of the model's reasoning."""

    effort: str | None = None
    summary: str | None = None


class TextConfig(_Lenient):
    """Format of the answer's text."""

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class ResponsesRequest(_Lenient):
    """The body, field for field."""

    model: str
    input: Annotated[str, Field(min_length=1)] | Annotated[list[InputItem], Field(min_length=1)]
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: Annotated[int, Field(gt=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: int | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    stream: bool | None = None
    store: bool | None = None
    include: list[str] | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    background: bool | None = None
    prompt: Any = None
    max_tool_calls: int | None = None
    truncation: str | None = None
    stream_options: Any = None
