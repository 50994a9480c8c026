"""One chat request as it is handed to a provider."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal
from backend.providers.turn_cancellation import TurnCancellation
from backend.wire.chat_fields import OWN_FIELDS
from backend.wire.chat_request import ChatRequest, check_message_count
from backend.wire.door import DoorRequest, TranslatedRequest
from backend.wire.ids import new_id


@dataclass(eq=False)  # frozen, making one takes three times as long
class ChatCall:
    """One chat request.

    Attributes:
        body: As the client sent it, in the words of the API that it speaks.
        is_throwaway: Its chat is never continued.
        principal: Whose request it is.
        asked: Slugs of the endpoints that were tried, in this order.
        cancellation: Cancels its turn.
        door: The request of another API than chat completions; None for one of those.
    """

    model: str
    body: dict[str, Any]
    is_streamed: bool = False
    with_usage: bool = False
    is_throwaway: bool = False
    principal: Principal = LOCAL_ADMINISTRATOR
    created: int = field(default_factory=lambda: int(time.time()))
    asked: list[str] = field(default_factory=list)
    cancellation: TurnCancellation = field(default_factory=TurnCancellation)
    id: str = field(default_factory=lambda: new_id("chatcmpl-"))
    door: DoorRequest | None = None

    @cached_property
    def translated(self) -> TranslatedRequest:
        """The request in the words of chat completions.

        Raises:
            InvalidRequestError, ValidationError: It can't be told in them.
        """
        if self.door is None:
            return TranslatedRequest(self.body)
        translated = self.door.translate()
        check_message_count(translated.body["messages"])
        return translated

    @cached_property
    def request(self) -> ChatRequest:
        """The body, every field checked, as pages need it.

        Raises:
            InvalidRequestError, ValidationError: A field is not what it must be.
        """
        return ChatRequest.model_validate({"model": "", **self.translated.body})

    def body_for(self, model: str | None) -> dict[str, Any]:
        """Return the chat body for an API, which is asked for its ``model``.

        Raises:
            InvalidRequestError, ValidationError: It can't be told as one.
        """
        body = {name: value for name, value in self.translated.body.items() if name not in OWN_FIELDS}
        if model is not None:
            body["model"] = model
        return body
