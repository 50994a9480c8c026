"""A request of OpenAI's Responses API as it came, and the writers of its answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import orjson

from backend.errors import InvalidRequestError
from backend.wire.chat_events import named_event
from backend.wire.chat_fields import OWN_FIELDS
from backend.wire.chat_response import to_json
from backend.wire.door import DoorName, PassedAnswer, TranslatedRequest
from backend.wire.errors import ErrorReply
from backend.wire.responses.document import response_error
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body, untranslated_of_responses

# The provider keeps these for all callers of the gateway alike, whose key they share.
_KEPT_THERE = ("previous_response_id", "conversation", "background")
_OWN_CONVERSATIONS = frozenset({"auto", "new", "none", "temporary"})
_SEQUENCE_NUMBER = re.compile(rb'"sequence_number"\s*:\s*(\d+)')


class ResponsesDoor:
    """One request; it is checked and translated only where who answers it speaks another API."""

    name: DoorName = "responses"

    headers: Mapping[str, str] = MappingProxyType({})
    query = ""

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

    def pass_on(self, model: str | None) -> bytes:
        """Return the body as it came, without the gateway's own extras, for another ``model`` where there is one.

        Raises:
            InvalidRequestError: It goes on with what the provider keeps, which may be another caller's.
        """
        _refuse_kept(self.body)
        changes = {} if model is None else {"model": model}
        kept = {name: value for name, value in self.body.items() if name not in OWN_FIELDS}
        return to_json({**kept, **changes})

    def encoder(self, *, is_native: bool = False) -> ResponsesEncoder | PassedResponses:
        """Return the writer of an answer that comes as a chat completion, or in this API's own words."""
        return PassedResponses() if is_native else ResponsesEncoder(self._request)

    def refusal(self, error: ErrorReply) -> bytes:
        """Return OpenAI's ``{"error": …}``."""
        return error.encode()


class PassedResponses(PassedAnswer):
    """Passes an answer of the Responses API on."""

    def __init__(self) -> None:
        super().__init__()
        self._first = b""

    def events(self, events: bytes) -> bytes:
        """Return the events as they are."""
        self._first = self._first or events
        return super().events(events)

    def error_event(self, error: ErrorReply) -> bytes:
        """Return ``response.failed`` of the response that began."""
        numbers = _SEQUENCE_NUMBER.findall(self.last)
        number = int(numbers[-1]) + 1 if numbers else 0
        response = {**self._begun(), "status": "failed", "error": response_error(error)}
        return named_event({"type": "response.failed", "sequence_number": number, "response": response})

    def _begun(self) -> dict[str, Any]:
        """Return the response as its first event told it."""
        for line in self._first.split(b"\n"):
            if line.startswith(b"data:"):
                document = orjson.loads(line[5:])
                response = document.get("response") if isinstance(document, dict) else None
                return response if isinstance(response, dict) else {}
        return {}


def _refuse_kept(body: Mapping[str, Any]) -> None:
    for name in _KEPT_THERE:
        value = body.get(name)
        if value and not (isinstance(value, str) and value in _OWN_CONVERSATIONS):
            msg = f"{name} is not supported: what the provider keeps may be another caller's."
            raise InvalidRequestError(msg, name)
    items = body.get("input")
    for at, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            msg = "There is no such item among those that are kept for you. Send the item itself."
            raise InvalidRequestError(msg, f"input.{at}")
