"""A request of OpenAI's Responses API as it came, and the writers of its answer. Pure."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from backend.wire.door import DoorName, TranslatedRequest
from backend.wire.errors import ErrorReply
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body, untranslated_of_responses


class ResponsesDoor:
    """One request; it is checked and translated only where who answers it speaks another API."""

    name: DoorName = "responses"

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    @cached_property
    def _request(self) -> ResponsesRequest:
        return ResponsesRequest.model_validate(self.body)

    def translate(self) -> TranslatedRequest:
        """Return the body of a chat completion, and what is lost on the way.

        Raises:
            InvalidRequestError: Something can't be translated; ``param`` names it.
            ValidationError: It is no request of this API.
        """
        body = responses_to_chat_body(self._request)
        return TranslatedRequest(body, tuple(untranslated_of_responses(self._request)))

    def encoder(self) -> ResponsesEncoder:
        """Return the writer of an answer that comes as a chat completion."""
        return ResponsesEncoder(self._request)

    def refusal(self, error: ErrorReply) -> bytes:
        """Return OpenAI's ``{"error": …}``."""
        return error.encode()
