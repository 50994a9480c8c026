"""HTTP calls of an opened API, with responses parsed for a program."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from backend.providers.api.client_session import open_api_session
from backend.providers.api.codegen.runs import CodegenDefaults
from backend.providers.api.opener import api_opener
from backend.providers.api.reply import CompletionProvider
from backend.providers.config import EndpointConfig
from backend.providers.library.api_config import invalid_config_error
from backend.providers.library.call_types import CallResult, build_call_result
from backend.wire.answers.answer_document import read_object, read_objects, read_text
from backend.wire.chat_events import chat_document
from backend.wire.chat_request import PinnedChatRequest
from backend.wire.chat_response import CompletionHead


@asynccontextmanager
async def opened_api(endpoint: EndpointConfig, codegen: CodegenDefaults) -> AsyncIterator[CompletionProvider]:
    """Hold one API open; nothing is asked yet."""
    async with open_api_session() as session, api_opener(session, {}, codegen)(endpoint) as provider:
        yield provider


async def complete(api: CompletionProvider, body: Mapping[str, Any], **metadata: Any) -> CallResult:
    """Return the answer to a chat body; ``metadata`` gets ``ignored``, the fields that had no effect.

    Raises:
        AutomationError, GatewayError: There is none.
    """
    check_body(body)
    whole = await api.complete(body, build_completion_head(body))
    return build_call_result(chat_document(whole.body), ignored=list(api.ignored(body)), **metadata)


def check_body(body: Mapping[str, Any]) -> None:
    """Refuse a chat body that has a field of another kind than OpenAI's.

    Raises:
        InvalidRequestError: ``param`` names the field at fault.
    """
    try:
        PinnedChatRequest.model_validate(body)
    except ValidationError as exc:
        raise invalid_config_error(exc) from exc


async def only_model(api: CompletionProvider) -> str | None:
    """Return the model of an API that has just one, else None."""
    models = await api.models()
    return models[0] if len(models) == 1 else None


def build_completion_head(body: Mapping[str, Any]) -> CompletionHead:
    """Return what an answer to this body is headed with."""
    return CompletionHead(f"chatcmpl-{uuid4().hex}", int(time.time()), str(body.get("model") or ""))


def texts_in(events: bytes) -> Iterator[str]:
    """Yield the texts of the answer in whole ``data: {chunk}`` events.

    Raises:
        ApiFailedError: A content is no text.
    """
    for event in events.split(b"\n\n"):
        if event.startswith(b"data: {"):
            for choice in read_objects(chat_document(event.removeprefix(b"data: ")), "choices"):
                if text := read_text(read_object(choice, "delta"), "content"):
                    yield text
