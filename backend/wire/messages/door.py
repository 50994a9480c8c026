"""A request of Anthropic's Messages API as it came, and the writers of its answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from backend.wire.chat_events import named_event
from backend.wire.chat_fields import OWN_FIELDS
from backend.wire.chat_response import to_json
from backend.wire.door import DoorName, PassedAnswer, TranslatedRequest, encode_passed_body
from backend.wire.errors import ErrorReply
from backend.wire.ids import new_id
from backend.wire.messages.encoder import MessagesEncoder
from backend.wire.messages.errors import error_document
from backend.wire.messages.request import MessagesRequest
from backend.wire.messages.translate import messages_to_chat_body, untranslated_of_messages

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_BETA, _VERSION = "anthropic-beta", "anthropic-version"
_OLDEST_VERSION = "2023-06-01"  # the only one there is so far


class MessagesDoor:
    """One request; it is checked and translated only where who answers it speaks another API.

    Args:
        headers: The request's, by their names in small letters.
    """

    name: DoorName = "messages"

    def __init__(
        self,
        body: dict[str, Any],
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        query: str = "",
        request_id: str | None = None,
    ) -> None:
        self.body = body
        betas = headers.get(_BETA)
        self.headers: Mapping[str, str] = {
            _VERSION: headers.get(_VERSION) or _OLDEST_VERSION,
            **({_BETA: betas} if betas else {}),
        }
        self.query = query
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
        return TranslatedRequest(body, (*([_BETA] if _BETA in self.headers else ()), *ignored))

    def pass_on(self, model: str | None) -> bytes:
        """Return the body as it came, without the gateway's own extras, for another ``model`` where there is one."""
        # In this API ``thinking`` is an object, and its own.
        own = {name for name in OWN_FIELDS if name != "thinking" or isinstance(self.body.get(name), bool)}
        return encode_passed_body(self.body, own, model)

    def encoder(self, *, is_native: bool = False) -> MessagesEncoder | PassedMessages:
        """Return the writer of an answer that comes as a chat completion, or in this API's own words."""
        if is_native:
            return PassedMessages(self._request_id)
        return MessagesEncoder(self._request, self._request_id, new_id(""))

    def refusal(self, error: ErrorReply) -> bytes:
        """Return ``{"type": "error", …}``."""
        return to_json(error_document(error, self._request_id))


class PassedMessages(PassedAnswer):
    """Passes an answer of the Messages API on."""

    def __init__(self, request_id: str | None) -> None:
        super().__init__()
        self._request_id = request_id

    def error_event(self, error: ErrorReply) -> bytes:
        """Return an ``error`` event."""
        return named_event(error_document(error, self._request_id))
