"""A request of Anthropic's Messages API as it came, and the writers of its answer. Pure."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from backend.wire.chat_response import to_json
from backend.wire.door import DoorName, TranslatedRequest
from backend.wire.errors import ErrorReply
from backend.wire.messages.encoder import MessagesEncoder
from backend.wire.messages.errors import error_document
from backend.wire.messages.request import MessagesRequest
from backend.wire.messages.translate import messages_to_chat_body, untranslated_of_messages

_BETA = "anthropic-beta"


class MessagesDoor:
    """One request; it is checked and translated only where who answers it speaks another API.

    Args:
        betas: The header ``anthropic-beta``; empty without one.
    """

    name: DoorName = "messages"

    def __init__(self, body: dict[str, Any], *, betas: str = "", request_id: str | None = None) -> None:
        self.body = body
        self.betas = betas
        self._request_id = request_id

    @cached_property
    def _request(self) -> MessagesRequest:
        return MessagesRequest.model_validate(self.body)

    def translate(self) -> TranslatedRequest:
        """Return the body of a chat completion, and what is lost on the way.

        Raises:
            InvalidRequestError: Something can't be translated; ``param`` names it.
            ValidationError: It is no request of this API.
        """
        body, ignored = messages_to_chat_body(self._request), untranslated_of_messages(self._request)
        return TranslatedRequest(body, (*([_BETA] if self.betas else ()), *ignored))

    def encoder(self) -> MessagesEncoder:
        """Return the writer of an answer that comes as a chat completion."""
        return MessagesEncoder(self._request, self._request_id)

    def refusal(self, error: ErrorReply) -> bytes:
        """Return ``{"type": "error", …}``."""
        return to_json(error_document(error, self._request_id))
